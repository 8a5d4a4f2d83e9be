#include "apps/inspection.h"
#include <algorithm>
#include <map>
#include "base/gguf.h"
#include "base/mapped_file.h"
#include "models/model.h"

namespace autark::apps {
namespace {

constexpr const char* kDimensions[] = {
    "num_hidden_layers",   "hidden_size", "intermediate_size",   "num_attention_heads",
    "num_key_value_heads", "head_dim",    "vocab_size",          "max_position_embeddings",
    "sliding_window",      "num_experts", "num_experts_per_tok", "moe_intermediate_size",
};

std::vector<Inspection::Share> shares(const Checkpoint& c) {
  std::map<std::string, Inspection::Share> by_format;
  for (const auto& t : c.tensors) {
    auto& s = by_format[t.stored];
    s.format = t.stored;
    s.tensors += 1;
    s.bytes += t.bytes;
  }
  std::vector<Inspection::Share> all;
  for (auto& [format, s] : by_format) all.push_back(std::move(s));
  std::ranges::stable_sort(all, std::ranges::greater{}, &Inspection::Share::bytes);
  return all;
}

// Streams as the model declares them, in the records they have at full speed.
void count_state(const Model& m, Inspection& in) {
  double per_token = 0;
  for (int i = 0; i < m.layers(); ++i)
    for (const Stream& s : m.state(i)) {
      const int64_t row = row_bytes(s.record, s.row.numel());
      if (s.keep)
        in.state_bytes_of_windows += s.keep * row;
      else
        per_token += double(row) / s.per;
    }
  in.state_bytes_per_1k_tokens = static_cast<int64_t>(per_token * 1000);
}

// Why the model cannot be made of the checkpoint; empty when it can, and then its state is counted.
std::string try_model(Checkpoint& c, Inspection& in) {
  const auto& known = model_registry();
  const auto factory = known.find(c.architecture);
  if (factory == known.end()) {
    std::string names;
    for (const auto& [name, make] : known) names += (names.empty() ? "" : ", ") + name;
    return "architecture '" + c.architecture + "' is not one this program runs (" + names + ")";
  }
  const auto model = factory->second(c.config, *c.weights);
  if (!model) return model.error().message;
  in.context = model.value()->context();
  count_state(*model.value(), in);
  return "";
}

bool is_there(const std::filesystem::path& path) {
  std::error_code failed;
  return std::filesystem::exists(path, failed);
}

// Looks for the files and keys, does not read them.
void find_text(const std::filesystem::path& path, const std::string& kind, Inspection& in) {
  if (kind == "gguf") {
    const auto file = Gguf::open(path);
    in.tokenizer = file && file.value().texts("tokenizer.ggml.tokens").has_value();
    in.chat_template = file && file.value().text("tokenizer.chat_template").has_value();
    return;
  }
  std::error_code failed;
  const auto directory = std::filesystem::is_directory(path, failed) ? path : path.parent_path();
  in.tokenizer = is_there(directory / "tokenizer.json");
  in.chat_template = is_there(directory / "chat_template.jinja");
  const auto config = read_file(directory / "tokenizer_config.json", size_t{16} << 20);
  if (config && config.value().find("\"chat_template\"") != std::string::npos) in.chat_template = true;
}

}  // namespace

Result<Inspection> inspect(const std::filesystem::path& path) {
  AUTARK_TRY(Checkpoint c, open_checkpoint(path));
  Inspection in{.path = path.string(),
                .kind = c.kind,
                .architecture = c.architecture,
                .parameters = c.parameters,
                .bytes = c.bytes,
                .formats = shares(c),
                .dimensions = Json::object(),
                .end_tokens = c.end_tokens,
                .memory = engine::memory_now()};
  for (const char* key : kDimensions)
    if (const auto it = c.config.find(key); it != c.config.end() && it->is_number()) in.dimensions[key] = *it;
  in.fault = try_model(c, in);
  find_text(path, c.kind, in);
  in.tensors = std::move(c.tensors);
  return in;
}

Json to_json(const Inspection& in, bool with_tensors) {
  Json formats = Json::array(), tensors = Json::array();
  for (const auto& s : in.formats)
    formats.push_back({{"format", s.format}, {"tensors", s.tensors}, {"bytes", s.bytes}});
  Json j{{"model", in.path},
         {"kind", in.kind},
         {"architecture", in.architecture},
         {"runs", in.fault.empty()},
         {"fault", in.fault.empty() ? Json() : Json(in.fault)},
         {"parameters", in.parameters},
         {"bytes", in.bytes},
         {"formats", formats},
         {"dimensions", in.dimensions},
         {"context", in.context},
         {"end_tokens", in.end_tokens},
         {"tokenizer", in.tokenizer},
         {"chat_template", in.chat_template},
         {"state_bytes_per_1k_tokens", in.state_bytes_per_1k_tokens},
         {"state_bytes_of_windows", in.state_bytes_of_windows},
         {"memory_free", in.memory.free},
         {"memory_total", in.memory.total},
         {"fits", in.fault.empty() && in.bytes_needed(std::min(in.context, kUsefulTokens)) <= in.memory.free},
         {"fits_with_whole_context", in.fault.empty() && in.bytes_needed(in.context) <= in.memory.free}};
  if (!with_tensors) return j;
  for (const auto& t : in.tensors)
    tensors.push_back({{"name", t.name}, {"format", t.stored}, {"shape", t.shape}, {"bytes", t.bytes}});
  j["tensors"] = std::move(tensors);
  return j;
}

}  // namespace autark::apps

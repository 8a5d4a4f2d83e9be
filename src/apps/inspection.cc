#include "apps/inspection.h"
#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include "apps/weight_cache_options.h"
#include "base/gguf.h"
#include "base/mapped_file.h"
#include "chips/registry.h"
#include "models/architecture.h"
#include "models/dry_step.h"
#include "models/planned_checkpoint.h"
#include "text/turn_end.h"
#include "weights/model_name.h"

namespace autark::apps {
namespace {

// Keys of the config that are shown as dimensions.
constexpr const char* kDimensions[] = {
    "num_hidden_layers",   "hidden_size", "intermediate_size",   "num_attention_heads",
    "num_key_value_heads", "head_dim",    "vocab_size",          "max_position_embeddings",
    "sliding_window",      "num_experts", "num_experts_per_tok", "moe_intermediate_size",
};

// Lengths of a sequence for which the cost of the next token is counted.
constexpr int64_t kBehind[] = {kFewTokens, 1 << 17, 1 << 20};

// Formats of GGUF files whose sizes are told for a config.
constexpr Format kOtherFormats[] = {Format::bf16, Format::q8_0, Format::q4_k};

// The tensors grouped by format, most bytes first.
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

// Bytes of the model's streams, in the formats used at full speed.
void count_state(const Model& m, Inspection& in) {
  double per_token = 0;
  for (int i = 0; i < m.layers(); ++i)
    for (const StateSpec& s : m.state_specs(i)) {
      const int64_t row = row_bytes(s.stored, s.row.numel());
      if (s.window_rows)
        in.state_bytes_of_windows += s.window_rows * row;
      else
        per_token += double(row) / s.tokens_per_row;
    }
  in.state_bytes_per_1k_tokens = static_cast<int64_t>(per_token * 1000);
}

// Bytes that a sequence of b.tokens tokens keeps.
void count_sequence(const Model& m, Inspection::Behind& b) {
  for (int i = 0; i < m.layers(); ++i)
    for (const StateSpec& s : m.state_specs(i)) {
      const int64_t row = row_bytes(s.stored, s.row.numel());
      if (s.kind == StateSpec::Kind::working)
        b.working_bytes += s.window_rows * row;
      else
        b.record_bytes +=
            (s.window_rows ? std::min<int64_t>(b.tokens, s.window_rows) : b.tokens / s.tokens_per_row) * row;
    }
}

// Cost of the token after b.tokens tokens.
void count_step(const Model& m, Inspection::Behind& b) {
  const Cost cost = cost_of_token(m, b.tokens);
  b.flops = cost.flops;
  b.weight_bytes = cost.weight_bytes;
  b.record_bytes_read = cost.kv_bytes;
}

void count_behind(const Model& m, Inspection& in) {
  for (const int64_t tokens : kBehind) {
    if (tokens > in.context) return;
    auto& b = in.behind.emplace_back(Inspection::Behind{.tokens = tokens});
    count_sequence(m, b);
    count_step(m, b);
  }
}

// The config alone, to plan a checkpoint from.
Checkpoint config_of(const Checkpoint& c) {
  Checkpoint config;
  config.kind = c.kind, config.architecture = c.architecture, config.config = c.config;
  config.end_tokens = c.end_tokens;
  return config;
}

// Makes the model and counts its state. Returns the reason if that fails, otherwise an empty text.
std::string try_model(const Checkpoint& c, Inspection& in) {
  if (!c.weights) return plan_checkpoint(config_of(c)).error().message;
  const auto model = bind(c);
  if (!model) return model.error().message;
  in.context = model.value()->context();
  count_state(*model.value(), in);
  count_behind(*model.value(), in);
  return "";
}

// Whether the path exists; false if that cannot be found out.
bool is_there(const std::filesystem::path& path) {
  std::error_code failed;
  return std::filesystem::exists(path, failed);
}

// Whether a tensor is one of a layer behind the last that the model runs, or of a draft head. Tensors of GGUF files
// that no model asks for keep their names.
bool is_of_drafts(const std::string& name, int64_t layers) {
  if (name.starts_with("mtp.") || name.starts_with("model.mtp_")) return true;
  for (const std::string_view start : {"model.layers.", "layers.", "blk."}) {
    if (!name.starts_with(start)) continue;
    int64_t layer = -1;
    std::from_chars(name.data() + start.size(), name.data() + name.size(), layer);
    return layers > 0 && layer >= layers;
  }
  return false;
}

bool is_of_vision(const std::string& name) {
  for (const char* start : {"model.visual.", "visual.", "vision_tower.", "model.vision_tower.",
                            "multi_modal_projector.", "model.multi_modal_projector.", "mm_projector."})
    if (name.starts_with(start)) return true;
  return false;
}

void find_what_is_not_run(const Checkpoint& c, Inspection& in) {
  const int64_t layers = in.dimensions.value("num_hidden_layers", int64_t{0});
  const auto a = find_architecture(c.architecture);
  const bool drafts_run = a && drafter_of(**a, c.config);
  for (const auto& t : c.tensors) {
    Inspection::Share* of = !drafts_run && is_of_drafts(t.name, layers) ? &in.drafts_not_run
                            : is_of_vision(t.name)                      ? &in.vision_not_run
                                                                        : nullptr;
    if (of) ++of->tensors, of->bytes += t.bytes;
  }
}

// Adds the end tokens of tokenizer and chat template to those of the checkpoint. Errors there are ignored: an
// inspection does not need them.
void add_end_tokens(const std::filesystem::path& path, Inspection& in) {
  const auto tokenizer = text::Tokenizer::open(path);
  if (!tokenizer) return;
  std::vector<int32_t> more = (*tokenizer)->end_tokens();
  if (const auto chat = text::ChatTemplate::open(path, tokenizer->get()))
    for (const int32_t id : text::turn_ends(**chat, **tokenizer)) more.push_back(id);
  for (const int32_t id : more)
    if (std::ranges::find(in.end_tokens, id) == in.end_tokens.end()) in.end_tokens.push_back(id);
}

// Whether there are a tokenizer and a chat template. Looks for files and keys only and does not parse them.
void find_text(const std::filesystem::path& path, const std::string& kind, Inspection& in) {
  if (kind == "gguf") {
    const auto file = Gguf::open(path);
    in.tokenizer = file && file.value().texts("tokenizer.ggml.tokens").has_value();
    in.chat_template = file && file.value().text("tokenizer.chat_template").has_value();
    return;
  }
  std::error_code failed;
  const auto directory = std::filesystem::is_directory(path, failed) ? path : path.parent_path();
  in.tokenizer =
      std::ranges::any_of(std::array{"tokenizer.json", "tokenizer.model", "tiktoken.model", "hy.tiktoken"},
                          [&](const char* name) { return is_there(directory / name); });
  in.chat_template = is_there(directory / "chat_template.jinja");
  const auto config = read_file(directory / "tokenizer_config.json", size_t{16} << 20);
  if (config && config.value().find("\"chat_template\"") != std::string::npos) in.chat_template = true;
}

// The sizes of a model whose config is planned as `c`.
std::optional<Error> count_stored_as(const char* name, const Checkpoint& c, Inspection& in) {
  AUTARK_TRY(const Architecture* a, find_architecture(c.architecture));
  AUTARK_TRY(const auto model, a->make(c.config, *c.weights));
  const Cost cost = cost_of_token(*model, std::min(kFewTokens, model->context() - 1));
  in.stored_as.push_back({name, c.bytes, cost.weight_bytes + cost.kv_bytes});
  return {};
}

// What is known of a config without weights. A fault is also found by try_model(), which reports it.
void count_config(const Checkpoint& c, Inspection& in) {
  const auto active = active_parameters(c);
  if (!active) return;
  in.active_parameters = *active;
  (void)count_stored_as("as published", c, in);
  for (const Format f : kOtherFormats)
    if (const auto planned = plan_checkpoint(config_of(c), f))
      (void)count_stored_as(name_of(f), *planned, in);
}

// The checkpoint at `path`. A config for which nothing can be planned has neither tensors nor weights.
Result<Checkpoint> open(const std::filesystem::path& path) {
  const auto folder = folder_of_bare_config(path);
  if (!folder) return open_checkpoint(path);
  AUTARK_TRY(Checkpoint c, open_bare_config(*folder));
  auto planned = plan_checkpoint(config_of(c));
  return planned ? std::move(planned) : Result<Checkpoint>(std::move(c));
}

void find_weight_cache(const std::filesystem::path& path, Inspection& in) {
  const engine::WeightCachePlace place = engine::default_weight_cache(path);
  in.weight_cache_folder = place.folder.string();
  in.weight_cache_bytes = engine::weight_cache_bytes(place.folder, model_name(path));
  in.weight_cache_line = weight_cache_line(place, path, in.bytes);
}

}  // namespace

Result<Inspection> inspect(const std::filesystem::path& path) {
  AUTARK_TRY(Checkpoint c, open(path));
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
  if (c.kind == "config") count_config(c, in);
  find_what_is_not_run(c, in);
  if (const auto a = find_architecture(c.architecture); a && (*a)->list) in.listing = (*a)->list(c);
  find_text(path, c.kind, in);
  if (c.kind != "config") find_weight_cache(path, in);
  add_end_tokens(path, in);
  if (c.weights)
    if (auto e = c.weights->change()) return *e;
  in.tensors = std::move(c.tensors);
  return in;
}

namespace {

Json to_json(const Inspection& in, const Inspection::StoredAs& s) {
  return {
      {"format", s.format},
      {"bytes", s.bytes},
      {"bytes_of_a_token", s.bytes_of_a_token},
      {"tokens_per_second_by_memory", in.read_gb_per_second > 0 ? Json(in.tokens_per_second(s)) : Json()}};
}

Json to_json(const Inspection::Behind& b) {
  return {{"tokens", b.tokens},
          {"record_bytes", b.record_bytes},
          {"working_bytes", b.working_bytes},
          {"flops", b.flops},
          {"weight_bytes_read", b.weight_bytes},
          {"record_bytes_read", b.record_bytes_read}};
}

Json to_json(const ReleaseListing& l) {
  Json differences = Json::array();
  for (const auto& d : l.differences)
    differences.push_back({{"name", d.name},
                           {"is", d.is.empty() ? Json() : Json(d.is)},
                           {"expected", d.expected.empty() ? Json() : Json(d.expected)}});
  return {{"release", l.release},
          {"draft", l.draft},
          {"tensors", l.tensors},
          {"bytes", l.bytes},
          {"as_listed", l.differences.empty()},
          {"differences", differences}};
}

}  // namespace

Json to_json(const Inspection& in, bool with_tensors) {
  Json formats = Json::array(), tensors = Json::array(), behind = Json::array(), not_run = Json::array();
  for (const Inspection::Share* s : {&in.drafts_not_run, &in.vision_not_run})
    if (s->tensors) not_run.push_back({{"what", s->format}, {"tensors", s->tensors}, {"bytes", s->bytes}});
  for (const auto& b : in.behind) behind.push_back(to_json(b));
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
         {"not_run", not_run},
         {"dimensions", in.dimensions},
         {"context", in.context},
         {"end_tokens", in.end_tokens},
         {"tokenizer", in.tokenizer},
         {"chat_template", in.chat_template},
         {"state_bytes_per_1k_tokens", in.state_bytes_per_1k_tokens},
         {"state_bytes_of_windows", in.state_bytes_of_windows},
         {"with_tokens_behind", behind},
         {"weight_cache", {{"folder", in.weight_cache_folder}, {"bytes", in.weight_cache_bytes}}},
         {"memory_free", in.memory.free},
         {"memory_total", in.memory.total},
         {"fits", in.fault.empty() && in.bytes_needed(std::min(in.context, kUsefulTokens)) <= in.memory.free},
         {"fits_with_whole_context", in.fault.empty() && in.bytes_needed(in.context) <= in.memory.free}};
  if (in.listing) j["listing"] = to_json(*in.listing);
  if (in.kind == "config") {
    j["active_parameters"] = in.active_parameters;
    j["stored_as"] = Json::array();
    for (const auto& s : in.stored_as) j["stored_as"].push_back(to_json(in, s));
    j["read_gb_per_second"] = in.read_gb_per_second > 0 ? Json(in.read_gb_per_second) : Json();
  }
  if (!with_tensors) return j;
  for (const auto& t : in.tensors)
    tensors.push_back({{"name", t.name}, {"format", t.stored}, {"shape", t.shape}, {"bytes", t.bytes}});
  j["tensors"] = std::move(tensors);
  return j;
}

}  // namespace autark::apps

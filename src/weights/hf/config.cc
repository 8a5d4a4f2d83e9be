#include "weights/hf/config.h"
#include <algorithm>
#include "base/model_json.h"

namespace autark {
namespace {

constexpr size_t kConfigBytesMax = 1 << 20;

const Json* object_in(const Json& j, const char* key) {
  const auto it = j.find(key);
  return it != j.end() && it->is_object() ? &*it : nullptr;
}

void set_default(Json& j, const char* key, Json v) {
  if (!j.contains(key) || j[key].is_null()) j[key] = std::move(v);
}

// The text part of a multimodal Gemma 3, or the whole config of a text-only one. The text part states only
// values that differ from the defaults of the family.
Json gemma3_text(const Json& whole) {
  const Json* part = object_in(whole, "text_config");
  Json text = part ? *part : whole;
  for (const char* key : {"eos_token_id", "tie_word_embeddings"})
    if (whole.contains(key)) set_default(text, key, whole[key]);
  set_default(text, "vocab_size", 262208);
  set_default(text, "hidden_size", 2304);
  set_default(text, "intermediate_size", 9216);
  set_default(text, "num_hidden_layers", 26);
  set_default(text, "num_attention_heads", 8);
  set_default(text, "num_key_value_heads", 4);
  set_default(text, "head_dim", 256);
  set_default(text, "query_pre_attn_scalar", 256);
  set_default(text, "max_position_embeddings", 131072);
  return text;
}

// The text part of a checkpoint that is published with a vision tower; `whole` if it has none.
Json text_part(const Json& whole) {
  const Json* part = object_in(whole, "text_config");
  if (!part) return whole;
  Json text = *part;
  for (const char* key : {"eos_token_id", "tie_word_embeddings", "quantization_config"})
    if (whole.contains(key)) set_default(text, key, whole[key]);
  return text;
}

// Adds eos_token_id, a number or a list, without duplicates.
void add_end_tokens(const Json& config, std::vector<int32_t>& ends) {
  const auto add = [&](const Json& id) {
    const int64_t v = id.is_number_integer() ? id.get<int64_t>() : -1;
    if (v < 0 || v > INT32_MAX || std::ranges::find(ends, v) != ends.end()) return;
    ends.push_back(static_cast<int32_t>(v));
  };
  const auto it = config.find("eos_token_id");
  if (it == config.end()) return;
  if (!it->is_array()) return add(*it);
  for (const Json& id : *it) add(id);
}

}  // namespace

Result<HfConfig> read_hf_config(const std::filesystem::path& directory) {
  HfConfig c;
  std::error_code failed;
  // An unreadable generation_config.json is silent here: the code that samples by it reports it.
  add_end_tokens(
      optional_model_json(directory / "generation_config.json", Ignored::silently, kConfigBytesMax),
      c.end_tokens);
  if (!std::filesystem::exists(directory / "config.json", failed))
    return Error{Code::not_found,
                 directory.string() + ": there is no config.json; is the model a .gguf file in it?"};
  AUTARK_TRY(c.config, read_model_json(directory / "config.json", kConfigBytesMax));
  add_end_tokens(c.config, c.end_tokens);
  const auto type = c.config.find("model_type");
  if (type == c.config.end() || !type->is_string())
    return Error{Code::invalid, (directory / "config.json").string() + ": model_type is missing"};
  c.architecture = type->get<std::string>();
  constexpr std::string_view kText = "_text";
  if (c.architecture.ends_with(kText)) c.architecture.resize(c.architecture.size() - kText.size());
  if (c.architecture.starts_with("qwen3_5")) c.config = text_part(c.config);
  if (c.architecture == "kimi_k25") c.architecture = "kimi_k2", c.config = text_part(c.config);
  if (c.architecture == "gemma3") c.config = gemma3_text(c.config);
  add_end_tokens(c.config, c.end_tokens);
  return c;
}

}  // namespace autark

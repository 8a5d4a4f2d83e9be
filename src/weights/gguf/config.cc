#include "weights/gguf/config.h"
#include <algorithm>
#include <cmath>
#include <utility>
#include "weights/gguf/names.h"

namespace autark {
namespace {

// Reads keys with the prefix of the architecture ("llama.") and writes them to `config`.
class ConfigReader {
 public:
  ConfigReader(const Gguf& file, std::string architecture) : file_(file), prefix_(architecture + ".") {}

  Json config = Json::object();

  // Copies a key under another name. A list of equal numbers, one per layer, counts as that number.
  void whole(const char* name, const char* key) {
    if (const auto v = integer(key)) config[name] = *v;
  }
  void number(const char* name, const char* key) {
    if (const auto v = file_.number(prefix_ + key)) config[name] = *v;
  }
  std::optional<int64_t> integer(const char* key) const {
    if (const auto v = file_.integer(prefix_ + key)) return v;
    const auto all = file_.numbers(prefix_ + key);
    if (!all || all->empty() || !std::ranges::all_of(*all, [&](double v) { return v == all->front(); }))
      return {};
    const double v = all->front();
    return v == std::floor(v) && std::abs(v) < 1e15 ? std::optional(static_cast<int64_t>(v)) : std::nullopt;
  }
  std::optional<double> real(const char* key) const { return file_.number(prefix_ + key); }
  std::optional<bool> flag(const char* key) const { return file_.flag(prefix_ + key); }
  // The values of a key that is one number or a list with one number per layer.
  std::vector<double> each(const char* key, int64_t layers) const {
    if (const auto v = real(key)) return {*v};
    auto all = file_.numbers(prefix_ + key).value_or(std::vector<double>{});
    if (std::ssize(all) > layers) all.resize(layers);
    return all;
  }
  std::optional<std::vector<int64_t>> integers(const char* key) const {
    const auto all = file_.numbers(prefix_ + key);
    if (!all) return {};
    std::vector<int64_t> whole;
    for (double v : *all) whole.push_back(v >= 0 && v <= INT32_MAX ? static_cast<int64_t>(v) : -1);
    return whole;
  }
  std::optional<std::string_view> text(const char* key) const { return file_.text(prefix_ + key); }
  bool has_tensor(std::string_view name) const { return file_.tensors().contains(name); }
  // A layer's tensor of that name, such as "attn_q.bias"; null if no layer has it.
  const Gguf::TensorEntry* in_a_layer(const std::string& piece) const {
    for (const auto& [name, t] : file_.tensors())
      if (name.starts_with("blk.") && name.ends_with("." + piece)) return &t;
    return nullptr;
  }
  // The rows of a layer's matrix, or of each matrix of a stack; 0 if no layer has it.
  int64_t rows(const std::string& piece) const {
    const Gguf::TensorEntry* t = in_a_layer(piece);
    return t && t->shape.size() > 1 ? t->shape[t->shape.size() - 2] : 0;
  }
  int64_t vocabulary() const {
    const auto it = file_.tensors().find("token_embd.weight");
    return it == file_.tensors().end() || it->second.shape.empty() ? 0 : it->second.shape[0];
  }

 private:
  const Gguf& file_;
  std::string prefix_;
};

// The last blocks of some files are draft layers, which are not run.
void read_sizes(ConfigReader& r) {
  r.whole("num_hidden_layers", "block_count");
  const int64_t drafts = r.integer("nextn_predict_layers").value_or(0);
  if (const auto n = r.integer("block_count"); n && drafts > 0 && drafts < *n)
    r.config["num_hidden_layers"] = *n - drafts;
  r.whole("hidden_size", "embedding_length");
  r.whole("intermediate_size", "feed_forward_length");
  r.whole("num_attention_heads", "attention.head_count");
  r.whole("num_key_value_heads", "attention.head_count_kv");
  r.whole("head_dim", "attention.key_length");
  r.whole("max_position_embeddings", "context_length");
  r.number("rms_norm_eps", "attention.layer_norm_rms_epsilon");
  if (const int64_t rows = r.vocabulary()) r.config["vocab_size"] = rows;
  r.config["tie_word_embeddings"] = !r.has_tensor("output.weight");
}

// rope_theta and rope_scaling. The file's attn_factor is a factor of yarn's own amplitude.
void read_rope(ConfigReader& r) {
  r.number("rope_theta", "rope.freq_base");
  const int64_t heads = r.integer("attention.head_count").value_or(0);
  const int64_t turned = r.integer("rope.dimension_count").value_or(0);
  const int64_t head_dim = r.integer("attention.key_length")
                               .value_or(heads > 0 ? r.integer("embedding_length").value_or(0) / heads : 0);
  if (turned > 0 && head_dim > 0 && turned != head_dim)
    r.config["partial_rotary_factor"] = double(turned) / double(head_dim);
  const std::string kind(r.text("rope.scaling.type").value_or("none"));
  const auto told =
      r.real("rope.scaling.factor") ? r.real("rope.scaling.factor") : r.real("rope.scale_linear");
  const double factor = told.value_or(1);
  if (kind == "none" && factor == 1) return;
  Json scaling{{"rope_type", kind == "none" ? "linear" : kind}};
  if (told || kind != "yarn") scaling["factor"] = factor;  // the model judges yarn without a factor
  if (const auto v = r.integer("rope.scaling.original_context_length"))
    scaling["original_max_position_embeddings"] = *v;
  if (const auto v = r.real("rope.scaling.yarn_beta_fast")) scaling["beta_fast"] = *v;
  if (const auto v = r.real("rope.scaling.yarn_beta_slow")) scaling["beta_slow"] = *v;
  auto amplitude = r.real("rope.scaling.attn_factor");
  if (!amplitude) amplitude = r.real("rope.scaling.yarn_attn_factor");
  if (kind == "yarn" && amplitude && factor > 1)
    scaling["attention_factor"] = *amplitude * (0.1 * std::log(factor) + 1);
  r.config["rope_scaling"] = std::move(scaling);
}

void read_experts(ConfigReader& r) {
  r.whole("num_experts", "expert_count");
  r.whole("num_experts_per_tok", "expert_used_count");
  r.whole("moe_intermediate_size", "expert_feed_forward_length");
  if (const int64_t rows = r.rows("ffn_gate_exps.weight");
      rows && !r.config.contains("moe_intermediate_size"))
    r.config["moe_intermediate_size"] = rows;
  r.config["norm_topk_prob"] = r.flag("expert_weights_norm").value_or(true);
}

// The largest Gemma 3, recognised by its depth, scales attention scores by hidden size / heads.
void read_gemma3(ConfigReader& r) {
  constexpr int64_t kLargestDepth = 62;
  r.whole("sliding_window", "attention.sliding_window");
  r.config["sliding_window_pattern"] = r.integer("attention.sliding_window_pattern").value_or(6);
  r.config["rope_local_base_freq"] = r.real("rope.freq_base_swa").value_or(10000.0);
  const int64_t head_dim = r.integer("attention.key_length").value_or(256);
  const int64_t heads = r.integer("attention.head_count").value_or(0);
  const bool largest = r.integer("block_count") == kLargestDepth && heads > 0;
  r.config["query_pre_attn_scalar"] = largest ? r.integer("embedding_length").value_or(0) / heads : head_dim;
  r.config["hidden_activation"] = "gelu_pytorch_tanh";
  if (const auto v = r.real("final_logit_softcapping"); v && *v != 0)
    r.config["final_logit_softcapping"] = *v;
  r.config["autark"]["norm_offset"] = 1;
}

// The model has one clamp for experts and shared experts of all layers. Different values are kept as text,
// which the model refuses.
void read_clamps(ConfigReader& r, int64_t layers) {
  auto all = r.each("swiglu_clamp_exp", layers);
  const auto shared = r.each("swiglu_clamp_shexp", layers);
  all.insert(all.end(), shared.begin(), shared.end());
  if (all.empty()) return;
  const auto other = std::ranges::find_if(all, [&](double v) { return v != all.front(); });
  Json& limit = r.config["swiglu_limit"] = all.front();
  if (other != all.end()) limit = dump_json(Json(all.front())) + " and " + dump_json(Json(*other));
}

// These files count draft layers as layers and give them ratio 0. The draft head is not read from them.
void read_deepseek_v4(ConfigReader& r) {
  constexpr int64_t kSqrtSoftplus = 4;
  r.config["rope_theta"] = r.real("rope.freq_base").value_or(1e4);
  read_clamps(r, std::max<int64_t>(r.config.value("num_hidden_layers", int64_t{0}), 0));
  r.whole("q_lora_rank", "attention.q_lora_rank");
  r.whole("o_lora_rank", "attention.output_lora_rank");
  r.whole("o_groups", "attention.output_group_count");
  r.whole("sliding_window", "attention.sliding_window");
  r.whole("index_n_heads", "attention.indexer.head_count");
  r.whole("index_head_dim", "attention.indexer.key_length");
  r.whole("index_topk", "attention.indexer.top_k");
  r.whole("qk_rope_head_dim", "rope.dimension_count");
  r.whole("n_routed_experts", "expert_count");
  r.whole("num_experts_per_tok", "expert_used_count");
  r.whole("moe_intermediate_size", "expert_feed_forward_length");
  r.whole("num_hash_layers", "hash_layer_count");
  r.whole("hc_mult", "hyper_connection.count");
  r.whole("hc_sinkhorn_iters", "hyper_connection.sinkhorn_iterations");
  r.number("hc_eps", "hyper_connection.epsilon");
  r.number("routed_scaling_factor", "expert_weights_scale");
  r.number("compress_rope_theta", "attention.compress_rope_freq_base");
  if (const auto v = r.integers("attention.compress_ratios")) r.config["compress_ratios"] = *v;
  if (const auto v = r.integer("expert_gating_func"); v && *v != kSqrtSoftplus)
    r.config["scoring_func"] = "expert_gating_func " + std::to_string(*v);
  if (const auto v = r.integer("expert_group_count"); v && *v > 1)
    r.config["topk_method"] = "expert_group_count " + std::to_string(*v);
  if (const auto v = r.flag("expert_weights_norm")) r.config["norm_topk_prob"] = *v;
  r.whole("n_shared_experts", "expert_shared_count");
}

// Another score than the sigmoid, in words that models refuse.
void read_score(ConfigReader& r) {
  constexpr int64_t kSigmoid = 2;
  if (const auto v = r.integer("expert_gating_func"); v && *v != kSigmoid)
    r.config["scoring_func"] = "expert_gating_func " + std::to_string(*v);
}

// Without the key, what the width of the shared MLP says.
int64_t shared_experts(const ConfigReader& r) {
  const int64_t width = r.integer("expert_feed_forward_length").value_or(0);
  const int64_t shared = r.rows("ffn_gate_shexp.weight");
  return r.integer("expert_shared_count").value_or(width > 0 ? shared / width : 0);
}

// Keys of routers that score by a sigmoid and of their experts, under the names that DeepSeek-V3 gave them. An
// absent key does not mean what it means in a config.json.
void read_sigmoid_experts(ConfigReader& r) {
  r.whole("n_routed_experts", "expert_count");
  r.whole("num_experts_per_tok", "expert_used_count");
  r.whole("moe_intermediate_size", "expert_feed_forward_length");
  r.config["n_shared_experts"] = shared_experts(r);
  r.config["first_k_dense_replace"] = r.integer("leading_dense_block_count").value_or(0);
  r.config["n_group"] = r.integer("expert_group_count").value_or(1);
  r.config["topk_group"] = r.integer("expert_group_used_count").value_or(1);
  r.config["routed_scaling_factor"] = r.real("expert_weights_scale").value_or(1);
  r.config["norm_topk_prob"] = r.flag("expert_weights_norm").value_or(false);
  read_score(r);
}

// Files with the *_mla keys have kv_b as two stacks, one matrix per head; older ones have the one tensor.
void read_deepseek_v3(ConfigReader& r) {
  read_sigmoid_experts(r);
  r.config.erase("head_dim");
  r.config.erase("partial_rotary_factor");
  const int64_t rotated = r.integer("rope.dimension_count").value_or(0);
  const bool mla = r.integer("attention.key_length_mla").has_value();
  const int64_t key = r.integer(mla ? "attention.key_length_mla" : "attention.key_length").value_or(0);
  r.config["q_lora_rank"] = r.integer("attention.q_lora_rank").value_or(0);
  r.whole("kv_lora_rank", "attention.kv_lora_rank");
  r.whole("v_head_dim", mla ? "attention.value_length_mla" : "attention.value_length");
  r.config["qk_rope_head_dim"] = rotated;
  r.config["qk_nope_head_dim"] = key - rotated;
  r.config["num_key_value_heads"] = r.integer("attention.head_count").value_or(0);
  r.config["autark"]["split_kv_b"] = mla ? 1 : 0;
  if (!r.config.contains("rope_scaling")) return;
  if (const auto v = r.real("rope.scaling.yarn_log_multiplier"))
    for (const char* key_name : {"mscale", "mscale_all_dim"})
      r.config["rope_scaling"][key_name] = std::round(*v * 1e7) / 1e6;  // stored as float32 of a tenth
}

void read_ernie4_5_moe(ConfigReader& r) {
  r.whole("moe_num_experts", "expert_count");
  r.whole("moe_k", "expert_used_count");
  r.whole("moe_intermediate_size", "expert_feed_forward_length");
  r.whole("moe_layer_interval", "interleave_moe_layer_step");
  r.whole("moe_layer_start_index", "leading_dense_block_count");
  r.config["moe_num_shared_experts"] = shared_experts(r);
}

// These files have the stretched base itself, and a scaling without effect.
void read_hunyuan(ConfigReader& r) {
  r.config.erase("rope_scaling");
  r.whole("num_experts", "expert_count");
  r.whole("moe_topk", "expert_used_count");
  r.whole("moe_intermediate_size", "expert_feed_forward_length");
  r.whole("num_shared_expert", "expert_shared_count");
}

void read_hy_v3(ConfigReader& r) {
  r.whole("num_experts", "expert_count");
  r.whole("num_experts_per_tok", "expert_used_count");
  r.whole("moe_intermediate_size", "expert_feed_forward_length");
  r.whole("first_k_dense_replace", "leading_dense_block_count");
  r.config["num_shared_experts"] = shared_experts(r);
  r.config["router_scaling_factor"] = r.real("expert_weights_scale").value_or(1);
  r.config["route_norm"] = r.flag("expert_weights_norm").value_or(false);
  read_score(r);
}

// There are no keys for biases and norms; what a layer has, all layers need.
void read_glm4_moe(ConfigReader& r) {
  read_sigmoid_experts(r);
  const auto any = [&](std::initializer_list<const char*> pieces) {
    return std::ranges::any_of(pieces, [&](const char* piece) { return r.in_a_layer(piece) != nullptr; });
  };
  r.config["attention_bias"] = any({"attn_q.bias", "attn_k.bias", "attn_v.bias"});
  r.config["use_qk_norm"] = any({"attn_q_norm.weight", "attn_k_norm.weight"});
}

void read_minimax_m2(ConfigReader& r) {
  r.whole("num_local_experts", "expert_count");
  r.whole("num_experts_per_tok", "expert_used_count");
  r.whole("intermediate_size", "expert_feed_forward_length");
  r.whole("rotary_dim", "rope.dimension_count");
  r.config.erase("partial_rotary_factor");
  r.config["norm_topk_prob"] = r.flag("expert_weights_norm").value_or(true);
  r.config["routed_scaling_factor"] = r.real("expert_weights_scale").value_or(1);
  read_score(r);
}

// There is no key for `truncate`; it is false in the published models. A file without a scaling has none; a
// config.json would have to say that.
void read_gpt_oss(ConfigReader& r) {
  r.whole("num_local_experts", "expert_count");
  r.whole("num_experts_per_tok", "expert_used_count");
  r.whole("intermediate_size", "expert_feed_forward_length");
  r.whole("sliding_window", "attention.sliding_window");
  Json& scaling = r.config["rope_scaling"];
  if (scaling.is_null()) scaling["rope_type"] = "default";
  scaling["truncate"] = false;
}

void read_qwen3_hybrid(ConfigReader& r) {
  const int64_t values = r.integer("ssm.time_step_rank").value_or(0);
  r.whole("full_attention_interval", "full_attention_interval");
  r.whole("linear_num_key_heads", "ssm.group_count");
  r.whole("linear_num_value_heads", "ssm.time_step_rank");
  r.whole("linear_key_head_dim", "ssm.state_size");
  r.whole("linear_conv_kernel_dim", "ssm.conv_kernel");
  if (values > 0) r.config["linear_value_head_dim"] = r.integer("ssm.inner_size").value_or(0) / values;
  const int64_t shared = r.rows("ffn_gate_shexp.weight");
  if (const auto v = r.integer("expert_shared_feed_forward_length"); v || shared)
    r.config["shared_expert_intermediate_size"] = v.value_or(shared);
  r.config["autark"]["norm_offset"] = 1;
  r.config["autark"]["decay"] = 1;
  if (r.config["model_type"] != "qwen3_next") r.config["autark"]["tiled_value_heads"] = 1;
}

void read_family(ConfigReader& r, const std::string& architecture) {
  using Read = void (*)(ConfigReader&);
  static constexpr std::pair<std::string_view, Read> kFamilies[] = {
      {"qwen3_moe", read_experts},         {"gemma3", read_gemma3},
      {"deepseek_v4", read_deepseek_v4},   {"deepseek_v3", read_deepseek_v3},
      {"ernie4_5_moe", read_ernie4_5_moe}, {"hunyuan_v1_dense", read_hunyuan},
      {"hunyuan_v1_moe", read_hunyuan},    {"hy_v3", read_hy_v3},
      {"glm4_moe", read_glm4_moe},         {"minimax_m2", read_minimax_m2},
      {"gpt_oss", read_gpt_oss},           {"qwen3_next", read_qwen3_hybrid},
      {"qwen3_5", read_qwen3_hybrid},      {"qwen3_5_moe", read_qwen3_hybrid},
  };
  for (const auto& [name, read] : kFamilies)
    if (name == architecture) read(r);
  if (architecture == "qwen3_next" || architecture == "qwen3_5_moe") read_experts(r);
}

// The tokens that end a turn, a message or the text, without duplicates.
std::vector<int32_t> end_tokens(const Gguf& file) {
  std::vector<int32_t> ends;
  const auto add = [&](int64_t id) {
    if (id >= 0 && id <= INT32_MAX && std::ranges::find(ends, id) == ends.end())
      ends.push_back(static_cast<int32_t>(id));
  };
  for (const char* key : {"eos", "eot", "eom"})
    if (const auto id = file.integer(std::string("tokenizer.ggml.") + key + "_token_id")) add(*id);
  return ends;
}

}  // namespace

Result<GgufConfig> read_gguf_config(const Gguf& file) {
  const std::string path = file.files()[0].path().string();
  const auto gguf_name = file.text("general.architecture");
  if (!gguf_name)
    return Error{Code::invalid, path + ": key 'general.architecture' is missing; not a language model?"};
  ConfigReader r(file, std::string(*gguf_name));
  std::string architecture = architecture_name(*gguf_name);
  // GGUF files call Mixtral llama, but its feed-forward block differs.
  if (architecture == "llama" && r.integer("expert_count").value_or(0) > 0) architecture = "mixtral";
  r.config["model_type"] = architecture;
  read_sizes(r);
  read_rope(r);
  if (architecture == "llama") r.config["autark"]["rope_pairing"] = "neighbours";
  read_family(r, architecture);
  return GgufConfig{std::move(architecture), std::move(r.config), end_tokens(file)};
}

}  // namespace autark

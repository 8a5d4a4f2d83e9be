#include "engine/testing.h"
#include <algorithm>
#include <cmath>
#include <utility>
#include "base/check.h"
#include "chips/registry.h"
#include "models/architecture.h"

namespace autark::engine {

void broken_tensor(const std::string& name, const Shape& shape, std::span<float> out) {
  random_tensor(name, shape, out);
  if (!name.ends_with("embed_tokens.weight")) return;
  const auto row = out.subspan(kBrokenToken * shape[1], shape[1]);
  std::fill(row.begin(), row.end(), std::nanf(""));
}

std::unique_ptr<Chip> chip_named(const char* name) {
  auto chip = make_chip(name, {.threads = 1});
  AUTARK_CHECK(chip);
  return std::move(*chip);
}

std::unique_ptr<Chip> ref_chip() {
  return chip_named("ref");
}

std::unique_ptr<Weights> formula_weights(const Chip* chip, FormulaWeights::Fill fill) {
  const Comm* c = chip ? chip->comm() : nullptr;
  return std::make_unique<FormulaWeights>(std::move(fill), c ? c->rank() : 0, c ? c->size() : 1);
}

LoadedModel test_model(const std::string& architecture, std::unique_ptr<Chip> chip, FormulaWeights::Fill fill,
                       const Json& more) {
  Json config = {{"num_hidden_layers", 4},
                 {"hidden_size", 48},
                 {"num_attention_heads", 4},
                 {"num_key_value_heads", 2},
                 {"head_dim", 16},
                 {"intermediate_size", 64},
                 {"rope_theta", 1e4},
                 {"rms_norm_eps", 1e-6},
                 {"vocab_size", kTestVocabulary},
                 {"max_position_embeddings", 2048}};
  if (architecture == "gemma3")
    config.update({{"sliding_window", 6}, {"sliding_window_pattern", 3}, {"query_pre_attn_scalar", 24}});
  if (architecture == "qwen3_moe")
    config.update({{"num_experts", 8},
                   {"num_experts_per_tok", 2},
                   {"moe_intermediate_size", 32},
                   {"mlp_only_layers", {1}}});
  config.update(more);
  LoadedModel m;
  m.checkpoint = {
      .kind = "formula", .architecture = architecture, .config = config, .end_tokens = {kEndToken}};
  m.checkpoint.weights = formula_weights(chip.get(), std::move(fill));
  auto made = architectures().at(architecture).make(m.checkpoint.config, *m.checkpoint.weights);
  AUTARK_CHECK(made);
  m.model = std::move(*made);
  m.chip = std::move(chip);
  return m;
}

LoadedModel toy_v4_model(std::unique_ptr<Chip> chip, const Json& config, bool drafter) {
  LoadedModel m;
  m.checkpoint = {.kind = "formula", .architecture = "deepseek_v4", .config = config};
  m.checkpoint.config["max_position_embeddings"] = 2048;
  m.checkpoint.weights = formula_weights(chip.get(), toy_v4_tensor);
  auto made = architectures().at("deepseek_v4").make(m.checkpoint.config, *m.checkpoint.weights);
  AUTARK_CHECK(made);
  m.model = std::move(*made);
  m.chip = std::move(chip);
  if (!drafter) return m;
  auto head = drafter_of(architectures().at("deepseek_v4"), m.checkpoint.config)
                  ->make(m.checkpoint.config, *m.checkpoint.weights);
  AUTARK_CHECK(head);
  m.drafter = std::move(*head);
  return m;
}

Json toy_dspark_config(int block) {
  Json c = toy_v4_config();
  c["compress_ratios"] = {0, 4, 16, 4, 16, 0, 0, 0};
  c.update({{"dspark_block_size", block},
            {"dspark_markov_rank", 16},
            {"dspark_noise_token_id", 63},
            {"dspark_target_layer_ids", {1, 3, 4}}});
  return c;
}

std::vector<int32_t> test_prompt(int n, int seed) {
  std::vector<int32_t> p;
  for (int i = 0; i < n; ++i) p.push_back((seed + 37 * i * i + 11 * i) % 90);
  return p;
}

Heard::~Heard() = default;

Sink Heard::sink(std::function<void(const Event&)> then) {
  return [this, then](Event e) {
    {
      const std::lock_guard lock(mutex_);
      AUTARK_CHECK(!finish);  // no event follows the one with `finish`
      for (auto& t : e.tokens) {
        ids.push_back(t.id);
        if (t.logprobs) logprobs.push_back(*t.logprobs);
      }
      if (!e.prompt.empty()) prompt = e.prompt;
      error = e.error;
      usage = e.usage;
      prompt_done = e.prompt_done;
    }
    if (then) then(e);
    const std::lock_guard lock(mutex_);
    finish = e.finish;
    changed_.notify_all();
  };
}

Finish Heard::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return finish.has_value(); });
  return *finish;
}

std::unique_ptr<Engine> test_engine(LoadedModel m, const Options& options) {
  auto engine = start({.model = std::move(m)}, options);
  AUTARK_CHECK(engine);
  return std::move(*engine);
}

}  // namespace autark::engine

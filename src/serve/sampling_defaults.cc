#include "serve/sampling_defaults.h"
#include "base/model_json.h"

namespace autark::serve {
namespace {

constexpr size_t kFileBytesMax = 1 << 20;

// Missing values and values out of range do not change `to`.
template <class T>
void read_number(const Json& config, const char* name, double least, double most, T& to) {
  const auto at = config.find(name);
  if (at == config.end() || !at->is_number()) return;
  const double v = at->get<double>();
  if (v >= least && v <= most) to = static_cast<T>(v);
}

}  // namespace

engine::Sampling sampling_defaults(const std::filesystem::path& model) {
  engine::Sampling s;
  std::error_code fault;
  const auto folder = std::filesystem::is_directory(model, fault) ? model : model.parent_path();
  const Json config =
      optional_model_json(folder / "generation_config.json", Ignored::with_a_word, kFileBytesMax);
  read_number(config, "temperature", 0, 2, s.temperature);
  read_number(config, "top_k", 0, 1e6, s.top_k);
  read_number(config, "top_p", 0, 1, s.top_p);
  read_number(config, "min_p", 0, 1, s.min_p);
  read_number(config, "repetition_penalty", 0.01, 100, s.repetition_penalty);
  return s;
}

engine::Sampling merged(const api::Sampling& wanted, const engine::Sampling& defaults, uint64_t seed) {
  engine::Sampling s = defaults;
  const auto take = [](const auto& from, auto& to) {
    if (from) to = static_cast<std::remove_reference_t<decltype(to)>>(*from);
  };
  take(wanted.temperature, s.temperature);
  take(wanted.top_p, s.top_p);
  take(wanted.min_p, s.min_p);
  take(wanted.repetition_penalty, s.repetition_penalty);
  take(wanted.frequency_penalty, s.frequency_penalty);
  take(wanted.presence_penalty, s.presence_penalty);
  if (wanted.top_k) s.top_k = int(std::max<int64_t>(0, *wanted.top_k));
  s.logit_bias = wanted.logit_bias;
  s.seed = wanted.seed.value_or(seed);
  return s;
}

}  // namespace autark::serve

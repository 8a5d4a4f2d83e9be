#include "models/attention_config.h"
#include <cmath>

namespace autark {
namespace {

Rope::Pairing pairing(const ConfigFile& f) {
  return f.value("autark.rope_pairing", "halves") == "neighbours" ? Rope::Pairing::neighbours
                                                                  : Rope::Pairing::halves;
}

// Position of the rope keys: "rope_scaling." in older files, "rope_parameters." in newer ones.
std::string scaling_at(const ConfigFile& f) {
  return f.has("rope_parameters") ? "rope_parameters." : "rope_scaling.";
}

void scale_yarn(const ConfigFile& f, const std::string& at, int dims, double theta, Rope& rope) {
  Yarn y;
  y.factor = f.need_number(at + "factor");
  y.original = f.value(at + "original_max_position_embeddings", f.value("max_position_embeddings", 0.0));
  y.beta_fast = f.value(at + "beta_fast", 32.0);
  y.beta_slow = f.value(at + "beta_slow", 1.0);
  if (!(y.factor > 0 && y.original > 0))
    return f.refuse(at + "factor and the original length must be positive");
  rope.frequency = yarn_frequencies(dims, theta, y);
  rope.amplitude =
      f.value(at + "attention_factor", y.factor > 1 ? 0.1 * std::log(double(y.factor)) + 1 : 1.0);
}

void scale_llama3(const ConfigFile& f, const std::string& at, int dims, double theta, Rope& rope) {
  const Llama3 l{.factor = float(f.need_number(at + "factor")),
                 .low = float(f.value(at + "low_freq_factor", 1.0)),
                 .high = float(f.value(at + "high_freq_factor", 4.0)),
                 .original = float(f.need_number(at + "original_max_position_embeddings"))};
  if (!(l.factor > 0 && l.original > 0 && l.high > l.low)) return f.refuse(at + "is not a llama3 scaling");
  rope.frequency = llama3_frequencies(dims, theta, l);
}

}  // namespace

Rope plain_rope(const ConfigFile& f, int64_t head_dim, double theta) {
  if (!(theta > 0)) f.refuse("rope_theta is not positive");
  return {.frequency = plain_frequencies(head_dim, theta), .pairing = pairing(f)};
}

Rope read_rope(const ConfigFile& f, int64_t head_dim) {
  const std::string at = scaling_at(f);
  const double theta = f.value(at + "rope_theta", f.value("rope_theta", 10000.0));
  Rope rope = plain_rope(f, head_dim, theta);
  const std::string kind = f.value(at + "rope_type", f.value(at + "type", "default").c_str());
  if (kind == "yarn") {
    scale_yarn(f, at, head_dim, theta, rope);
  } else if (kind == "llama3") {
    scale_llama3(f, at, head_dim, theta, rope);
  } else if (kind == "linear") {
    const double factor = f.need_number(at + "factor");
    if (!(factor > 0)) f.refuse(at + "factor is not positive");
    for (float& v : rope.frequency) v /= factor;
  } else if (kind != "default") {
    f.refuse("rope scaling '" + kind + "' is not one of default, linear, llama3, yarn");
  }
  return rope;
}

void apply_rope_divisors(Rope& rope, Weights& w) {
  const Shape shape{rope.dims() / 2};
  if (!w.find("rope_freqs.weight", shape)) return;
  const Tensor divisors = w.vector("rope_freqs.weight", shape);
  for (int64_t i = 0; i < rope.dims() / 2 && divisors.data; ++i) rope.frequency[i] /= divisors.f32()[i];
}

void check_heads(const ConfigFile& f, int64_t heads, int64_t kv_heads, int64_t head_dim) {
  if (head_dim < 2 || head_dim % 2) f.refuse("head_dim " + std::to_string(head_dim) + " is not even");
  if (kv_heads < 1 || heads % kv_heads)
    f.refuse(std::to_string(heads) + " heads cannot share " + std::to_string(kv_heads) + " key heads");
}

}  // namespace autark

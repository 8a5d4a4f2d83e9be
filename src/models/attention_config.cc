#include "models/attention_config.h"
#include <algorithm>
#include <cmath>

namespace autark {
namespace {

constexpr int64_t kHeadDimMax = 1 << 16;

Rope::Pairing pairing(const ConfigFile& f) {
  return f.value("autark.rope_pairing", "halves") == "neighbours" ? Rope::Pairing::neighbours
                                                                  : Rope::Pairing::halves;
}

// The prefix of the rotary keys: "rope_scaling." if that has a kind, else "rope_parameters." of newer files,
// where they can be one level deeper, in an object for each kind of layer.
std::string rope_keys(const ConfigFile& f) {
  const bool older = f.has("rope_scaling.rope_type") || f.has("rope_scaling.type");
  if (older || !f.has("rope_parameters")) return "rope_scaling.";
  return f.has("rope_parameters.full_attention") ? "rope_parameters.full_attention." : "rope_parameters.";
}

std::string scaling_kind(const ConfigFile& f, const std::string& at) {
  return f.value(at + "rope_type", f.value(at + "type", "default").c_str());
}

// The number of positions that the checkpoint was trained on before scaling.
double original_length(const ConfigFile& f, const std::string& at) {
  return f.value(at + "original_max_position_embeddings",
                 f.value("original_max_position_embeddings", f.value("max_position_embeddings", 0.0)));
}

double stretch(const ConfigFile& f, const std::string& at, double original) {
  const bool told = f.has(at + "factor") || !f.has("max_position_embeddings") || !(original > 0);
  return told ? f.need_number(at + "factor") : f.need_number("max_position_embeddings") / original;
}

// yarn multiplies cos and sin by 0.1·m·ln(factor) + 1; for checkpoints with two values of m, by the ratio
// of the two.
double yarn_term(double m, double factor) {
  return factor > 1 ? 0.1 * m * std::log(factor) + 1 : 1.0;
}
double yarn_amplitude(const ConfigFile& f, const std::string& at, double factor) {
  const auto of = [&](double m) { return yarn_term(m, factor); };
  const double m = f.value(at + "mscale", 0.0), all = f.value(at + "mscale_all_dim", 0.0);
  return f.value(at + "attention_factor", m != 0 && all != 0 ? of(m) / of(all) : of(1));
}

void scale_yarn(const ConfigFile& f, const std::string& at, int dims, double theta, Rope& rope) {
  Yarn y;
  y.original = original_length(f, at);
  y.factor = stretch(f, at, y.original);
  y.beta_fast = f.value(at + "beta_fast", 32.0);
  y.beta_slow = f.value(at + "beta_slow", 1.0);
  y.whole_channels = f.value(at + "truncate", true);
  if (!(y.factor > 0 && y.original > 0 && y.beta_fast > 0 && y.beta_slow > 0))
    return f.refuse(at + "factor, its betas and the original length must be positive");
  rope.frequency = yarn_frequencies(dims, theta, y);
  rope.amplitude = yarn_amplitude(f, at, y.factor);
}

void scale_llama3(const ConfigFile& f, const std::string& at, int dims, double theta, Rope& rope) {
  const Llama3 l{.factor = f.need_number(at + "factor"),
                 .low = f.value(at + "low_freq_factor", 1.0),
                 .high = f.value(at + "high_freq_factor", 4.0),
                 .original = original_length(f, at)};
  if (!(l.factor > 0 && l.original > 0 && l.high > l.low)) return f.refuse(at + "is not a llama3 scaling");
  rope.frequency = llama3_frequencies(dims, theta, l);
}

// The channels of a head that turn.
int64_t rotary_dims(const ConfigFile& f, int64_t head_dim, const std::string& at,
                    std::optional<double> part) {
  double factor = part.value_or(1);
  for (const std::string& key : {std::string("partial_rotary_factor"), at + "partial_rotary_factor"}) {
    factor = f.value(key, factor);
    if (!part && factor != 1) f.refuse(key + " is not 1; heads that turn in part are not supported");
  }
  const double dims = part ? factor * double(head_dim) : double(head_dim);
  if (dims >= 2 && dims <= double(head_dim) && std::fmod(dims, 2) == 0) return int64_t(dims);
  f.refuse("partial_rotary_factor does not give an even number of channels of a head");
  return 2;
}

// Hunyuan stretches the base once, whatever the length.
double stretched(const ConfigFile& f, const std::string& at, int64_t dims, double theta) {
  const double alpha = f.value(at + "alpha", 0.0);
  if (alpha < 0) f.refuse(at + "alpha is negative");
  return alpha > 0 && dims > 2 ? theta * std::pow(alpha, double(dims) / double(dims - 2)) : theta;
}

}  // namespace

Rope read_rope(const ConfigFile& f, int64_t head_dim, const std::string& at, const RopeDefaults& defaults) {
  if (head_dim < 2 || head_dim > kHeadDimMax) return {};  // check_heads() reports it
  const int64_t dims = rotary_dims(f, head_dim, at, defaults.part);
  double theta = f.value(at + "rope_theta", defaults.theta);
  if (!(theta > 0)) f.refuse("rope_theta is not positive");
  std::string kind = scaling_kind(f, at);
  if (kind == "dynamic" && defaults.stretches) {
    theta = stretched(f, at, dims, theta);
    kind = "default";
  }
  Rope rope{.frequency = plain_frequencies(dims, theta), .pairing = pairing(f)};
  if (kind == "yarn") {
    scale_yarn(f, at, dims, theta, rope);
  } else if (kind == "llama3") {
    scale_llama3(f, at, dims, theta, rope);
  } else if (kind == "linear") {
    const double factor = f.need_number(at + "factor");
    if (!(factor > 0)) f.refuse(at + "factor is not positive");
    for (double& v : rope.frequency) v /= factor;
  } else if (kind != "default") {
    f.refuse("rope scaling '" + kind + "' is not one of default, linear, llama3, yarn");
  }
  return rope;
}

Rope read_rope(const ConfigFile& f, int64_t head_dim, RopeDefaults defaults) {
  defaults.theta = f.value("rope_theta", defaults.theta);
  return read_rope(f, head_dim, rope_keys(f), defaults);
}

double read_score_factor(const ConfigFile& f) {
  const std::string at = rope_keys(f);
  if (scaling_kind(f, at) != "yarn") return 1;
  return yarn_term(f.value(at + "mscale_all_dim", 0.0), stretch(f, at, original_length(f, at)));
}

int64_t read_context(const ConfigFile& f, int64_t fallback) {
  const int64_t context = f.value("max_position_embeddings", fallback);
  const std::string at = rope_keys(f);
  if (scaling_kind(f, at) != "yarn" || !f.has(at + "factor")) return context;
  const double stretched = original_length(f, at) * f.need_number(at + "factor");
  return std::max(context, stretched < double(kIntMax) ? int64_t(stretched) : context);
}

std::vector<int> read_windows(const ConfigFile& f, int64_t layers) {
  const int64_t window = f.value("use_sliding_window", false) ? f.value("sliding_window", 4096) : 0;
  const int64_t first = f.value("max_window_layers", 28);
  const auto kinds = read_layer_kinds(f, layers);
  std::vector<int> windows;
  for (int64_t i = 0; i < layers; ++i) {
    const bool slides = kinds.empty() ? i >= first : kinds[i] == LayerKind::sliding;
    windows.push_back(slides ? int(window) : 0);
  }
  return windows;
}

std::vector<LayerKind> read_layer_kinds(const ConfigFile& f, int64_t layers) {
  const auto names = f.texts("layer_types");
  std::vector<LayerKind> kinds;
  for (const std::string& name : names) {
    kinds.push_back(name == "sliding_attention" ? LayerKind::sliding : LayerKind::full);
    if (name != "sliding_attention" && name != "full_attention")
      f.refuse("layer_types has '" + name + "', full_attention or sliding_attention is expected");
  }
  if (kinds.empty() || std::ssize(kinds) == layers) return kinds;
  f.refuse("layer_types has " + std::to_string(kinds.size()) + " entries for " + std::to_string(layers) +
           " layers");
  return {};
}

Bias read_bias(const ConfigFile& f, const std::string& key) {
  if (!f.has(key)) return Bias::as_stored;
  return f.value(key, false) ? Bias::needed : Bias::none;
}

Vector load_bias(Weights& w, Bias bias, const std::string& name, Shape shape, Cut cut) {
  if (bias == Bias::none) return {};
  return bias == Bias::needed ? w.vector(name, shape, cut) : w.find_vector(name, shape, cut);
}

Weight load_head(Weights& w, const Weight& embed, bool tied) {
  const std::string name = "lm_head.weight";
  if (!tied) return w.need(name, embed.shape, Cut::vocabulary);
  const auto own = w.find(name, embed.shape, Cut::vocabulary);
  return own ? *own : w.cut("model.embed_tokens.weight", embed, Cut::vocabulary);
}

void check_activation(const ConfigFile& f, const char* key, std::initializer_list<const char*> names) {
  const std::string name = f.value(key, *names.begin());
  if (std::ranges::count(names, name) == 0)
    f.refuse(std::string(key) + " is '" + name + "', " + *names.begin() + " is expected");
}

void apply_rope_divisors(Rope& rope, Weights& w) {
  const Shape shape{rope.dims() / 2};
  if (!w.find("rope_freqs.weight", shape)) return;
  const Vector divisors = w.vector("rope_freqs.weight", shape);
  for (int64_t i = 0; i < rope.dims() / 2 && divisors.values; ++i) rope.frequency[i] /= divisors[i];
}

void check_heads(const ConfigFile& f, int64_t heads, int64_t kv_heads, int64_t head_dim) {
  if (head_dim < 2 || head_dim % 2 || head_dim > kHeadDimMax)
    f.refuse("head_dim " + std::to_string(head_dim) + " is not an even number up to " +
             std::to_string(kHeadDimMax));
  if (kv_heads < 1 || heads % kv_heads)
    f.refuse(std::to_string(heads) + " heads cannot share " + std::to_string(kv_heads) + " key heads");
}

}  // namespace autark

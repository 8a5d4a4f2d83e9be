#include "engine/sampler.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include "engine/softmax.h"

namespace autark::engine {
namespace {

uint64_t mixed(uint64_t z) {  // the finaliser of splitmix64
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// The first id where the cumulative sum exceeds u times the total. Skips whole blocks, then searches one.
int32_t walk(std::span<const float> w, double u) {
  constexpr size_t kBlock = 1024;
  double left = u * sum_of(w);
  int32_t last = 0;  // last id with a weight above 0; used when rounding leaves u above the sum
  for (size_t at = 0; at < w.size(); at += kBlock) {
    const auto block = w.subspan(at, std::min(kBlock, w.size() - at));
    const double sum = sum_of(block);
    if (left >= sum) {
      left -= sum;
      continue;
    }
    for (size_t i = 0; i < block.size(); ++i) {
      if (block[i] > 0) last = int32_t(at + i);
      if ((left -= block[i]) < 0) break;
    }
    return last;
  }
  for (size_t i = 0; i < w.size(); ++i) last = w[i] > 0 ? int32_t(i) : last;
  return last;
}

constexpr float kNever = -std::numeric_limits<float>::infinity();

void forbid(const TokenMask& mask, std::span<float> logits) {
  for (size_t word = 0; word * 32 < logits.size(); ++word) {
    const uint32_t bits = word < mask.bits.size() ? mask.bits[word] : 0;
    if (bits == ~0u) continue;
    const auto part = logits.subspan(word * 32, std::min<size_t>(32, logits.size() - word * 32));
    if (bits == 0) {
      std::ranges::fill(part, kNever);
      continue;
    }
    for (size_t i = 0; i < part.size(); ++i) part[i] = bits >> i & 1 ? part[i] : kNever;
  }
}

bool likelier(const Sampler::Scratch::Candidate& a, const Sampler::Scratch::Candidate& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
}

}  // namespace

std::optional<Error> fault_of(const Sampling& s, int64_t vocabulary) {
  const auto bad = [](const char* what) { return Error{Code::invalid, std::string("sampling: ") + what}; };
  if (!(s.temperature >= 0 && s.temperature <= 100)) return bad("temperature must be between 0 and 100");
  if (s.top_k < 0) return bad("top_k must not be negative");
  if (!(s.top_p >= 0 && s.top_p <= 1)) return bad("top_p must be between 0 and 1");
  if (!(s.min_p >= 0 && s.min_p <= 1)) return bad("min_p must be between 0 and 1");
  if (!(s.repetition_penalty > 0 && s.repetition_penalty <= 100))
    return bad("repetition_penalty must be above 0");
  if (!(std::abs(s.frequency_penalty) <= 100)) return bad("frequency_penalty is out of range");
  if (!(std::abs(s.presence_penalty) <= 100)) return bad("presence_penalty is out of range");
  for (const auto& [id, bias] : s.logit_bias) {
    if (id < 0 || id >= vocabulary) return bad("logit_bias names a token that the vocabulary lacks");
    if (!(std::abs(bias) <= 1e6f)) return bad("logit_bias must be a number of moderate size");
  }
  return std::nullopt;
}

double uniform_at(uint64_t seed, uint64_t position) {
  const uint64_t z = mixed(mixed(seed + 0x9e3779b97f4a7c15u) + position * 0x9e3779b97f4a7c15u);
  return double(z >> 11) * 0x1p-53;
}

Sampler::Sampler(const Sampling& s, std::span<const int32_t> prompt, std::vector<int32_t> masked,
                 int64_t min_tokens)
    : s_(s),
      masked_(std::move(masked)),
      min_tokens_(min_tokens),
      penalties_(s.repetition_penalty != 1 || s.frequency_penalty != 0 || s.presence_penalty != 0) {
  if (s_.repetition_penalty == 1) return;
  std::vector<int32_t> ids(prompt.begin(), prompt.end());
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (int32_t id : ids) counts_.push_back({id});
}

int32_t Sampler::pick(std::span<const float> logits, int64_t position, Scratch& scratch,
                      const TokenMask& mask) const {
  const bool adjusted =
      penalties_ || !s_.logit_bias.empty() || generated_ < min_tokens_ || !mask.bits.empty();
  if (adjusted) {
    scratch.logits.assign(logits.begin(), logits.end());
    if (!mask.bits.empty()) forbid(mask, scratch.logits);
    adjust(scratch.logits);
    if (generated_ < min_tokens_) hold_ends(scratch.logits, mask);
    logits = scratch.logits;
  }
  if (s_.temperature == 0) return argmax(logits);
  return draw(logits, uniform_at(s_.seed, position), scratch);
}

void Sampler::accept(int32_t id) {
  ++generated_;
  if (!penalties_) return;
  auto at = std::ranges::lower_bound(counts_, id, {}, &Count::id);
  if (at == counts_.end() || at->id != id) at = counts_.insert(at, {id});
  ++at->generated;
}

void Sampler::adjust(std::span<float> logits) const {
  for (const auto& [id, bias] : s_.logit_bias) logits[id] += bias;
  for (const Count& c : counts_) {
    float& l = logits[c.id];
    l = l > 0 ? l / s_.repetition_penalty : l * s_.repetition_penalty;
    if (c.generated > 0) l -= s_.frequency_penalty * float(c.generated) + s_.presence_penalty;
  }
}

void Sampler::hold_ends(std::span<float> logits, const TokenMask& mask) const {
  const auto held = [&](int32_t id) { return std::ranges::count(masked_, id) > 0; };
  bool other = mask.bits.empty();
  for (int32_t id = 0; id < std::ssize(logits) && !other; ++id) other = mask.allows(id) && !held(id);
  for (int32_t id : masked_) {
    if (other) logits[id] = kNever;
  }
}

int32_t Sampler::draw(std::span<const float> logits, double u, Scratch& scratch) const {
  const int32_t best = argmax(logits);
  const float max = logits[best], inverse = std::min(1 / s_.temperature, 1e30f);
  if (std::isinf(max)) return best;  // all tokens are masked
  if (s_.top_k > 0 && s_.top_k < std::ssize(logits)) {
    keep_top_k(logits, max, inverse, scratch);
  } else {
    scratch.weights.resize(logits.size());
    softmax_weights(logits, max, inverse, scratch.weights);
    if (s_.top_p == 1 && s_.min_p == 0) return walk(scratch.weights, u);
    keep_nucleus(scratch);
  }
  const auto& kept = scratch.candidates;
  double sum = 0;
  for (const auto& c : kept) sum += c.weight;
  for (double left = u * sum; const auto& c : kept) {
    if ((left -= c.weight) < 0) return c.id;
  }
  return kept.back().id;  // rounding left u above the sum
}

// Leaves the candidates that may be sampled in scratch.candidates, by falling weight. Weights are relative to the largest, which is 1.
void Sampler::keep_top_k(std::span<const float> logits, float max, float inverse, Scratch& scratch) const {
  largest(logits, s_.top_k, scratch.ids);
  auto& w = scratch.weights;
  w.clear();
  for (int32_t id : scratch.ids) w.push_back(logits[id]);
  softmax_weights(w, max, inverse, w);
  const double enough = s_.top_p * sum_of(w);
  auto& c = scratch.candidates;
  c.clear();
  double sum = 0;
  for (size_t i = 0;
       i < w.size() && w[i] > 0 && w[i] >= s_.min_p && (i == 0 || s_.top_p == 1 || sum < enough); ++i) {
    c.push_back({w[i], scratch.ids[i]});
    sum += w[i];
  }
}

// The same without top-k, of scratch.weights of all tokens. With top-p, tokens below half of (1 − top_p) · all / V are left out before
// sorting: all V of them together weigh less than the 1 − top_p outside the nucleus, so none is in it.
void Sampler::keep_nucleus(Scratch& scratch) const {
  const auto& w = scratch.weights;
  const double all = sum_of(w), enough = s_.top_p * all;
  float least = std::max(s_.min_p, std::numeric_limits<float>::min());
  if (s_.top_p < 1) least = std::max(least, float((1 - double(s_.top_p)) * 0.5 * all / double(w.size())));
  scratch.ids.clear();
  append_at_least(least, w, scratch.ids);
  auto& c = scratch.candidates;
  c.clear();
  for (int32_t id : scratch.ids) c.push_back({w[id], id});
  double sum = 0;
  size_t n = 0;
  for (size_t sorted = 0; n < c.size() && (n == 0 || s_.top_p == 1 || sum < enough); sum += c[n++].weight) {
    if (n < sorted) continue;  // sort in growing pieces: the nucleus is usually small
    sorted = std::min(c.size(), std::max<size_t>(64, 2 * sorted));
    std::partial_sort(c.begin() + n, c.begin() + sorted, c.end(), likelier);
  }
  c.resize(n);
}

}  // namespace autark::engine

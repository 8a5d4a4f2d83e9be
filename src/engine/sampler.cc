#include "engine/sampler.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace autark::engine {
namespace {

// e^x for x ≤ 0 within 2e-7 (relative), 0 below −87. Without branches, so the compiler can vectorise it.
inline float exp_below(float x) {
  const float n = std::floor(x * 1.44269504f + 0.5f);
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  for (float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f})
    p = p * r + c;
  const float y = p * r * r + r + 1;
  const float scale = std::bit_cast<float>((int32_t(std::max(n, -126.f)) + 127) << 23);
  return x < -87 ? 0 : y * scale;
}

uint64_t mixed(uint64_t z) {  // the finaliser of splitmix64
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// The sum in a fixed order, eight lanes at a time, so that it has the same bits with every compiler and ISA.
double sum_of(std::span<const float> x) {
  double lanes[8] = {};
  size_t i = 0;
  for (; i + 8 <= x.size(); i += 8) {
    for (int k = 0; k < 8; ++k) lanes[k] += x[i + k];
  }
  for (; i < x.size(); ++i) lanes[0] += x[i];
  double sum = 0;
  for (double l : lanes) sum += l;
  return sum;
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

int32_t argmax(std::span<const float> logits) {
  return int32_t(std::ranges::max_element(logits) - logits.begin());
}

bool all_finite(std::span<const float> logits) {
  uint32_t bad = 0;
  for (float l : logits) bad |= (std::bit_cast<uint32_t>(l) & 0x7f800000u) == 0x7f800000u;
  return bad == 0;
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
  const float max = logits[argmax(logits)];
  if (std::isinf(max)) return argmax(logits);  // all tokens are masked
  const float inverse = std::min(1 / s_.temperature, 1e30f);
  auto& w = scratch.weights;
  w.resize(logits.size());
  for (size_t i = 0; i < w.size(); ++i) w[i] = exp_below(std::min((logits[i] - max) * inverse, 0.f));
  if (s_.top_k == 0 && s_.top_p == 1 && s_.min_p == 0) return walk(w, u);
  filter(sum_of(w), scratch);
  double kept = 0;
  for (const auto& c : scratch.candidates) kept += c.weight;
  for (double left = u * kept; const auto& c : scratch.candidates) {
    if ((left -= c.weight) < 0) return c.id;
  }
  return scratch.candidates.back().id;  // rounding left u above the sum
}

// Leaves the candidates that may be sampled in scratch.candidates, by falling weight. Weights are relative to
// the largest, which is 1. With top_p alone, tokens below half of (1 − top_p) · all / V are left out before
// sorting: all V of them together weigh less than the 1 − top_p outside the nucleus, so none is in it.
void Sampler::filter(double all, Scratch& scratch) const {
  const auto& w = scratch.weights;
  auto& c = scratch.candidates;
  c.clear();
  float least = s_.min_p;
  if (s_.top_k == 0 && s_.top_p < 1)
    least = std::max(least, float((1 - double(s_.top_p)) * 0.5 * all / double(w.size())));
  for (int32_t id = 0; id < std::ssize(w); ++id) {
    if (w[id] > 0 && (w[id] >= least || s_.top_k > 0)) c.push_back({w[id], id});
  }
  if (s_.top_k > 0 && s_.top_k < std::ssize(c)) {
    std::nth_element(c.begin(), c.begin() + s_.top_k, c.end(), likelier);
    c.resize(s_.top_k);
  }
  if (s_.top_k > 0) {
    all = 0;
    std::ranges::sort(c, likelier);
    for (const auto& x : c) all += x.weight;
  }
  const double enough = s_.top_p * all;
  double sum = 0;
  size_t n = 0;
  for (size_t sorted = s_.top_k > 0 ? c.size() : 0; n < c.size(); ++n) {
    if (n == sorted) {  // sort in growing pieces: the nucleus is usually small
      sorted = std::min(c.size(), std::max<size_t>(64, 2 * sorted));
      std::partial_sort(c.begin() + n, c.begin() + sorted, c.end(), likelier);
    }
    if ((s_.top_p < 1 && sum >= enough) || c[n].weight < s_.min_p) break;
    sum += c[n].weight;
  }
  c.resize(std::max<size_t>(n, 1));
}

}  // namespace autark::engine

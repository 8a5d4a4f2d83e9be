#include "engine/softmax.h"
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

namespace autark::engine {
namespace {

constexpr size_t kLanes = 4;  // what every processor has
typedef float F __attribute__((vector_size(16)));
typedef int32_t I __attribute__((vector_size(16)));

constexpr float kNever = -std::numeric_limits<float>::infinity();

F load(const float* p) {
  F x;
  std::memcpy(&x, p, sizeof x);
  return x;
}
F all(float x) {
  return F{x, x, x, x};
}
F larger(F a, F b) {
  return a > b ? a : b;
}
bool any(I mask) {
  return std::bit_cast<std::array<uint64_t, 2>>(mask) != std::array<uint64_t, 2>{};
}

// Values are compared in blocks, so that most of them are seen once only.
constexpr size_t kBlock = 16 * kLanes;

// The largest value; NaN counts as −∞.
float max_of(std::span<const float> x) {
  F top[2] = {all(kNever), all(kNever)};
  size_t i = 0;
  for (; i + 2 * kLanes <= x.size(); i += 2 * kLanes) {
    top[0] = larger(load(&x[i]), top[0]);
    top[1] = larger(load(&x[i + kLanes]), top[1]);
  }
  const F both = larger(top[0], top[1]);
  float max = std::max(std::max(both[0], both[1]), std::max(both[2], both[3]));
  for (; i < x.size(); ++i) max = x[i] > max ? x[i] : max;
  return max;
}

std::span<const float> block_at(std::span<const float> x, size_t at) {
  return x.subspan(at, std::min(kBlock, x.size() - at));
}

// e^x for −87 ≤ x ≤ 0, 0 below.
F exp_below(F x) {
  const F least = all(-87.f), limited = larger(x, least), t = limited * 1.44269504f + 0.5f;
  I whole = __builtin_convertvector(t, I);         // towards zero
  whole += __builtin_convertvector(whole, F) > t;  // a comparison is −1 where it holds: now it is the floor
  const F n = __builtin_convertvector(whole, F);
  const F r = (limited - n * 0.693359375f) - n * -2.12194440e-4f;
  F p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const I scale = (whole + 127) << 23;
  const F y = (p * r * r + r + 1.f) * std::bit_cast<F>(scale);
  return x < least ? F{} : y;
}

}  // namespace

int32_t argmax(std::span<const float> logits) {
  float max = kNever;
  size_t best = 0;
  for (size_t at = 0; at < logits.size(); at += kBlock) {
    const float top = max_of(block_at(logits, at));
    if (top > max) max = top, best = at;
  }
  while (best + 1 < logits.size() && logits[best] != max) ++best;
  return logits[best] == max ? int32_t(best) : 0;
}

bool all_finite(std::span<const float> logits) {
  constexpr int32_t kExponent = 0x7f800000;
  I bad{};
  size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes)
    bad |= (std::bit_cast<I>(load(&logits[i])) & kExponent) == kExponent;
  bool good = !any(bad);
  for (; i < logits.size(); ++i) good &= bool(std::isfinite(logits[i]));
  return good;
}

void softmax_weights(std::span<const float> logits, float max, float inverse, std::span<float> weights) {
  const auto weigh = [&](const float* from, float* to) {
    const F x = (load(from) - max) * inverse, w = exp_below(x);
    std::memcpy(to, &w, sizeof w);
  };
  size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes) weigh(&logits[i], &weights[i]);
  if (i == logits.size()) return;
  float rest[kLanes] = {max, max, max, max};
  std::copy(logits.begin() + i, logits.end(), rest);
  weigh(rest, rest);
  std::copy_n(rest, logits.size() - i, weights.begin() + i);
}

double sum_of(std::span<const float> x) {
  typedef double D __attribute__((vector_size(16)));
  D sums[4] = {};
  size_t i = 0;
  for (; i + 8 <= x.size(); i += 8) {
    for (size_t k = 0; k < 4; ++k) sums[k] += D{x[i + 2 * k], x[i + 2 * k + 1]};
  }
  for (; i < x.size(); ++i) sums[0][0] += x[i];
  double sum = 0;
  for (const D& s : sums) sum = sum + s[0] + s[1];
  return sum;
}

double log_sum_exp(std::span<const float> logits) {
  const float max = logits[argmax(logits)];
  double sum = 0;
  for (size_t at = 0; at < logits.size(); at += kBlock) {
    float weights[kBlock];
    const auto block = block_at(logits, at);
    softmax_weights(block, max, 1, {weights, block.size()});
    sum += sum_of({weights, block.size()});
  }
  return max + std::log(sum);
}

void append_at_least(float least, std::span<const float> x, std::vector<int32_t>& ids) {
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    const I found = load(&x[i]) >= all(least);
    if (!any(found)) continue;
    for (size_t k = 0; k < kLanes; ++k) {
      if (found[k]) ids.push_back(int32_t(i + k));
    }
  }
  for (; i < x.size(); ++i) {
    if (x[i] >= least) ids.push_back(int32_t(i));
  }
}

// At least k values are no smaller than the k-th largest maximum of a block.
void largest(std::span<const float> x, int64_t k, std::vector<int32_t>& ids) {
  std::vector<float> tops;
  for (size_t at = 0; at < x.size(); at += kBlock) tops.push_back(max_of(block_at(x, at)));
  float least = std::numeric_limits<float>::lowest();
  if (k <= std::ssize(tops)) {
    std::nth_element(tops.begin(), tops.begin() + (k - 1), tops.end(), std::greater<>());
    least = std::max(least, tops[k - 1]);
  }
  ids.clear();
  append_at_least(least, x, ids);
  const auto before = [&](int32_t a, int32_t b) { return x[a] != x[b] ? x[a] > x[b] : a < b; };
  if (k < std::ssize(ids)) {
    std::nth_element(ids.begin(), ids.begin() + k, ids.end(), before);
    ids.resize(k);
  }
  std::ranges::sort(ids, before);
}

}  // namespace autark::engine

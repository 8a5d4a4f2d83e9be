#include "chips/routing.h"
#include <algorithm>
#include <array>
#include <cmath>

namespace autark {
namespace {

constexpr int kGroupsMax = 256;

float sum_of_two_best(std::span<const float> group) {
  float first = -INFINITY, second = -INFINITY;
  for (const float v : group) {
    if (v > first) {
      second = first;
      first = v;
    } else if (v > second) {
      second = v;
    }
  }
  return group.size() > 1 ? first + second : first;
}

}  // namespace

float routing_score(Routing::Score score, float z) {
  if (score == Routing::Score::sigmoid) return 1 / (1 + std::exp(-z));
  AUTARK_CHECK(score == Routing::Score::sqrt_softplus);
  return std::sqrt(z > 20 ? z : std::log1p(std::exp(z)));
}

void mask_groups(const Routing& how, std::span<float> compared) {
  if (how.groups <= how.groups_kept) return;
  const int64_t each = std::ssize(compared) / how.groups;
  std::array<float, kGroupsMax> sums;
  for (int g = 0; g < how.groups; ++g) sums[g] = sum_of_two_best(compared.subspan(g * each, each));
  for (int g = 0; g < how.groups; ++g) {
    int ahead = 0;
    for (int h = 0; h < how.groups; ++h) ahead += h < g ? sums[h] >= sums[g] : sums[h] > sums[g];
    if (ahead >= how.groups_kept) std::ranges::fill(compared.subspan(g * each, each), -INFINITY);
  }
}

void check_routing(const Routing& how, const Tensor& logits, const Vector& bias, const Tensor& fixed) {
  const int64_t experts = logits.cols();
  AUTARK_CHECK(how.k > 0 && how.k <= experts && how.groups_kept > 0);
  AUTARK_CHECK(how.groups > 0 && how.groups <= kGroupsMax && experts % how.groups == 0);
  AUTARK_CHECK(how.groups <= how.groups_kept || how.k <= experts / how.groups * how.groups_kept);
  AUTARK_CHECK(!bias || bias.size() == experts);
  AUTARK_CHECK(!fixed || (!bias && fixed.cols() == how.k && fixed.rows() == logits.rows()));
}

}  // namespace autark

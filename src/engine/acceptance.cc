#include "engine/acceptance.h"
#include <algorithm>

namespace autark::engine {
namespace {

// Before anything was drafted. A long match is more often right than a short one.
constexpr double kUsual[kDraftSources][DraftChoice::kLevels] = {
    {.4, .6, .8, .9}, {.7, .7, .7, .7}, {.7, .7, .7, .7}, {.7, .7, .7, .7}};

}  // namespace

void RelativeAcceptance::note(double expected, bool accepted) {
  const double keep = 1 - 1 / kMemory;
  expected_ = expected_ * keep + expected;
  accepted_ = accepted_ * keep + (accepted ? 1 : 0);
}

void RelativeAcceptance::fade() {
  expected_ *= kFade;
  accepted_ *= kFade;
}

AcceptanceRates::AcceptanceRates() {
  for (int arm = 0; arm < kArms; ++arm)
    for (Rate& r : rates_[arm]) r.rate = kUsual[arm / DraftChoice::kLevels][arm % DraftChoice::kLevels];
}

const AcceptanceRates::Rate& AcceptanceRates::at(const DraftChoice& of, int place) const {
  return rates_[of.arm()][std::min(place, kPlaces - 1)];
}

double AcceptanceRates::rate(const DraftChoice& of, int place, const DraftRecord& record) const {
  return std::min(kMost, rate(of, place) * record[int(of.source)].factor());
}

void AcceptanceRates::note(const DraftChoice& of, int place, bool accepted) {
  Rate& r = rates_[of.arm()][std::min(place, kPlaces - 1)];
  r.seen = std::min(r.seen + 1, kMemory);
  r.rate += ((accepted ? 1 : 0) - r.rate) / r.seen;
}

}  // namespace autark::engine

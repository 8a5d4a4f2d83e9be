// How often drafts are accepted: by drafter, how sure it is, and place among the drafts. The rate of a place is
// that of drafts whose predecessors were accepted. Old drafts count less. Numbers only; deterministic.
#pragma once
#include <array>
#include "engine/draft_options.h"

namespace autark::engine {

// What drafts one request: the drafter, how sure it is (0 … kLevels − 1), and how many tokens.
struct DraftChoice {
  static constexpr int kLevels = 4;
  DraftSource source = DraftSource::lookup;
  int level = 0;
  int count = 0;
  int arm() const { return int(source) * kLevels + level; }
};
inline constexpr int kArms = kDraftSources * DraftChoice::kLevels;

// How a request's drafts of one source compare with those of all requests.
class RelativeAcceptance {
 public:
  void note(double expected, bool accepted);  // `expected`: the rate of all requests
  void fade();                                // a step without drafts of this source
  double factor() const { return (accepted_ + kPrior) / (expected_ + kPrior); }

 private:
  static constexpr double kPrior = 1, kMemory = 32, kFade = 0.995;
  double expected_ = 0, accepted_ = 0;
};
using DraftRecord = std::array<RelativeAcceptance, kDraftSources>;  // of one request, by source

class AcceptanceRates {
 public:
  static constexpr int kPlaces = 8;  // later places count as the last one
  AcceptanceRates();
  double rate(const DraftChoice& of, int place) const { return at(of, place).rate; }
  double rate(const DraftChoice& of, int place, const DraftRecord& record) const;  // of this request
  void note(const DraftChoice& of, int place, bool accepted);

 private:
  struct Rate {
    double rate = 0, seen = kPrior;
  };
  static constexpr double kPrior = 4, kMemory = 64, kMost = 0.98;
  const Rate& at(const DraftChoice& of, int place) const;
  std::array<std::array<Rate, kPlaces>, kArms> rates_;
};

}  // namespace autark::engine

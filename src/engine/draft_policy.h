// Chooses for every step which drafter proposes tokens for which request, and how many. It maximises
//
//   expected tokens of the step / its expected time
//   tokens: one for each request, and for each draft the product of the acceptance rates up to it
//   time:   the target's step with so many rows (step_cost.h), and the passes of the drafters that take part
//
// and drafts nothing where nothing pays. All times are measured and come from the caller, so bytes of weights,
// experts that rows share, and the depth of the text count as they are. Rates are those of acceptance.h.
//
// One step of kPause explores, more often in the beginning. In turn it tries one token of what does not pay, with at
// most kShare of the time, and another number of drafts of what does, so that times of few and of many rows are known.
// While a tried token is accepted, the next step tries, too; so a drafter that has become good is back soon.
//
// A pure function of the calls before; ranks with equal calls choose alike.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>
#include "engine/acceptance.h"
#include "engine/step_cost.h"

namespace autark::engine {

class DraftPolicy {
 public:
  static constexpr int kPause = 100;      // steps
  static constexpr double kShare = 0.01;  // of the time
  static constexpr int kPassesMax = 32;   // drafts of a request in a step
  // `always`: as many drafts as are offered, of the sources in turn.
  explicit DraftPolicy(bool always = false);

  // A request that decodes. `offers`: what drafters could do for it; count is the most they can.
  struct Asking {
    DraftRecord* record = nullptr;
    int64_t length = 0;  // tokens so far
    std::vector<DraftChoice> offers = {};
  };
  // For each request what drafts it in the next step; count 0: nothing does.
  std::vector<DraftChoice> choose(std::span<const Asking> askings);
  // Whether a drafter with a state of its own should follow the requests although nothing was chosen now.
  bool follows(DraftSource source) const;

  // The target computed a step of this load in so many microseconds, without the drafters.
  void learn_step(const StepLoad& load, int64_t micros);
  // A drafter followed decoding requests and proposed tokens in so many passes; 0: it only followed.
  void learn_drafting(DraftSource source, int passes, int64_t micros);
  // Of the drafts that were chosen, `accepted` held. `ended`: the request ended before the others were looked at.
  void learn_answer(DraftRecord& record, const DraftChoice& verified, int accepted, bool ended);

 private:
  struct Passes {
    std::array<double, kPassesMax + 1> micros = {};  // by their number; 0: not measured
    double estimate(int passes) const;
  };
  struct Plan {
    std::vector<DraftChoice> choices;
    double tokens = 0, micros = 0;
    double pace() const { return tokens / micros; }
  };
  struct Row {  // one draft that may be added to a step
    double survival = 0;
    int asking = 0, place = 0;
  };
  using Used = std::array<int, kDraftSources>;  // passes of each source
  std::vector<DraftChoice> all_offers(std::span<const Asking> askings) const;
  Plan best_plan(std::span<const Asking> askings) const;
  Plan plan(std::span<const Asking> askings, unsigned sources) const;
  DraftChoice best_offer(const Asking& a, unsigned sources) const;
  std::vector<Row> rows_of(std::span<const Asking> askings, std::span<const DraftChoice> offers) const;
  double expected(const Asking& a, const DraftChoice& offer) const;
  double target_micros(const StepLoad& load) const;
  double micros(const StepLoad& load, const Used& passes) const;
  double micros_of(std::span<const Asking> askings, std::span<const DraftChoice> choices) const;
  void note_used(std::span<const Asking> askings, std::span<const DraftChoice> choices);
  void explore(std::span<const Asking> askings, Plan* plan);
  bool explore_source(std::span<const Asking> askings, Plan* plan);
  bool explore_length(std::span<const Asking> askings, Plan* plan);

  static constexpr int kRowsMax = 64;
  const bool always_;
  StepCost target_;
  // Measured / predicted time of steps of decodes, by their rows. Kernels take steps that the smooth prediction does
  // not know.
  std::array<double, kRowsMax + 1> row_factor_;
  std::array<Passes, kDraftSources> passes_;
  AcceptanceRates rates_;
  int64_t step_ = 0;
  std::array<int64_t, kArms> used_ = {};            // the last step that used it
  std::array<int64_t, kDraftSources> chosen_ = {};  // the same by source, without exploring
  int64_t explores_at_ = 0;                         // the next step that may explore
  double pause_ = 2;                                // steps until the one after that; grows to kPause
  bool tries_source_ = false;                       // the next exploring step tries what does not pay
  int explored_ = -1;                               // the arm that this step tries
  double savings_ = 0, spent_ = 0;  // microseconds that exploring may cost, and those of the last time
};

}  // namespace autark::engine

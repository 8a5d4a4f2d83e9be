#include "engine/draft_policy.h"
#include <algorithm>
#include <functional>
#include <utility>

namespace autark::engine {
namespace {

constexpr double kGain = 1.02;     // by which drafting has to be faster: predictions are not exact
constexpr double kSavingsMax = 8;  // steps
constexpr int kFollowSteps = 16;   // a drafter that was not used for so long no longer follows
constexpr double kPauseGrowth = 1.3;
constexpr double kMemory = 8;  // measured times of the same number of passes
constexpr double kJump = 4;    // bounds of one time, relative to the ones before

bool has(unsigned sources, DraftSource s) {
  return sources >> int(s) & 1;
}

}  // namespace

DraftPolicy::DraftPolicy(bool always) : always_(always) {
  row_factor_.fill(1);
}

// Unknown numbers of passes are estimated from the nearest known one. Nothing is known: zero, so it is tried.
double DraftPolicy::Passes::estimate(int passes) const {
  if (passes == 0) return 0;
  for (int away = 0; away <= kPassesMax; ++away) {
    for (const int known : {passes - away, passes + away}) {
      if (known >= 1 && known <= kPassesMax && micros[known] > 0)
        return micros[known] * double(1 + passes) / double(1 + known);
    }
  }
  return 0;
}

void DraftPolicy::learn_step(const StepLoad& load, int64_t micros) {
  target_.learn(load, micros);
  if (micros <= 0 || load.prompt_depth > 0 || load.rows < 1 || load.rows > kRowsMax) return;
  const double ratio = std::clamp(double(micros) / std::max(1e-3, target_.micros(load)), .5, 2.);
  double& factor = row_factor_[load.rows];
  factor += (ratio - factor) / kMemory;
}

void DraftPolicy::learn_drafting(DraftSource source, int passes, int64_t micros) {
  if (micros <= 0 || passes < 0 || passes > kPassesMax) return;
  double& mean = passes_[int(source)].micros[passes];
  if (mean == 0) mean = double(micros);
  mean += (std::clamp(double(micros), mean / kJump, mean * kJump) - mean) / kMemory;
}

void DraftPolicy::learn_answer(DraftRecord& record, const DraftChoice& verified, int accepted, bool ended) {
  for (int i = 0; i < std::min(accepted + 1, verified.count); ++i) {
    if (i == accepted && ended) break;
    record[int(verified.source)].note(rates_.rate(verified, i), i < accepted);
    rates_.note(verified, i, i < accepted);
  }
  if (verified.arm() != explored_ || accepted == 0) return;
  explores_at_ = step_;  // the token was worth it
  tries_source_ = true;
  savings_ += spent_;
}

bool DraftPolicy::follows(DraftSource source) const {
  return always_ || step_ - chosen_[int(source)] <= kFollowSteps;
}

std::vector<DraftChoice> DraftPolicy::choose(std::span<const Asking> askings) {
  if (askings.empty()) return {};
  ++step_;
  explored_ = -1;
  if (always_) return all_offers(askings);
  if (!target_.known()) return std::vector<DraftChoice>(askings.size());
  Plan p = best_plan(askings);
  note_used(askings, p.choices);
  savings_ = std::min(savings_ + kShare * p.micros, kSavingsMax * p.micros);
  if (step_ >= explores_at_) explore(askings, &p);
  return std::move(p.choices);
}

std::vector<DraftChoice> DraftPolicy::all_offers(std::span<const Asking> askings) const {
  std::vector<DraftChoice> choices(askings.size());
  for (size_t i = 0; i < askings.size(); ++i) {
    const auto& offers = askings[i].offers;
    if (!offers.empty()) choices[i] = offers[(size_t(step_) + i) % offers.size()];
  }
  return choices;
}

// Lookup has no cost of its own, so it always takes part; of the others every subset is compared.
DraftPolicy::Plan DraftPolicy::best_plan(std::span<const Asking> askings) const {
  const unsigned lookup = 1u << int(DraftSource::lookup);
  unsigned offered = 0;
  for (const Asking& a : askings)
    for (const DraftChoice& o : a.offers) offered |= 1u << int(o.source);
  Plan best = plan(askings, 0);
  const double least = best.pace() * kGain;
  for (unsigned sources = 1; sources < 1u << kDraftSources; ++sources) {
    if ((sources & ~offered) != 0 || (offered & lookup & ~sources) != 0) continue;
    Plan p = plan(askings, sources);
    if (p.pace() > std::max(least, best.pace())) best = std::move(p);
  }
  return best;
}

// The drafts that are most likely to hold are added one by one; the best of all these steps is taken.
DraftPolicy::Plan DraftPolicy::plan(std::span<const Asking> askings, unsigned sources) const {
  Plan p;
  StepLoad load;
  for (const Asking& a : askings) {
    p.choices.push_back(best_offer(a, sources));
    load.add_decode(a.length - 1, 1);
  }
  const auto rows = rows_of(askings, p.choices);
  for (DraftChoice& c : p.choices) c.count = 0;
  Used passes = {};
  double tokens = p.tokens = double(askings.size());
  double time = p.micros = micros(load, passes);
  size_t best = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    int& used = passes[int(p.choices[rows[i].asking].source)];
    used = std::max(used, rows[i].place + 1);
    ++load.rows;
    load.decode_depth += askings[rows[i].asking].length + rows[i].place;
    tokens += rows[i].survival;
    time = std::max(time, micros(load, passes));  // a row is never cheaper than nothing
    if (tokens / time > p.pace()) p.tokens = tokens, p.micros = time, best = i + 1;
  }
  for (size_t i = 0; i < best; ++i) ++p.choices[rows[i].asking].count;
  return p;
}

DraftChoice DraftPolicy::best_offer(const Asking& a, unsigned sources) const {
  DraftChoice best;
  double most = 0;
  for (const DraftChoice& o : a.offers) {
    const double e = has(sources, o.source) ? expected(a, o) : 0;
    if (e > most) most = e, best = o;
  }
  return best;
}

double DraftPolicy::expected(const Asking& a, const DraftChoice& offer) const {
  double survival = 1, sum = 0;
  for (int i = 0; i < offer.count; ++i) sum += survival *= rates_.rate(offer, i, *a.record);
  return sum;
}

std::vector<DraftPolicy::Row> DraftPolicy::rows_of(std::span<const Asking> askings,
                                                   std::span<const DraftChoice> offers) const {
  std::vector<Row> rows;
  for (size_t i = 0; i < askings.size(); ++i) {
    double survival = 1;
    for (int place = 0; place < std::min(offers[i].count, kPassesMax); ++place) {
      survival *= rates_.rate(offers[i], place, *askings[i].record);
      rows.push_back({survival, int(i), place});
    }
  }
  std::ranges::stable_sort(rows, std::greater{}, &Row::survival);
  return rows;
}

double DraftPolicy::target_micros(const StepLoad& load) const {
  return target_.micros(load) * (load.rows <= kRowsMax ? row_factor_[load.rows] : 1);
}

// Lookup is measured as part of the target's step: it takes microseconds.
double DraftPolicy::micros(const StepLoad& load, const Used& passes) const {
  double sum = target_micros(load);
  for (int s = 1; s < kDraftSources; ++s) sum += passes_[s].estimate(passes[s]);
  return std::max(sum, 1e-3);
}

double DraftPolicy::micros_of(std::span<const Asking> askings, std::span<const DraftChoice> choices) const {
  StepLoad load;
  Used passes = {};
  for (size_t i = 0; i < askings.size(); ++i) {
    load.add_decode(askings[i].length - 1, 1 + choices[i].count);
    int& used = passes[int(choices[i].source)];
    used = std::max(used, choices[i].count);
  }
  return micros(load, passes);
}

void DraftPolicy::note_used(std::span<const Asking> askings, std::span<const DraftChoice> choices) {
  for (size_t i = 0; i < askings.size(); ++i) {
    for (int s = 0; s < kDraftSources; ++s) {
      if (choices[i].count == 0 || int(choices[i].source) != s) (*askings[i].record)[s].fade();
    }
    if (choices[i].count > 0) used_[choices[i].arm()] = chosen_[int(choices[i].source)] = step_;
  }
}

void DraftPolicy::explore(std::span<const Asking> askings, Plan* p) {
  const bool source_first = std::exchange(tries_source_, !tries_source_);
  const bool done = source_first ? explore_source(askings, p) || explore_length(askings, p)
                                 : explore_length(askings, p) || explore_source(askings, p);
  if (!done) return;
  explores_at_ = step_ + int64_t(pause_);
  pause_ = std::min(pause_ * kPauseGrowth, double(kPause));
}

// Of the offers that this step does not use, the one that was used longest ago, for a request that drafts nothing.
bool DraftPolicy::explore_source(std::span<const Asking> askings, Plan* p) {
  const DraftChoice* oldest = nullptr;
  size_t whose = 0;
  for (size_t i = 0; i < askings.size(); ++i) {
    if (p->choices[i].count > 0) continue;
    for (const DraftChoice& o : askings[i].offers) {
      if (o.count == 0 || used_[o.arm()] == step_) continue;
      if (!oldest || used_[o.arm()] < used_[oldest->arm()]) oldest = &o, whose = i;
    }
  }
  if (!oldest) return false;
  auto with = p->choices;
  with[whose] = *oldest;
  with[whose].count = 1;
  const double extra = micros_of(askings, with) - micros_of(askings, p->choices);
  if (extra > savings_) return false;
  savings_ -= spent_ = extra;
  explored_ = oldest->arm();
  used_[explored_] = step_;
  p->choices = std::move(with);
  return true;
}

// Fewer drafts for all requests, down to none.
bool DraftPolicy::explore_length(std::span<const Asking> askings, Plan* p) {
  bool shortened = false;
  for (size_t i = 0; i < askings.size(); ++i) {
    int& count = p->choices[i].count;
    const int fewer = int(step_ * 7 % (count + 1));
    shortened = shortened || fewer < count;
    count = fewer;
  }
  return shortened;
}

}  // namespace autark::engine

// For tests: limits as a list of all requests that there were, added up anew for each decision.
#pragma once
#include <algorithm>
#include <map>
#include <optional>
#include <vector>
#include "platform/limits.h"

namespace autark::platform {

class LimitsOracle {
 public:
  struct Request {
    Micros wall = 0, elapsed = 0;  // of its admission
    Subject subject;
    int64_t tokens = 0, nanos = 0;  // reserved, or used once it was settled
    bool running = true, dropped = false;
    std::map<const Limit*, int64_t> window = {};  // of each limit that counted it: its begin
  };
  struct Verdict {
    bool admitted = false;
    int64_t answer = 0;
    double wait = 0;     // of a refusal by a window
    bool quota = false;  // refused by a budget for good
  };

  explicit LimitsOracle(std::vector<Limit> limits) : limits(std::move(limits)) {}

  static const std::string& id(const Subject& s, const std::string& level) {
    return level == "account"     ? s.account
           : level == "workspace" ? s.workspace
           : level == "key"       ? s.key
                                  : s.model;
  }
  static bool counts(const Limit& l, const Subject& s) {
    return id(s, l.level) == l.subject && (l.model.empty() || l.model == s.model);
  }
  void move_to(Micros wall) {
    elapsed += std::max<int64_t>(0, wall - this->wall);
    this->wall = wall;
  }
  int64_t amount(const Limit& l) const { return l.until > wall ? l.raised : l.amount; }

  // The begin of the limit's window, or unset if none is open.
  std::optional<int64_t> window(const Limit& l) {
    if (l.kind == LimitKind::concurrency) return 0;
    if (l.kind == LimitKind::budget) {
      const int64_t day = l.period == "day" ? wall / kDay * kDay : 0;
      auto& begin = begins_[&l];
      return begin = std::max(begin, day);
    }
    const Micros length = l.kind == LimitKind::burst ? kSecond : kMinute;
    const auto at = begins_.find(&l);
    if (at == begins_.end() || elapsed - at->second >= length) return {};
    return at->second;
  }
  int64_t used(const Limit& l, bool running) {
    const auto open = window(l);
    int64_t sum = l.kind == LimitKind::budget && open == 0 ? spent_before : 0;
    for (const Request& r : requests) {
      const auto at = r.window.find(&l);
      if (r.dropped || !open || at == r.window.end() || at->second != *open) continue;
      if (l.kind == LimitKind::concurrency ? !r.running : r.running && !running) continue;
      sum += l.kind == LimitKind::tpm ? r.tokens : l.kind == LimitKind::budget ? r.nanos : 1;
    }
    return sum;
  }
  static int64_t need(const Limit& l, const Demand& d, int64_t answer) {
    if (l.kind == LimitKind::tpm) return d.prompt_tokens + answer;
    return l.kind == LimitKind::budget ? d.prompt_cost + answer * d.answer_token_cost / 1'000'000 : 1;
  }

  Verdict admit(const Subject& s, const Demand& d) {
    Verdict v{.admitted = true, .answer = d.answer_least};
    for (const Limit& l : limits)
      if (counts(l, s)) judge(l, d, v);
    if (!v.admitted) return v;
    // The longest answer that still fits, by trying.
    const auto fits = [&](int64_t answer) {
      return std::ranges::all_of(limits, [&](const Limit& l) {
        return !counts(l, s) || used(l, true) + need(l, d, answer) <= amount(l);
      });
    };
    while (v.answer < d.answer_max && fits(v.answer + 1)) ++v.answer;
    add(s, d, v.answer);
    return v;
  }

  std::vector<Limit> limits;  // never moves: requests point to its members
  std::vector<Request> requests;
  int64_t spent_before = 0;  // of every budget in total
  Micros wall = 0, elapsed = 0;

 private:
  void judge(const Limit& l, const Demand& d, Verdict& v) {
    const int64_t needed = need(l, d, d.answer_least);
    if (used(l, true) + needed <= amount(l)) return;
    v.admitted = false;
    if (l.kind == LimitKind::budget) {
      v.quota |= used(l, false) + needed > amount(l);
      v.wait = std::max(v.wait, 1.0);
    } else if (l.kind == LimitKind::concurrency) {
      v.wait = std::max(v.wait, 1.0);
    } else {
      const Micros length = l.kind == LimitKind::burst ? kSecond : kMinute;
      v.wait = std::max(v.wait, double(*window(l) + length - elapsed) / kSecond);
    }
  }
  void add(const Subject& s, const Demand& d, int64_t answer) {
    Request r{.wall = wall,
              .elapsed = elapsed,
              .subject = s,
              .tokens = d.prompt_tokens + answer,
              .nanos = d.prompt_cost + answer * d.answer_token_cost / 1'000'000};
    for (const Limit& l : limits) {
      if (!counts(l, s)) continue;
      if (!window(l)) begins_[&l] = elapsed;
      r.window[&l] = *window(l);
    }
    requests.push_back(std::move(r));
  }
  std::map<const Limit*, int64_t> begins_;
};

}  // namespace autark::platform

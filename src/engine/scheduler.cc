#include "engine/scheduler.h"
#include <algorithm>
#include <utility>
#include "base/check.h"

namespace autark::engine {

Scheduler::Scheduler(const Limits& limits) : limits_(limits) {
  AUTARK_CHECK(limits.running_max > 0 && limits.rows_max >= limits.running_max && limits.pages_total > 0);
  AUTARK_CHECK(limits.mixed_rows_max > 0 && limits.page_tokens > 0);
}

bool Scheduler::submit(const Job& job, double now) {
  AUTARK_CHECK(job.tokens > 0 && pages_for(job.tokens) <= limits_.pages_total);
  AUTARK_CHECK(!job.prefix || (job.prefix_tokens > 0 && job.prefix_tokens < job.tokens));
  if (waiting() >= limits_.waiting_max) return false;
  Entry e{.job = job, .since = now};
  if (job.prefix) {
    e.prefix = &prefixes_[job.prefix];
    e.prefix->tokens = job.prefix_tokens;
    e.prefix->pages = job.prefix_tokens / limits_.page_tokens;
    ++e.prefix->jobs;
  }
  waiting_.push_back(e);
  return true;
}

void Scheduler::remove(uint64_t id) {
  const auto remove_from = [&](auto& entries) {
    const auto e = std::ranges::find(entries, id, [](const Entry& e) { return e.job.id; });
    if (e == entries.end()) return;
    leave(*e);
    entries.erase(e);
  };
  remove_from(waiting_);
  remove_from(running_);
}

void Scheduler::leave(Entry& e) {
  give_back(e);
  if (!e.prefix || --e.prefix->jobs > 0) return;
  if (e.prefix->kept) pages_used_ -= e.prefix->pages;
  prefixes_.erase(e.job.prefix);
}

void Scheduler::give_back(Entry& e) {
  pages_used_ -= std::exchange(e.pages, 0);
  if (std::exchange(e.holds, false)) --e.prefix->holders;
}

void Scheduler::append(uint64_t id, int tokens) {
  for (Entry& e : running_) {
    if (e.job.id != id) continue;
    e.job.tokens += tokens;
    e.computed += tokens - 1;
  }
}

void Scheduler::guess(uint64_t id, int drafts) {
  for (Entry& e : running_) {
    if (e.job.id == id) e.drafts = drafts;
  }
}

void Scheduler::keep(uint64_t id) {
  for (Entry& e : running_) {
    if (e.job.id != id) continue;
    AUTARK_CHECK(e.prefix && !e.prefix->kept && e.pages >= e.prefix->pages);
    e.pages -= e.prefix->pages;  // they are the prefix's now
    e.prefix->kept = e.holds = true;
    ++e.prefix->holders;
  }
}

bool Scheduler::kept(uint64_t prefix) const {
  const auto p = prefixes_.find(prefix);
  return p != prefixes_.end() && p->second.kept;
}

Plan Scheduler::next(double now) {
  Plan plan;
  int generating = plan_generating(&plan, now);
  generating += plan_drafts(&plan, limits_.rows_max - limits_.running_max);
  int rows = limits_.rows_max - generating;
  if (generating > 0) rows = std::min(rows, limits_.mixed_rows_max);
  rows = plan_prompts(&plan, rows, running_);
  const size_t before = running_.size();
  if (rows > 0) admit(&plan, now);
  plan_prompts(&plan, rows, std::span(running_).subspan(before));
  return plan;
}

// Oldest first, so that the pages that are left go to the oldest.
int Scheduler::plan_generating(Plan* plan, double now) {
  int rows = 0;
  for (size_t i = 0; i < running_.size(); ++i) {
    if (!running_[i].generating()) continue;
    while (i < running_.size() && !lend(running_[i], running_[i].job.tokens)) {
      if (!drop_unused(plan, nullptr)) preempt_youngest(plan, now);
    }
    if (i == running_.size()) break;  // it was the youngest itself
    add_slice(plan, running_[i], 1);
    ++rows;
  }
  return rows;
}

// After everybody has a row and a page for it; nobody loses pages for a guess.
int Scheduler::plan_drafts(Plan* plan, int rows) {
  int planned = 0;
  for (Slice& s : plan->slices) {
    const auto e = std::ranges::find(running_, s.id, [](const Entry& e) { return e.job.id; });
    int drafts = std::min(std::exchange(e->drafts, 0), rows - planned);
    if (!lend(*e, e->job.tokens + drafts))
      drafts = int(std::min<int64_t>(drafts, pages_of(*e) * limits_.page_tokens - e->job.tokens));
    s.drafts = drafts;
    planned += drafts;
  }
  return planned;
}

// In turn, each as much as is left; the rows that are left over. Their pages were lent at admission.
int Scheduler::plan_prompts(Plan* plan, int rows, std::span<Entry> entries) {
  for (Entry& e : entries) {
    const int64_t left = border(e) - e.computed;
    const bool planned = std::ranges::any_of(plan->slices, [&](const Slice& s) { return s.id == e.job.id; });
    if (rows == 0 || left == 0 || planned) continue;
    int count = int(std::min<int64_t>(rows, left));
    if (e.job.rows_max > 0) count = std::min(count, e.job.rows_max);
    add_slice(plan, e, count);
    rows -= count;
  }
  return rows;
}

// Another job computes the prefix right now, or has come to its end in this very plan.
bool Scheduler::waits_for_prefix(const Entry& e) const {
  if (!e.prefix || e.prefix->kept) return false;
  return std::ranges::any_of(running_, [&](const Entry& other) {
    return other.prefix == e.prefix && other.computed <= e.prefix->tokens;
  });
}

void Scheduler::admit(Plan* plan, double now) {
  while (!waiting_.empty() && running() < limits_.running_max) {
    Entry& e = waiting_.front();
    if (waits_for_prefix(e)) return;
    const bool shares = e.prefix && e.prefix->kept;
    const int64_t pages = pages_for(e.job.tokens) - (shares ? e.prefix->pages : 0) + running();
    if (pages_used_ - unused_pages(e.prefix) + pages > limits_.pages_total) return;
    while (pages_used_ + pages > limits_.pages_total) drop_unused(plan, e.prefix);
    if (shares) {
      e.holds = true;
      ++e.prefix->holders;
      e.computed = e.prefix->tokens;
    }
    AUTARK_CHECK(lend(e, e.job.tokens));
    plan->admitted.push_back({e.job.id, now - e.since, e.computed});
    running_.push_back(e);
    waiting_.pop_front();
  }
}

int64_t Scheduler::pages_of(const Entry& e) const {
  return e.pages + (e.holds ? e.prefix->pages : 0);
}

bool Scheduler::lend(Entry& e, int64_t tokens) {
  const int64_t more = pages_for(tokens) - pages_of(e);
  if (more <= 0) return true;
  if (pages_used_ + more > limits_.pages_total) return false;
  pages_used_ += more;
  e.pages += more;
  return true;
}

// Pages of prefixes that no running job holds, `but` one.
int64_t Scheduler::unused_pages(const Prefix* but) const {
  int64_t pages = 0;
  for (const auto& [id, p] : prefixes_) pages += p.unused() && &p != but ? p.pages : 0;
  return pages;
}

// The youngest of them. False: there is none.
bool Scheduler::drop_unused(Plan* plan, const Prefix* but) {
  for (auto p = prefixes_.rbegin(); p != prefixes_.rend(); ++p) {
    if (!p->second.unused() || &p->second == but) continue;
    p->second.kept = false;
    pages_used_ -= p->second.pages;
    plan->dropped.push_back(p->first);
    return true;
  }
  return false;
}

void Scheduler::preempt_youngest(Plan* plan, double now) {
  Entry e = running_.back();
  running_.pop_back();
  give_back(e);
  e.computed = e.drafts = 0;
  e.since = now;
  plan->preempted.push_back(e.job.id);
  waiting_.push_front(e);  // it arrived before everybody who waits
}

// How far the next slice may go: to the end of the prefix when others need its state.
int64_t Scheduler::border(const Entry& e) {
  const bool computes = e.prefix && !e.prefix->kept && e.prefix->jobs > 1 && e.computed < e.prefix->tokens;
  return computes ? e.prefix->tokens : e.job.tokens;
}

void Scheduler::add_slice(Plan* plan, Entry& e, int count) {
  const int64_t first = e.computed, end = first + count;
  const bool last = end == e.job.tokens;
  plan->slices.push_back({e.job.id, first, count, last, 0, !last && end == border(e)});
  e.computed = end;
}

}  // namespace autark::engine

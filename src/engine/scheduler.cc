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
  if (waiting() >= limits_.waiting_max) return false;
  waiting_.push_back({.job = job, .since = now});
  return true;
}

void Scheduler::remove(uint64_t id) {
  std::erase_if(waiting_, [id](const Entry& e) { return e.job.id == id; });
  std::erase_if(running_, [&](const Entry& e) {
    if (e.job.id != id) return false;
    pages_used_ -= e.pages;
    return true;
  });
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
    while (i < running_.size() && !lend(running_[i], running_[i].job.tokens)) preempt_youngest(plan, now);
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
      drafts = int(std::min<int64_t>(drafts, e->pages * limits_.page_tokens - e->job.tokens));
    s.drafts = drafts;
    planned += drafts;
  }
  return planned;
}

// In turn, each as much as is left; the rows that are left over. Their pages were lent at admission.
int Scheduler::plan_prompts(Plan* plan, int rows, std::span<Entry> entries) {
  for (Entry& e : entries) {
    const int64_t left = e.job.tokens - e.computed;
    const bool planned = std::ranges::any_of(plan->slices, [&](const Slice& s) { return s.id == e.job.id; });
    if (rows == 0 || left == 0 || planned) continue;
    int count = int(std::min<int64_t>(rows, left));
    if (e.job.rows_max > 0) count = std::min(count, e.job.rows_max);
    add_slice(plan, e, count);
    rows -= count;
  }
  return rows;
}

void Scheduler::admit(Plan* plan, double now) {
  while (!waiting_.empty() && running() < limits_.running_max) {
    Entry& e = waiting_.front();
    const int64_t spare = running_.empty() ? 0 : running();
    if (pages_used_ + pages_for(e.job.tokens) + spare > limits_.pages_total) return;
    AUTARK_CHECK(lend(e, e.job.tokens));
    plan->admitted.push_back({e.job.id, now - e.since});
    running_.push_back(e);
    waiting_.pop_front();
  }
}

bool Scheduler::lend(Entry& e, int64_t tokens) {
  const int64_t more = pages_for(tokens) - e.pages;
  if (more <= 0) return true;
  if (pages_used_ + more > limits_.pages_total) return false;
  pages_used_ += more;
  e.pages += more;
  return true;
}

void Scheduler::preempt_youngest(Plan* plan, double now) {
  Entry e = running_.back();
  running_.pop_back();
  pages_used_ -= e.pages;
  e.pages = e.computed = e.drafts = 0;
  e.since = now;
  plan->preempted.push_back(e.job.id);
  waiting_.push_front(e);  // it arrived before everybody who waits
}

void Scheduler::add_slice(Plan* plan, Entry& e, int count) {
  plan->slices.push_back({e.job.id, e.computed, count, e.computed + count == e.job.tokens});
  e.computed += count;
}

}  // namespace autark::engine

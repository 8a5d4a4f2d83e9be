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

void Scheduler::set_drafts(uint64_t id, int drafts) {
  for (Entry& e : running_) {
    if (e.job.id == id) e.drafts = drafts;
  }
}

void Scheduler::keep(uint64_t id) {
  for (Entry& e : running_) {
    if (e.job.id != id) continue;
    AUTARK_CHECK(e.prefix && !e.prefix->kept && e.pages >= e.prefix->pages);
    e.pages -= e.prefix->pages;  // counted for the prefix from now on
    e.prefix->kept = e.holds = true;
    ++e.prefix->holders;
  }
}

bool Scheduler::kept(uint64_t prefix) const {
  const auto p = prefixes_.find(prefix);
  return p != prefixes_.end() && p->second.kept;
}

// Priority of rows: decodes, drafts, prompts that run already, prompts that are admitted now.
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

// One row for each decoding job, the oldest first, so that the last free pages go to the oldest. When none is
// free, the youngest job is preempted, which may be the one that needs the page. Returns the number of rows.
int Scheduler::plan_generating(Plan* plan, double now) {
  int rows = 0;
  for (size_t i = 0; i < running_.size(); ++i) {
    if (!running_[i].generating()) continue;
    while (i < running_.size() && !allocate(running_[i], running_[i].job.tokens)) {
      if (!drop_unused(plan, nullptr)) preempt_youngest(plan, now);
    }
    if (i == running_.size()) break;  // the job that needed the page was the youngest and is gone
    add_slice(plan, running_[i], 1);
    ++rows;
  }
  return rows;
}

// Runs after every decoding job has its row and page: no job is preempted for a draft. Drafts are cut to the
// rows that are left and to the pages that are free. Returns the number of draft rows.
int Scheduler::plan_drafts(Plan* plan, int rows) {
  int planned = 0;
  for (Slice& s : plan->slices) {
    const auto e = std::ranges::find(running_, s.id, [](const Entry& e) { return e.job.id; });
    int drafts = std::min(std::exchange(e->drafts, 0), rows - planned);
    if (!allocate(*e, e->job.tokens + drafts))
      drafts = int(std::min<int64_t>(drafts, pages_of(*e) * limits_.page_tokens - e->job.tokens));
    s.drafts = drafts;
    planned += drafts;
  }
  return planned;
}

// Gives the rows to the jobs in order, to each as many as it can use, and returns how many are left. The
// pages of a prompt were taken at admission.
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

// True while another job computes the prefix of `e`, or finishes it in the plan that is being made.
bool Scheduler::waits_for_prefix(const Entry& e) const {
  if (!e.prefix || e.prefix->kept) return false;
  return std::ranges::any_of(running_, [&](const Entry& other) {
    return other.prefix == e.prefix && other.computed <= e.prefix->tokens;
  });
}

// Admits jobs in order of arrival until one does not fit. Pages of unused prefixes count as free and are
// dropped when they are needed, except those of the job's own prefix.
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
    AUTARK_CHECK(allocate(e, e.job.tokens));
    plan->admitted.push_back({e.job.id, now - e.since, e.computed});
    running_.push_back(e);
    waiting_.pop_front();
  }
}

int64_t Scheduler::pages_of(const Entry& e) const {
  return e.pages + (e.holds ? e.prefix->pages : 0);
}

bool Scheduler::allocate(Entry& e, int64_t tokens) {
  const int64_t more = pages_for(tokens) - pages_of(e);
  if (more <= 0) return true;
  if (pages_used_ + more > limits_.pages_total) return false;
  pages_used_ += more;
  e.pages += more;
  return true;
}

// The number of pages of all unused prefixes except `but`.
int64_t Scheduler::unused_pages(const Prefix* but) const {
  int64_t pages = 0;
  for (const auto& [id, p] : prefixes_) pages += p.unused() && &p != but ? p.pages : 0;
  return pages;
}

// Drops the youngest unused prefix except `but`. Returns false if there is none.
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
  waiting_.push_front(e);  // it arrived before all waiting jobs
}

// The next slice ends at the end of the prefix if other jobs need its state, else at the last token.
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

#include "engine/scheduler.h"
#include <algorithm>
#include <climits>
#include <utility>
#include "base/check.h"

namespace autark::engine {

namespace {

constexpr int64_t kSuffixTokens = 16;  // a prompt may end with so many tokens that are not repeated
constexpr int64_t kTailBlocks = 4;     // the longest tail of a node
constexpr float kEndWeight = 4;        // of copies where texts part

}  // namespace

Scheduler::Scheduler(const Limits& limits, PrefixTree& tree) : limits_(limits), tree_(tree) {
  AUTARK_CHECK(limits.running_max > 0 && limits.rows_max >= limits.running_max && limits.pages_total > 0);
  AUTARK_CHECK(limits.mixed_rows_max > 0);
}

bool Scheduler::submit(const Job& job, double now) {
  AUTARK_CHECK(!job.tokens.empty() && pages_for(std::ssize(job.tokens)) <= limits_.pages_total);
  if (waiting() >= limits_.waiting_max) return false;
  waiting_.push_back({.job = job, .since = now});
  return true;
}

Scheduler::Entry* Scheduler::running(uint64_t id) {
  const auto e = std::ranges::find(running_, id, [](const Entry& e) { return e.job.id; });
  return e == running_.end() ? nullptr : &*e;
}

void Scheduler::remove(uint64_t id, std::span<const int32_t> tokens) {
  std::erase_if(waiting_, [&](const Entry& e) { return e.job.id == id; });
  Entry* e = running(id);
  if (!e) return;
  const auto rest = tokens.subspan(std::min(tokens.size(), size_t(e->shared() * block())));
  tree_.set_tail(e->held, rest.first(std::min(rest.size(), size_t(kTailBlocks * block()))));
  give_back(*e);
  running_.erase(running_.begin() + (e - running_.data()));
}

void Scheduler::give_back(Entry& e) {
  own_ -= std::exchange(e.pages, 0) - e.shared();
  tree_.release(std::exchange(e.held, nullptr));
  e.rolling = nullptr;
}

void Scheduler::append(uint64_t id, std::span<const int32_t> tokens) {
  Entry* e = running(id);
  if (!e) return;
  e->computed += std::ssize(tokens) - e->known() - 1;
  e->job.tokens = tokens;
}

void Scheduler::set_drafts(uint64_t id, int drafts) {
  if (Entry* e = running(id)) e->drafts = drafts;
}

// The state of a model with rings is stored only together with a copy of the rings.
Stored Scheduler::store(uint64_t id) {
  Stored s;
  Entry* e = running(id);
  if (!e || e->computed / block() <= e->shared() || !copy_wanted(*e)) return s;
  s.first = e->shared();
  s.added = tree_.extend(e->held, e->text(), e->computed / block());
  own_ -= std::ssize(s.added);
  e->held = s.added.back().node;
  if (!tree_.options().anywhere) describe_copy(*e, &s);
  return s;
}

void Scheduler::describe_copy(Entry& e, Stored* s) {
  s->copy = e.held;
  s->lasting = e.borders.contains(e.computed);
  const bool answer = e.computed >= e.job.prompt;
  if (answer || s->lasting) s->weight = kEndWeight;
  if (!answer) return;
  s->replaces = e.rolling;
  s->keeps_replaced = e.rolling && e.rolling->depth % kCopyStride == 0;
  e.rolling = e.held;
}

bool Scheduler::make_room() {
  const int64_t wanted = running() + 1;
  while (pages_free() < wanted)
    if (!tree_.evict()) return false;
  return true;
}

bool Scheduler::copy_wanted(const Entry& e) const {
  if (tree_.options().anywhere) return true;
  if (e.computed % block() != 0) return false;
  return e.computed >= e.job.prompt || e.computed % (kCopyStride * block()) == 0 ||
         e.borders.contains(e.computed);
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

// One row for each decoding job, the oldest first, so that the last pages go to the oldest. When none is free
// or idle, the youngest job is preempted, which may be the one that needs the page. Returns the number of rows.
int Scheduler::plan_generating(Plan* plan, double now) {
  int rows = 0;
  for (size_t i = 0; i < running_.size(); ++i) {
    if (!running_[i].generating()) continue;
    while (i < running_.size() && !allocate(running_[i], running_[i].known(), true))
      preempt_youngest(plan, now);
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
    Entry* e = running(s.id);
    int drafts = std::min({std::exchange(e->drafts, 0), rows - planned, drafts_to_border(*e)});
    if (!allocate(*e, e->known() + drafts, false))
      drafts = int(std::min<int64_t>(drafts, e->pages * block() - e->known()));
    s.drafts = drafts;
    planned += drafts;
  }
  return planned;
}

// Drafts that may be accepted without passing a border at which the rings are to be copied.
int Scheduler::drafts_to_border(const Entry& e) const {
  if (tree_.options().anywhere) return INT_MAX;
  return int((block() - e.computed % block()) % block());
}

// Gives the rows to the jobs in order, to each as many as it can use, and returns how many are left. The
// pages of a prompt were taken at admission.
int Scheduler::plan_prompts(Plan* plan, int rows, std::span<Entry> entries) {
  for (Entry& e : entries) {
    const int64_t left = next_border(e) - e.computed;
    const bool planned = std::ranges::any_of(plan->slices, [&](const Slice& s) { return s.id == e.job.id; });
    if (rows == 0 || left == 0 || planned) continue;
    int count = int(std::min<int64_t>(rows, left));
    if (e.job.rows_max > 0) count = std::min(count, e.job.rows_max);
    add_slice(plan, e, count);
    rows -= count;
  }
  return rows;
}

// True while a running job computes more of the job's prompt than is there, also in the plan that is being made.
// That job's copies get a border where the two part.
bool Scheduler::waits_for_prefix(const Plan& plan, const Entry& e, int64_t read) {
  for (Entry& other : running_) {
    const int64_t tokens = e.job.reads ? shared_blocks(e, other) * block() : 0;
    const auto slice = std::ranges::find(plan.slices, other.job.id, &Slice::id);
    const int64_t computed = slice == plan.slices.end() ? other.computed : slice->first;
    if (tokens <= std::max(read, computed)) continue;
    other.borders.insert(tokens);
    return true;
  }
  return false;
}

// Leading blocks that both can share, without the last token of `a`.
int64_t Scheduler::shared_blocks(const Entry& a, const Entry& b) const {
  const auto to = a.job.tokens.first(a.known() - 1);
  int64_t same = std::ranges::mismatch(to, b.job.tokens).in1 - to.begin();
  if (a.job.hints->domain != b.job.hints->domain)
    same = std::min({same, a.job.hints->public_tokens, b.job.hints->public_tokens});
  return std::max<int64_t>(0, same) / block();
}

// Admits jobs in order of arrival until one does not fit. Idle pages that are not those of its own prefix
// count as free.
void Scheduler::admit(Plan* plan, double now) {
  while (!waiting_.empty() && running() < limits_.running_max) {
    Entry& e = waiting_.front();
    const auto m = tree_.find(e.text(), e.job.reads ? (e.known() - 1) / block() : 0);
    if (waits_for_prefix(*plan, e, m.reuse.read)) return;
    const int64_t pages = pages_for(e.known()) - m.blocks + running();
    if (pages > pages_free() + tree_.idle() - m.idle) return;
    start(plan, e, m, now);
    running_.push_back(std::move(e));
    waiting_.pop_front();
  }
}

void Scheduler::start(Plan* plan, Entry& e, const PrefixTree::Match& m, double now) {
  tree_.hold(m.node, *e.job.hints);
  tree_.count(m);
  e.held = m.node;
  e.pages = m.blocks;
  e.computed = m.reuse.read;
  set_borders(e, m);
  AUTARK_CHECK(allocate(e, e.known(), true));
  plan->admitted.push_back({e.job.id, now - e.since, m.node, m.reuse});
}

void Scheduler::set_borders(Entry& e, const PrefixTree::Match& m) const {
  e.borders.clear();
  const int64_t most = e.job.prompt - 1;
  const auto add = [&](int64_t tokens) {
    if (tokens >= block() && tokens <= most) e.borders.insert(tokens / block() * block());
  };
  add(most);
  add(most - kSuffixTokens);
  add(m.known * block());
  const auto& marks = e.job.hints->marks;
  for (size_t i = 0; i < std::min(marks.size(), size_t(PrefixHints::kMarksMax)); ++i) add(marks[i]);
}

// Makes the pages of `e` hold `tokens` tokens, with pages of idle nodes if `evict`. Returns false and changes
// nothing if there are too few.
bool Scheduler::allocate(Entry& e, int64_t tokens, bool evict) {
  const int64_t more = pages_for(tokens) - e.pages;
  if (more <= 0) return true;
  if (more > pages_free() + (evict ? tree_.idle() : 0)) return false;
  while (pages_free() < more) AUTARK_CHECK(tree_.evict());
  own_ += more;
  e.pages += more;
  return true;
}

void Scheduler::preempt_youngest(Plan* plan, double now) {
  Entry e = std::move(running_.back());
  running_.pop_back();
  give_back(e);
  e.computed = e.drafts = 0;
  e.since = now;
  plan->preempted.push_back(e.job.id);
  waiting_.push_front(std::move(e));  // it arrived before all waiting jobs
}

// Where the next slice of a prompt ends at the latest.
int64_t Scheduler::next_border(const Entry& e) const {
  int64_t end = e.known();
  if (tree_.options().anywhere) return end;
  const int64_t stride = kCopyStride * block();
  end = std::min(end, (e.computed / stride + 1) * stride);
  const auto border = e.borders.upper_bound(e.computed);
  return border == e.borders.end() ? end : std::min(end, *border);
}

void Scheduler::add_slice(Plan* plan, Entry& e, int count) {
  const int64_t first = e.computed, end = first + count;
  plan->slices.push_back({e.job.id, first, count, end == e.known()});
  e.computed = end;
}

}  // namespace autark::engine

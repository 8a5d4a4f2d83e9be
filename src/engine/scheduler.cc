#include "engine/scheduler.h"
#include <algorithm>
#include <climits>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>
#include "base/check.h"

namespace autark::engine {

namespace {

constexpr int64_t kSuffixTokens = 16;  // a prompt may end with so many tokens that are not repeated
constexpr int64_t kTailBlocks = 4;     // the longest tail of a node
constexpr float kEndWeight = 4;        // of copies where texts part
constexpr double kSecondsMax = 1e9;    // of a deadline; more: never
constexpr int kUnfitMax = 4;           // jobs that are tried in a step though their pages are missing

int64_t deadline_of(const Service& s, int64_t now) {
  return s.seconds_max > 0 && s.seconds_max < kSecondsMax ? now + int64_t(s.seconds_max * 1e6) : INT64_MAX;
}

}  // namespace

Scheduler::Scheduler(const Limits& limits, PrefixTree& tree) : limits_(limits), tree_(tree) {
  AUTARK_CHECK(limits.running_max > 0 && limits.rows_max >= limits.running_max && limits.pages_total > 0);
  AUTARK_CHECK(limits.mixed_rows_max > 0 && limits.mixed_rows_min > 0 && limits.pace >= 1);
}

bool Scheduler::submit(const Job& job, int64_t now) {
  AUTARK_CHECK(!job.tokens.empty() && pages_for(std::ssize(job.tokens)) <= limits_.pages_total);
  if (waiting() >= limits_.waiting_max) return false;
  now_ = std::max(now_, now);
  const uint64_t ticket = ++last_ticket_;
  waiting_.push_back({.job = job,
                      .flow = &shares_.join(job.hints->domain, job.service.tier),
                      .arrival = ticket,
                      .ticket = ticket,
                      .since = now_,
                      .deadline = deadline_of(job.service, now_)});
  return true;
}

Scheduler::Entry* Scheduler::running(uint64_t id) {
  const auto e = std::ranges::find(running_, id, [](const Entry& e) { return e.job.id; });
  return e == running_.end() ? nullptr : &*e;
}

void Scheduler::remove(uint64_t id, std::span<const int32_t> tokens) {
  const auto waits = std::ranges::find(waiting_, id, [](const Entry& e) { return e.job.id; });
  if (waits != waiting_.end()) {
    shares_.leave(*waits->flow);
    waiting_.erase(waits);
  }
  Entry* e = running(id);
  if (!e) return;
  const auto rest = tokens.subspan(std::min(tokens.size(), size_t(e->shared() * block())));
  tree_.add_tail(e->held, rest.first(std::min(rest.size(), size_t(kTailBlocks * block()))));
  give_back(*e);
  shares_.leave(*e->flow);
  running_.erase(running_.begin() + (e - running_.data()));
}

void Scheduler::set_held(uint64_t id, bool held) {
  const auto e = std::ranges::find(waiting_, id, [](const Entry& e) { return e.job.id; });
  if (e != waiting_.end()) e->held_back = held;
}

std::optional<uint64_t> Scheduler::first_held() const {
  const Entry* first = nullptr;
  for (const Entry& e : waiting_) {
    if (e.held_back && (!first || before(e, *first))) first = &e;
  }
  if (!first) return {};
  return first->job.id;
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

Plan Scheduler::next(const Times& times) {
  now_ = std::max(now_, times.now);
  cost_.learn(load_, times.step);
  load_ = {};
  ++step_;
  Plan plan;
  want_shares();
  free_place(&plan);
  plan_generating(&plan);
  plan_drafts(&plan, limits_.rows_max - limits_.running_max);
  plan_prompts(&plan, room_beside(plan));
  return plan;
}

// One row for each decoding job in the order of rank, so that the last pages go to the first. When none is free
// or idle, the last job is preempted, which may be the one that needs the page.
void Scheduler::plan_generating(Plan* plan) {
  for (size_t i = 0; i < running_.size(); ++i) {
    if (!running_[i].generating()) continue;
    while (i < running_.size() && !allocate(running_[i], running_[i].known(), true))
      preempt(running_.end() - 1, plan);
    if (i == running_.size()) break;  // the job that needed the page was the last and is gone
    add_slice(plan, running_[i], 1);
  }
}

// Runs after every decoding job has its row and page: no job is preempted for a draft. Drafts are cut to the
// rows that are left and to the pages that are free.
void Scheduler::plan_drafts(Plan* plan, int rows) {
  for (Slice& s : plan->slices) {
    Entry* e = running(s.id);
    int drafts = std::min({std::exchange(e->drafts, 0), rows, drafts_to_border(*e)});
    if (!allocate(*e, e->known() + drafts, false))
      drafts = int(std::min<int64_t>(drafts, e->pages * block() - e->known()));
    s.drafts = drafts;
    rows -= drafts;
    load_.add_decode(s.first, s.count + drafts);
    shares_.charge(*e->flow, drafts);
  }
}

// Drafts that may be accepted without passing a border at which the rings are to be copied.
int Scheduler::drafts_to_border(const Entry& e) const {
  if (tree_.options().anywhere) return INT_MAX;
  return int((block() - e.computed % block()) % block());
}

// Times are kept only beside decodes: nobody waits for the end of a step without them.
Scheduler::Room Scheduler::room_beside(const Plan& plan) const {
  Room room{.rows = limits_.rows_max - load_.rows};
  if (plan.slices.empty()) return room;
  if (!cost_.known()) {
    room.rows = std::min<int64_t>(room.rows, limits_.mixed_rows_max);
    return room;
  }
  room.least = limits_.mixed_rows_min;
  room.micros = limits_.pace * cost_.micros(load_);
  return room;
}

bool Scheduler::has_room(const Room& room) const {
  if (room.rows == 0) return false;
  return room.micros == 0 || room.least > 0 || cost_.rows_within(load_, 0, 1, room.micros) > 0;
}

void Scheduler::want_shares() {
  for (const Entry& e : waiting_) {
    if (!e.held_back) e.flow->wants = true;
  }
  for (const Entry& e : running_) {
    if (e.computed < e.known() && !e.generating()) e.flow->wants = true;
  }
  shares_.settle();
}

// When all places are taken, and the domain of the next waiting job has none: the domain with most of them gives one
// up, if the next job would fit.
void Scheduler::free_place(Plan* plan) {
  if (running() < limits_.running_max) return;
  std::map<std::string_view, int> jobs;  // by domain
  for (const Entry& e : running_) ++jobs[e.job.hints->domain];
  const Entry* next = nullptr;
  for (const Entry& e : waiting_) {
    if (!still_waits(e) && (!next || before(e, *next))) next = &e;
  }
  if (!next || jobs.contains(next->job.hints->domain)) return;
  const auto victim = last_of_most(jobs);
  if (victim == running_.end() || !before(*next, *victim)) return;
  const int64_t pages = pages_for(next->known()) + running();
  if (pages <= pages_free() + tree_.idle() + victim->pages - victim->shared()) preempt(victim, plan);
}

// The last in rank of the domain with most running jobs, of those that have two at least and a job that may lose
// its place.
std::vector<Scheduler::Entry>::iterator Scheduler::last_of_most(const std::map<std::string_view, int>& jobs) {
  auto last = running_.end();
  int most = 2;
  for (auto e = running_.begin(); e != running_.end(); ++e) {
    const int n = jobs.at(e->job.hints->domain);
    if (n < most || e->preemptions >= kPreemptionsMax) continue;
    last = e;
    most = n;
  }
  return last;
}

// Gives rows to prompts in the order of their turns, to each as many as it can use. The pages of a prompt are
// taken when it is admitted.
void Scheduler::plan_prompts(Plan* plan, Room room) {
  while (has_room(room)) {
    Entry* e = next_in_turn(room.admits && running() < limits_.running_max);
    if (!e) return;
    e->seen = step_;
    if (!e->admitted && !(e = admit(plan, *e, &room))) continue;
    const int64_t rows = rows_for(*e, room);
    if (rows == 0) return;  // the time of the step is used
    load_.add_prompt(e->computed, rows);
    add_slice(plan, *e, int(rows));
    take_turn(*e, rows);
    room.rows -= rows;
    room.least = std::max<int64_t>(0, room.least - rows);
  }
}

bool Scheduler::before(const Entry& a, const Entry& b) {
  const auto key = [](const Entry& e) {
    return std::tuple(e.flow->time, e.flow->cost, e.flow->id, !e.due(), e.due() ? 0 : e.job.service.priority,
                      e.ticket);
  };
  return key(a) < key(b);
}

// The prompt that gets the next rows, of those that this step has not dealt with; `admits`: waiting ones, too.
Scheduler::Entry* Scheduler::next_in_turn(bool admits) {
  Entry* next = nullptr;
  const auto consider = [&](Entry& e) {
    if (e.seen != step_ && (!next || before(e, *next))) next = &e;
  };
  for (Entry& e : running_) {
    if (e.computed < e.known()) consider(e);
  }
  if (!admits) return next;
  for (Entry& e : waiting_) consider(e);
  return next;
}

int64_t Scheduler::rows_for(const Entry& e, const Room& room) const {
  int64_t rows = std::min(room.rows, next_border(e) - e.computed);
  if (e.job.rows_max > 0) rows = std::min<int64_t>(rows, e.job.rows_max);
  if (room.micros == 0) return rows;
  const int64_t in_time = cost_.rows_within(load_, e.computed, rows, room.micros);
  return std::max(in_time, std::min(rows, room.least));
}

void Scheduler::take_turn(Entry& e, int64_t rows) {
  e.turn_rows += rows;
  if (e.turn_rows < kTurnRows) return;
  e.turn_rows = e.passed = 0;
  e.ticket = ++last_ticket_;
}

int64_t Scheduler::computed_before_step(const Entry& e) const {
  return e.sliced == step_ ? e.slice_first : e.computed;
}

// True while a job is held, or the job that was found to compute more of the prompt than there is still does so.
bool Scheduler::still_waits(const Entry& e) {
  if (e.held_back) return true;
  const Entry* by = e.awaited ? running(e.awaited) : nullptr;
  return by && computed_before_step(*by) < e.awaited_tokens;
}

// True while a running job computes more of the job's prompt than is there, also in the plan that is being made.
// That job's copies get a border where the two part.
bool Scheduler::waits_for_prefix(Entry& e, int64_t read) {
  if (!e.job.reads || e.waits >= kWaitsMax) return false;
  for (Entry& other : running_) {
    const int64_t tokens = shared_blocks(e, other) * block();
    if (tokens <= std::max(read, computed_before_step(other))) continue;
    other.borders.insert(tokens);
    e.waits += e.awaited != other.job.id;
    e.awaited = other.job.id, e.awaited_tokens = tokens;
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

// Gives a waiting job its pages and returns it at its new place; null: it has to wait. Idle pages that are not
// those of its own prefix count as free.
Scheduler::Entry* Scheduler::admit(Plan* plan, Entry& e, Room* room) {
  if (still_waits(e)) return nullptr;
  auto m = tree_.find(e.text(), e.job.reads ? (e.known() - 1) / block() : 0);
  // What this job needs of its prompt, the logits, is never stored.
  if (!e.job.reads && e.known() > block())
    m.reuse = {.possible = (e.known() - 1) / block() * block(), .why = Why::never_stored, .at = 0};
  if (waits_for_prefix(e, m.reuse.read)) return nullptr;
  const int64_t pages = pages_for(e.known()) - m.blocks + running();
  if (pages > pages_free() + tree_.idle() - m.idle) {
    e.unfit = step_;
    room->admits = !e.due() && ++room->unfit < kUnfitMax;
    return nullptr;
  }
  count_passes(e);
  Entry mine = std::move(e);
  waiting_.erase(std::ranges::find(waiting_, mine.job.id, [](const Entry& w) { return w.job.id; }));
  return &start(plan, std::move(mine), m);
}

// Notes who is overtaken by a job that is admitted.
void Scheduler::count_passes(const Entry& by) {
  for (Entry& e : waiting_) e.passed += e.unfit == step_ || (e.flow == by.flow && e.ticket < by.ticket);
  for (Entry& e : running_) e.passed += e.computed < e.known() && e.flow == by.flow && e.ticket < by.ticket;
}

Scheduler::Entry& Scheduler::start(Plan* plan, Entry&& e, const PrefixTree::Match& m) {
  tree_.hold(m.node, *e.job.hints);
  tree_.count(m);
  note_start(e);
  e.admitted = true;
  e.awaited = 0;
  e.held = m.node;
  e.pages = m.blocks;
  e.computed = m.reuse.read;
  set_borders(e, m);
  AUTARK_CHECK(allocate(e, e.known(), true));
  plan->admitted.push_back({e.job.id, double(now_ - e.since) * 1e-6, m.node, m.reuse});
  const auto at = std::ranges::upper_bound(running_, e.rank(), {}, &Entry::rank);
  return *running_.insert(at, std::move(e));
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

void Scheduler::preempt(std::vector<Entry>::iterator at, Plan* plan) {
  Entry e = std::move(*at);
  running_.erase(at);
  give_back(e);
  e.admitted = false;
  e.computed = e.drafts = 0;
  e.since = now_;
  ++e.preemptions;
  plan->preempted.push_back(e.job.id);
  waiting_.push_front(std::move(e));
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
  e.slice_first = first;
  e.seen = e.sliced = step_;
  shares_.charge(*e.flow, count);
}

void Scheduler::note_start(const Entry& e) {
  if (now_ <= e.since) return;
  const int64_t since_last = now_ - std::max(started_, e.since);
  interval_ = interval_ == 0 ? since_last : interval_ + (since_last - interval_) / 4;
  started_ = now_;
}

// A start that is overdue counts as the interval.
QueuePlace Scheduler::place_of(const Entry& e, int position) const {
  const int64_t interval = std::max(interval_, now_ - std::max(started_, e.since));
  return {position, (now_ - e.since) / 1000, position * (interval / 1000)};
}

std::vector<Scheduler::Queued> Scheduler::queue() const {
  std::vector<const Entry*> order;
  for (const Entry& e : waiting_) order.push_back(&e);
  std::ranges::sort(order, [](const Entry* a, const Entry* b) { return before(*a, *b); });
  std::vector<std::pair<int64_t, const Entry*>> starts;  // the time of its flow when its turn comes
  std::map<uint64_t, int64_t> times;
  for (const Entry* e : order) {
    int64_t& time = times.try_emplace(e->flow->id, e->flow->time).first->second;
    starts.emplace_back(time, e);
    time += e->known() * e->flow->cost;
  }
  std::ranges::stable_sort(starts, {}, [](const auto& s) { return s.first; });
  std::vector<Queued> queue;
  for (const auto& [time, e] : starts) queue.push_back({e->job.id, place_of(*e, int(queue.size()) + 1)});
  return queue;
}

std::vector<uint64_t> Scheduler::late(int64_t now) {
  now_ = std::max(now_, now);
  std::vector<uint64_t> ids;
  const auto look = [&](const Entry& e) {
    if (now_ >= e.deadline) ids.push_back(e.job.id);
  };
  std::ranges::for_each(waiting_, look);
  std::ranges::for_each(running_, look);
  return ids;
}

}  // namespace autark::engine

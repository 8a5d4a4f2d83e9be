#include "simulation.h"
#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace autark::sim {

using engine::Limits, engine::Plan, engine::PrefixTree, engine::Scheduler, engine::ServiceClass,
    engine::Slice;

namespace {

constexpr int kDomains = 5, kAnswerMax = 40, kPromptMax = 200;
constexpr size_t kFaultsMax = 10;

Limits limits_for(std::mt19937& gen) {
  const auto pick = [&](int from, int to) { return std::uniform_int_distribution(from, to)(gen); };
  const int running = pick(1, 8);
  return {.rows_max = running + pick(0, 60),
          .mixed_rows_max = pick(1, 20),
          .mixed_rows_min = pick(1, 8),
          .pace = pick(10, 40) / 10.,
          .running_max = running,
          .waiting_max = pick(1, 24),
          .pages_total = pick(4, 60)};
}

PrefixTree::Options tree_for(std::mt19937& gen, int block) {
  const auto pick = [&](int from, int to) { return std::uniform_int_distribution(from, to)(gen); };
  return {.block = block,
          .anywhere = pick(0, 1) == 0,
          .copies_max = pick(1, 20),
          .keeps_idle = pick(0, 4) > 0,
          .lost_max = pick(0, 30),
          .domains_max = pick(1, 8)};
}

// How long a step really takes: microseconds.
double true_micros(const engine::StepLoad& l) {
  return 2000 + 150. * double(std::min<int64_t>(l.rows, 8)) + 100. * double(l.rows) +
         .2 * double(l.decode_depth) + .05 * double(l.prompt_depth);
}

}  // namespace

void Counts::add(const Counts& c) {
  steps += c.steps, arrived += c.arrived, refused += c.refused, finished += c.finished;
  cancelled += c.cancelled, late += c.late, preempted += c.preempted;
  rows += c.rows, drafts += c.drafts, read += c.read, possible += c.possible;
  evicted_all += c.evicted_all, jumps += c.jumps;
  mixed_steps += c.mixed_steps, slow_steps += c.slow_steps;
  probes += c.probes, held += c.held, wait_max = std::max(wait_max, c.wait_max);
  probe_wait_max = std::max(probe_wait_max, c.probe_wait_max);
  overtaken_max = std::max(overtaken_max, c.overtaken_max);
}

Simulation::Simulation(uint32_t seed)
    : gen_(seed),
      block_(pick(1, 16)),
      limits_(limits_for(gen_)),
      tree_(tree_for(gen_, block_)),
      scheduler_(limits_, tree_),
      pages_(tree_, faults_) {}

Simulation::~Simulation() {
  while (!lives_.empty()) end(lives_.begin()->first);
}

void Simulation::expect(bool ok, const std::string& what, uint64_t id) {
  if (!ok && faults_.size() < kFaultsMax) faults_.push_back(what + " (request " + std::to_string(id) + ")");
}

void Simulation::expect_equal(int64_t got, int64_t want, const char* what) {
  if (got != want && faults_.size() < kFaultsMax)
    faults_.push_back(std::string(what) + ": " + std::to_string(got) + ", not " + std::to_string(want));
}

void Simulation::step() {
  change_weather();
  arrive();
  abort_some();
  advance_clock();
  end_late();
  read_some();
  run_plan();
}

void Simulation::change_weather() {
  if (chance(flood_ ? 100 : 300)) flood_ = flood_ ? 0 : pick(1, kDomains);
  if (chance(500)) slowness_ = pick(5, 60) / 10.;
  if (!chance(300)) return;
  tree_.clear();
  pages_.free_losses();
  ++counts_.evicted_all;
}

void Simulation::arrive() {
  if (flood_) {
    for (int n = pick(0, 3); n > 0; --n) submit(life_of("domain " + std::to_string(flood_)));
  }
  if (chance(4)) submit(life_of("domain " + std::to_string(pick(1, kDomains))));
  if (!chance(40)) return;
  auto probe = life_of("probe " + std::to_string(last_id_));
  probe->probe = true;
  submit(std::move(probe));
}

// A new text, a text that begins as others of its domain, or the last text of the domain and a new turn.
std::vector<int32_t> Simulation::prompt_for(const std::string& domain, int64_t most) {
  std::vector<int32_t> t;
  const int kind = pick(0, 4);
  const int64_t length = pick(1, int(std::min<int64_t>(most, kPromptMax)));
  if (kind < 2 && last_texts_.contains(domain)) t = last_texts_.at(domain);
  const int64_t same = kind > 2 ? pick(0, int(length)) : 0;
  if (std::ssize(t) >= length) t.resize(size_t(length));
  while (std::ssize(t) < length) {
    const auto at = int32_t(t.size());
    t.push_back(at < same ? at % 50 : int32_t(1000 * (last_id_ % 100000) + at));
  }
  return t;
}

engine::Service Simulation::service() {
  engine::Service s;
  if (chance(4)) s.tier = pick(0, 1) ? ServiceClass::priority : ServiceClass::flex;
  if (chance(4)) s.priority = pick(-5, 5);
  if (chance(6)) s.seconds_max = pick(1, 3000) / 1000.;
  return s;
}

std::unique_ptr<Simulation::Life> Simulation::life_of(const std::string& domain) {
  const int64_t room = limits_.pages_total * block_;
  auto life = std::make_unique<Life>();
  life->tokens = prompt_for(domain, room);
  life->hints.domain = domain;
  if (chance(5)) life->hints.public_tokens = pick(0, 60);
  if (chance(5)) life->hints.marks = {pick(-3, kPromptMax)};
  life->service = service();
  life->rows_max = chance(5) ? pick(1, 9) : 0;
  life->reads = !chance(8);
  life->prompt = std::ssize(life->tokens);
  life->to_generate = std::min<int64_t>(room - life->prompt, pick(0, kAnswerMax));
  life->arrived_micros = now_;
  return life;
}

// A probe reads nothing that others computed, so it waits for rows, places and pages only.
void Simulation::submit(std::unique_ptr<Life> life) {
  if (life->probe) life->reads = false, life->service = {};
  const bool has_room = scheduler_.waiting() < limits_.waiting_max;
  const bool taken = scheduler_.submit({.id = ++last_id_,
                                        .tokens = life->tokens,
                                        .rows_max = life->rows_max,
                                        .reads = life->reads,
                                        .hints = &life->hints,
                                        .service = life->service},
                                       now_);
  expect(taken == has_room, "the queue refuses when it has room, or does not when it is full", last_id_);
  ++(taken ? counts_.arrived : counts_.refused);
  counts_.probes += taken && life->probe;
  if (!taken) return;
  life->held = life->reads && chance(8);
  if (life->held) scheduler_.hold(last_id_), ++counts_.held;
  lives_.emplace(last_id_, std::move(life));
}

void Simulation::abort_some() {
  if (chance(50)) scheduler_.remove(last_id_ + 1000000);  // unknown
  int n = chance(30) ? 1 : 0;
  if (chance(1000)) n = pick(1, int(lives_.size()) + 1);
  for (; n > 0 && !lives_.empty(); --n, ++counts_.cancelled)
    end(std::next(lives_.begin(), pick(0, int(lives_.size()) - 1))->first);
}

void Simulation::end_late() {
  std::set<uint64_t> want;
  for (const auto& [id, l] : lives_) {
    const double most = l->service.seconds_max;
    if (most > 0 && now_ - l->arrived_micros >= int64_t(most * 1e6)) want.insert(id);
  }
  const auto late = scheduler_.late(now_);
  expect(std::set(late.begin(), late.end()) == want, "another set of requests is late");
  for (uint64_t id : late) end(id), ++counts_.late;
}

void Simulation::end(uint64_t id) {
  const auto l = lives_.find(id);
  if (!l->second->probe) last_texts_[l->second->hints.domain] = l->second->tokens;
  scheduler_.remove(id, l->second->tokens);
  pages_.free(l->second->pages);
  lives_.erase(l);
}

// The disk takes some steps for each prefix.
void Simulation::read_some() {
  const auto first = scheduler_.first_held();
  const bool any = std::ranges::any_of(lives_, [](const auto& l) { return l.second->held; });
  expect(first.has_value() == any && (!first || lives_.at(*first)->held), "another request is held");
  if (!any || !chance(5)) return;
  scheduler_.release(*first);
  lives_.at(*first)->held = false;
}

// The scheduler sees the latest time of a clock that falls. The model of the simulation does, too.
void Simulation::advance_clock() {
  int64_t seen = now_ + std::max<int64_t>(1, step_micros_);
  if (chance(2000)) seen += int64_t{1000000} * pick(1, 100000), ++counts_.jumps;
  now_ = seen;
}

void Simulation::run_plan() {
  const int64_t behind = chance(1000) ? pick(1, 1000000000) : 0;
  const Plan plan = scheduler_.next({.now = now_ - behind, .step = step_micros_});
  pages_.free_losses();
  take(plan);
  check_slices(plan);
  check_counts();
  check_queue();
  measure(plan);
  compute(plan);
  check_waits(plan);
  ++counts_.steps;
}

void Simulation::take(const Plan& plan) {
  for (uint64_t id : plan.preempted) {
    Life& l = *lives_.at(id);
    expect(l.running, "a request is preempted that does not run", id);
    l.running = l.probe = false;
    l.computed = l.idle_steps = 0;
    pages_.free(l.pages);
    ++counts_.preempted;
  }
  for (const auto& a : plan.admitted) admit(a);
}

void Simulation::admit(const Plan::Admitted& a) {
  Life& l = *lives_.at(a.id);
  expect(!l.running && !l.held, "a request is admitted twice, or before its prefix is read", a.id);
  expect(a.reuse.read <= a.reuse.possible && a.reuse.possible < std::ssize(l.tokens), "too much is reused",
         a.id);
  l.running = true;
  l.computed = a.reuse.read;
  if (a.prefix) pages_.restore(l.pages, *a.prefix);
  expect_equal(std::ssize(l.pages) * block_, a.reuse.read, "pages behind a prefix do not match what is read");
  pages_.reserve(l.pages, pages_for(std::ssize(l.tokens)));
  counts_.read += a.reuse.read;
  counts_.possible += a.reuse.possible;
  count_overtaken(a.id);
}

// Nobody has computed less than the domain of a probe. So others go first only where the times of all flows are
// equal, once each, and where the probe does not fit.
void Simulation::count_overtaken(uint64_t by) {
  for (auto& [id, l] : lives_) {
    if (l->running || !l->probe || id == by) continue;
    counts_.overtaken_max = std::max<int64_t>(counts_.overtaken_max, ++l->overtaken);
    expect(l->overtaken <= Scheduler::kPassesMax + kDomains * engine::kServiceClasses, "a probe is overtaken",
           id);
  }
}

void Simulation::check_slices(const Plan& plan) {
  std::set<uint64_t> once;
  int64_t rows = 0;
  for (const Slice& s : plan.slices) {
    expect(once.insert(s.id).second, "a request has two slices", s.id);
    check_slice(s);
    rows += s.count + s.drafts;
  }
  counts_.rows += rows;
  expect(rows <= limits_.rows_max, "a step has too many rows");
  const bool work = !std::ranges::all_of(lives_, [](const auto& l) { return l.second->held; });
  expect(plan.slices.empty() == !work, "the step is empty, and there is work");
  for (const auto& [id, l] : lives_) {
    const bool decodes = l->running && l->computed >= l->prompt && std::ssize(l->tokens) - l->computed == 1;
    const bool fresh = std::ranges::count(plan.admitted, id, &Plan::Admitted::id) > 0;
    expect(!decodes || fresh || once.contains(id), "a decoding request is left out", id);
  }
}

void Simulation::check_slice(const Slice& s) {
  Life& l = *lives_.at(s.id);
  const int64_t end = s.first + s.count;
  expect(l.running && s.first == l.computed && s.count > 0 && end <= std::ssize(l.tokens), "a wrong slice",
         s.id);
  expect(s.last == (end == std::ssize(l.tokens)), "a slice is wrong about its end", s.id);
  expect(s.drafts >= 0 && s.drafts <= l.drafts && (s.last || s.drafts == 0), "wrong drafts", s.id);
  pages_.reserve(l.pages, pages_for(std::max(std::ssize(l.tokens), end + s.drafts)));
  counts_.drafts += s.drafts;
}

// Steps take the true time, a tenth more or less, and sometimes anything.
void Simulation::measure(const Plan& plan) {
  engine::StepLoad decodes, all;
  for (const Slice& s : plan.slices) {
    const Life& l = *lives_.at(s.id);
    const bool decode = s.last && s.count == 1 && s.first >= l.prompt;
    if (decode) decodes.add_decode(s.first, s.count + s.drafts);
    if (decode) all.add_decode(s.first, s.count + s.drafts);
    if (!decode) all.add_prompt(s.first, s.count);
  }
  const double micros = slowness_ * true_micros(all);
  step_micros_ = int64_t(micros * pick(90, 110) / 100);
  if (chance(500)) step_micros_ = pick(0, 1) ? 0 : int64_t{1} << pick(0, 45);
  if (decodes.rows == 0 || all.rows == decodes.rows) return;
  ++counts_.mixed_steps;
  counts_.slow_steps += true_micros(all) > 3 * true_micros(decodes);
}

void Simulation::compute(const Plan& plan) {
  for (const Slice& s : plan.slices) compute(s);
  for (const Slice& s : plan.slices) {
    const auto l = lives_.find(s.id);
    if (l != lives_.end()) pages_.keep(l->second->pages, scheduler_.store(s.id), !chance(20));
  }
}

void Simulation::compute(const Slice& s) {
  Life& l = *lives_.at(s.id);
  l.computed += s.count;
  if (!s.last) return;
  const int64_t tokens = 1 + pick(0, s.drafts);
  const bool ends = l.to_generate < tokens;
  if (!ends) {
    for (int64_t i = 0; i < tokens; ++i)
      l.tokens.push_back(int32_t(1000 * (s.id % 100000) + l.tokens.size()));
    l.to_generate -= tokens;
    l.computed += tokens - 1;
    scheduler_.append(s.id, l.tokens);
    l.drafts = chance(3) ? int(std::min<int64_t>(pick(0, 4), l.to_generate)) : 0;
    scheduler_.set_drafts(s.id, l.drafts);
    return;
  }
  if (tree_.options().anywhere) pages_.keep(l.pages, scheduler_.store(s.id), true);
  end(s.id);
  ++counts_.finished;
}

void Simulation::check_counts() {
  int running = 0;
  std::set<int64_t> used;
  for (const auto& [id, l] : lives_) {
    running += l->running;
    used.insert(l->pages.begin(), l->pages.end());
  }
  expect_equal(scheduler_.running(), running, "running requests");
  expect_equal(scheduler_.waiting(), std::ssize(lives_) - running, "waiting requests");
  expect_equal(scheduler_.pages_used(), std::ssize(used), "pages of requests");
  expect_equal(scheduler_.pages_taken(), pages_.taken(), "pages");
  expect_equal(tree_.pages(), pages_.kept(), "pages of the tree");
  expect_equal(tree_.idle(), pages_.idle(), "idle pages");
  expect_equal(tree_.copies(), pages_.copies(), "copies");
  expect(pages_.taken() <= limits_.pages_total, "more pages than there are");
  expect(tree_.copies() <= tree_.options().copies_max, "more copies than there may be");
}

void Simulation::check_queue() {
  const auto queue = scheduler_.queue();
  expect_equal(std::ssize(queue), scheduler_.waiting(), "the length of the queue");
  for (size_t i = 0; i < queue.size(); ++i) {
    const auto& q = queue[i];
    expect(lives_.contains(q.id) && !lives_.at(q.id)->running, "a place of a request that does not wait",
           q.id);
    expect(q.place.position == int(i) + 1 && q.place.waited_ms >= 0, "a wrong place", q.id);
  }
}

// A probe may have to see a turn of every flow, then as many others as may overtake it, each to its end. The flows of
// other requests may have computed more than these, so they wait longer; three times as long was never seen.
void Simulation::check_waits(const Plan& plan) {
  for (const auto& [id, l] : lives_) l->idle_steps += !l->held;
  for (const Slice& s : plan.slices) {
    if (const auto l = lives_.find(s.id); l != lives_.end()) l->second->idle_steps = 0;
  }
  const int64_t life = kAnswerMax + (kPromptMax + kAnswerMax) / limits_.mixed_rows_min;
  const int64_t probe = (kDomains * engine::kServiceClasses + Scheduler::kPassesMax) * life;
  for (const auto& [id, l] : lives_) {
    counts_.wait_max = std::max(counts_.wait_max, l->idle_steps);
    if (l->probe) counts_.probe_wait_max = std::max(counts_.probe_wait_max, l->idle_steps);
    expect(l->idle_steps <= (l->probe ? probe : 3 * probe), "a request starves", id);
  }
}

void Simulation::drain() {
  int64_t left = 0;
  for (const auto& [id, l] : lives_) left += 2 * (std::ssize(l->tokens) + l->to_generate) + 1;
  left *= 1 + std::ssize(lives_);  // each may lose its state to each other one
  for (; !lives_.empty() && faults_.empty(); --left) {
    expect(left > 0, "requests that do not end", lives_.begin()->first);
    advance_clock();
    read_some();
    run_plan();
  }
  if (!faults_.empty()) return;
  tree_.clear();
  pages_.free_losses();
  expect_equal(scheduler_.pages_taken(), 0, "pages after all have ended");
  expect_equal(pages_.taken(), 0, "pages that were lost");
}

}  // namespace autark::sim

#include "engine/batch.h"
#include <algorithm>
#include <exception>
#include <utility>
#include "cluster/agree.h"

namespace autark::engine {

const char* name_of(Finish f) {
  constexpr const char* kNames[] = {"stop",      "stop_string", "length",  "context",
                                    "cancelled", "failed",      "deadline"};
  return kNames[int(f)];
}

namespace {

PrefixTree::Options tree_options(PrefixTree::Options o, const StateLayout& layout) {
  o.block = layout.page_tokens;
  o.anywhere = layout.ring_bytes == 0;
  return o;
}

}  // namespace

Batch::Batch(const Model& m, Chip& on, Cache& cache, const Limits& limits,
             const PrefixTree::Options& prefixes, Clock clock, Damage damage, Drafters drafters)
    : comm_(on.comm()),
      cache_(cache),
      forward_(m, on, cache, drafters.head),
      tree_(tree_options(prefixes, cache.layout())),
      store_(cache, tree_),
      scheduler_(limits, tree_),
      clock_(std::move(clock)),
      damage_(std::move(damage)) {
  if (drafters.most > 0) speculation_.emplace(std::move(drafters), on, cache, clock_);
}

void Batch::use(DiskTier& disk) {
  disk_ = &disk;
  store_.use(disk);
  loader_.emplace(cache_, tree_, store_, scheduler_, disk);
}

void Batch::add(std::unique_ptr<Session> s) {
  const RequestId id = s->id();
  Session& session = *sessions_.emplace(id, std::move(s)).first->second;
  const Job job = session.job();
  if (!scheduler_.submit(job, agreed_micros(clock_())))
    return finish(id, session.end(Finish::failed,
                                  Error{Code::exhausted, "engine: the queue is full; try again later"}));
  if (!loader_ || !job.reads) return;
  session.block_names = loader_->names_if_more({*job.hints, job.tokens});
  if (!session.block_names.empty()) scheduler_.hold(id);
}

// Releases the request whose prefix is there, and begins to read that of the next one. Of a request that ended
// meanwhile, nothing is left to be done.
void Batch::read_prefixes() {
  while (loader_) {
    if (loader_->busy() && !loader_->advance()) return;
    if (reading_) scheduler_.release(*reading_);
    reading_ = scheduler_.first_held();
    if (!reading_) return;
    Session& s = *sessions_.at(*reading_);
    const Job job = s.job();
    loader_->begin({*job.hints, job.tokens}, std::move(s.block_names));
  }
}

void Batch::end(RequestId id, Finish why) {
  const auto it = sessions_.find(id);
  if (it != sessions_.end()) finish(id, it->second->end(why));
}

void Batch::end_all(Finish why, const std::optional<Error>& error) {
  while (!sessions_.empty()) {
    const auto& [id, session] = *sessions_.begin();
    finish(id, session->end(why, error));
  }
}

// Clocks and durations of tests may be any number.
int64_t Batch::agreed_micros(double seconds) const {
  return least_of(comm_, int64_t(std::clamp(seconds, 0., 1e9) * 1e6));
}

bool Batch::schedule() {
  read_prefixes();
  const int64_t now = agreed_micros(clock_());
  for (RequestId id : scheduler_.late(now)) end(id, Finish::deadline);
  learn();
  plan_ = scheduler_.next({.now = now, .step = agreed_micros(std::exchange(step_seconds_, 0))});
  counters_.preemptions += plan_.preempted.size();
  allocate_state();
  return !plan_.slices.empty();
}

// Before the next plan, which has another load.
void Batch::learn() {
  if (!speculation_) return;
  const auto agreed = [this](double seconds) { return agreed_micros(seconds); };
  speculation_->learn(scheduler_.load(), agreed_micros(std::exchange(target_seconds_, 0)), agreed);
}

void Batch::run() {
  ++counters_.steps;
  const double begun = clock_();
  const uint64_t tokens = counters_.prompt_tokens + counters_.generation_tokens;
  // A library may throw (std::bad_alloc). Then the requests of this step fail and the engine continues.
  try {
    const Logits logits = compute();
    if (const auto damage = damage_()) return end_all(Finish::failed, damage);
    sample(logits);
    target_seconds_ = clock_() - begun;
    draft();
    store_prefixes();
    counters_.step_seconds = step_seconds_ = clock_() - begun;
    counters_.step.add(step_seconds_);
    counters_.step_tokens.add(double(counters_.prompt_tokens + counters_.generation_tokens - tokens));
  } catch (const std::exception& e) {
    fail_step(e.what());
  }
}

void Batch::allocate_state() {
  store_.free_losses();
  for (RequestId id : plan_.preempted) {
    sessions_.at(id)->state.reset();
    if (speculation_) speculation_->forget(id);
  }
  for (const auto& a : plan_.admitted) {
    Session& s = *sessions_.at(a.id);
    s.state = cache_.open();
    if (a.prefix) store_.restore(*s.state, *a.prefix);
    PrefixReuse reuse = a.reuse;
    if (loader_ && reuse.why == Why::never_stored &&
        loader_->other_program_has({*s.job().hints, s.tokens()}, reuse.read))
      reuse.why = Why::other_model;
    if (auto event = s.admitted(a.waited, reuse, clock_())) {
      counters_.prefix_tokens.add(reuse);
      outbox_.push_back({&s, std::move(*event), nullptr});
    }
  }
  for (const Slice& slice : plan_.slices) {
    Session& s = *sessions_.at(slice.id);
    // The scheduler has counted these pages, so reserve() cannot fail.
    AUTARK_CHECK(s.state && cache_.reserve(*s.state, slice.first + slice.count + slice.drafts));
  }
  AUTARK_CHECK(cache_.pages_used() <= scheduler_.pages_taken());
}

Logits Batch::compute() {
  chunks_.clear();
  with_drafts_.clear();
  for (const Slice& slice : plan_.slices) {
    Session& s = *sessions_.at(slice.id);
    chunks_.push_back({s.state.get(), tokens_of(slice, s), s.wanted(slice)});
    counters_.drafted += slice.drafts;
    counters_.rows += slice.count + slice.drafts;
    if (slice.first < s.usage().prompt_tokens)
      counters_.prompt_tokens += std::min<int64_t>(slice.count, s.usage().prompt_tokens - slice.first);
  }
  return forward_.run(chunks_);
}

std::span<const int32_t> Batch::tokens_of(const Slice& slice, const Session& s) {
  const auto known = s.tokens().subspan(slice.first, slice.count);
  if (slice.drafts == 0) return known;
  auto& all = with_drafts_.emplace_back(known.begin(), known.end());
  const auto drafts = s.drafts().first(slice.drafts);
  all.insert(all.end(), drafts.begin(), drafts.end());
  return all;
}

// Logits come in the order of the slices. After the tokens are sampled, the rows of rejected drafts are taken
// back, so that the state ends with the last accepted one.
void Batch::sample(Logits logits) {
  const double now = clock_();
  int64_t row = 0;
  int first_row = 0;
  readings_.clear();
  for (size_t i = 0; i < plan_.slices.size(); ++i) {
    const Slice& slice = plan_.slices[i];
    Session& s = *sessions_.at(slice.id);
    const int64_t rows = std::ssize(chunks_[i].wanted);
    Event e = s.consume_logits(slice, logits.slice(row, rows), scratch_, now);
    row += rows;
    const int drawn = int(e.tokens.size()), accepted = std::max(0, drawn - 1);
    counters_.generation_tokens += drawn;
    counters_.drafts_accepted += accepted;
    if (speculation_) speculation_->note(s, slice.drafts, accepted, e.finish.has_value());
    if (drawn > 0) scheduler_.append(slice.id, s.tokens());
    if (e.finish) {
      if (tree_.options().anywhere && *e.finish != Finish::failed)
        store_.keep(*s.state, scheduler_.store(slice.id));
      finish(slice.id, std::move(e));
    } else {
      s.state->take_back(slice.drafts - accepted);
      readings_.push_back({.session = &s,
                           .row = first_row,
                           .count = slice.count + accepted,
                           .first = slice.first,
                           .decodes = slice.last});
      outbox_.push_back({&s, std::move(e), nullptr});
    }
    first_row += int(std::ssize(chunks_[i].tokens));
  }
}

// Drafters read the rows of this step and draft for the requests that are decoding.
void Batch::draft() {
  if (!speculation_) return;
  speculation_->run(readings_, forward_.taps(), scratch_);
  counters_.drafts = speculation_->tally();
  for (const auto& r : readings_)
    scheduler_.set_drafts(r.session->id(), int(std::ssize(r.session->drafts())));
}

// Runs after draft(), so that copies of the rings include the drafter's state. Its last row was read with the
// token that follows in this request; with another one, the first drafts are worse, and no token changes.
void Batch::store_prefixes() {
  for (const Slice& slice : plan_.slices) {
    const auto it = sessions_.find(slice.id);
    if (it != sessions_.end()) store_.keep(*it->second->state, scheduler_.store(slice.id));
  }
}

void Batch::clear_prefixes() {
  if (disk_) disk_->clear();
  if (loader_) loader_->drop_read();
  tree_.clear();
  store_.free_losses();
}

void Batch::fail_step(const std::string& why) {
  for (const Slice& slice : plan_.slices) {
    const auto it = sessions_.find(slice.id);
    if (it == sessions_.end()) continue;
    finish(slice.id, it->second->end(Finish::failed, Error{Code::internal, "engine: a step failed: " + why}));
  }
  tree_.clear();  // nodes of these requests may lack their pages
}

void Batch::count_times(const Usage& u) {
  counters_.queue.add(u.queue_seconds);
  counters_.prefill.add(u.prefill_seconds);
  counters_.decode.add(u.decode_seconds);
  counters_.inference.add(u.prefill_seconds + u.decode_seconds);
  if (u.completion_tokens > 1) counters_.per_token.add(u.decode_seconds / double(u.completion_tokens - 1));
}

// Frees the slot before the sink is called, so a sink that submits again from its callback can take it.
void Batch::finish(RequestId id, Event e) {
  auto session = std::move(sessions_.extract(id).mapped());
  scheduler_.remove(id, session->tokens());
  session->state.reset();
  if (speculation_) speculation_->forget(id);
  ++counters_.finished[name_of(*e.finish)];
  if (session->ran()) count_times(e.usage);
  counters_.corrupted += session->corrupted() ? 1 : 0;
  Session* to = session.get();
  outbox_.push_back({to, std::move(e), std::move(session)});
}

void Batch::publish() {
  for (Outgoing& l : std::exchange(outbox_, {})) l.to->publish(std::move(l.event));
}

}  // namespace autark::engine

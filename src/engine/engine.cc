// The engine thread and its thread-safe entry points. The mutex guards only the inbox and the published
// stats; no model work and no sink runs under it.
#include "engine/engine.h"
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include "cluster/agree.h"
#include "engine/batch.h"
#include "engine/engine_parts.h"
#include "engine/memory.h"
#include "engine/model_proposer.h"
#include "engine/program_key.h"

namespace autark::engine {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Limits limits_of(const Options& o, const Cache& cache) {
  Limits l;
  l.running_max = std::max(1, o.running_max);
  l.rows_max = std::max(o.batch_rows_max, l.running_max);
  l.mixed_rows_max = std::max(1, l.rows_max / 4);
  // submit() enforces the limit of the queue. The scheduler's queue also holds preempted requests.
  l.waiting_max = o.waiting_max + l.running_max;
  l.pages_total = cache.pages_total();
  return l;
}

SessionLimits session_limits_of(const Options& o, const LoadedModel& m, const Cache& cache) {
  SessionLimits l{.context = cache.context(), .vocabulary = m.model->vocabulary()};
  l.end_tokens = m.checkpoint.end_tokens;
  l.end_tokens.insert(l.end_tokens.end(), o.end_tokens.begin(), o.end_tokens.end());
  std::ranges::sort(l.end_tokens);
  l.end_tokens.erase(std::unique(l.end_tokens.begin(), l.end_tokens.end()), l.end_tokens.end());
  std::erase_if(l.end_tokens, [&](int32_t id) { return id < 0 || id >= l.vocabulary; });
  return l;
}

// How the memory for kept state is used: pages, and for a model with rings copies of them.
struct CacheShare {
  int64_t pages = 0, copies = 1;
};

// With rings, a copy goes with each two pages. That is enough for a long session of many turns. There is at least
// one copy: requests that run at the same time share their prefixes in any case.
CacheShare share_of(int64_t bytes, const StateLayout& l) {
  constexpr int64_t kPagesMax = int64_t{1} << 18, kPagesPerCopy = 2;
  if (l.ring_bytes == 0) return {.pages = std::min(bytes / l.page_bytes, kPagesMax)};
  const int64_t copies = std::min(bytes / (kPagesPerCopy * l.page_bytes + l.ring_bytes), kPagesMax / 2);
  return {copies * kPagesPerCopy, std::max(int64_t{1}, copies)};
}

constexpr int kLostMax = 512;  // lost nodes of a domain, to tell why state is missing

class RunningEngine final : public Engine {
 public:
  // `folder`: of the disk tier; null: there is none.
  RunningEngine(Parts parts, const Options& options, std::unique_ptr<Cache> cache,
                const PrefixTree::Options& prefixes, std::unique_ptr<EntryFolder> folder, Drafters drafters)
      : parts_(std::move(parts)),
        waiting_max_(options.waiting_max),
        cache_(std::move(cache)),
        session_limits_(session_limits_of(options, parts_.model, *cache_)),
        batch_(
            *parts_.model.model, *parts_.model.chip, *cache_, limits_of(options, *cache_), prefixes,
            seconds_now, [this] { return damage(); }, std::move(drafters)) {
    parts_.card.context = session_limits_.context;
    parts_.card.vocabulary = session_limits_.vocabulary;
    stats_.pages_total = cache_->pages_total();
    set_limits(prefixes);
    if (folder) {
      disk_ = std::make_unique<DiskTier>(std::move(folder), options.disk.queue_bytes_max, [this] { wake(); });
      batch_.use(*disk_);
    }
    thread_ = std::thread([this] { run(); });
  }
  ~RunningEngine() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  const ModelCard& card() const override { return parts_.card; }
  std::optional<Error> fault() const override { return parts_.model.change(); }

  using Engine::submit;
  Result<std::vector<RequestId>> submit(std::vector<Request> group, GroupSink sink) override {
    if (auto changed = fault()) return *changed;
    for (const Request& r : group) {
      if (auto fault = fault_of(r, session_limits_)) return *fault;
    }
    auto sessions = sessions_of(std::move(group), std::move(sink));
    std::vector<RequestId> ids;
    for (const auto& s : sessions) ids.push_back(s->id());
    {
      const std::lock_guard lock(mutex_);
      if (waiting_ + std::ssize(inbox_) + std::ssize(sessions) > waiting_max_) {
        stats_.rejected += sessions.size();
        return Error{Code::exhausted,
                     "engine: only " + std::to_string(waiting_max_) + " requests may wait; try again later"};
      }
      std::ranges::move(sessions, std::back_inserter(inbox_));
    }
    wake_.notify_one();
    return ids;
  }

  void finish(RequestId id, Finish why) override {
    {
      const std::lock_guard lock(mutex_);
      finished_.emplace_back(id, why);
    }
    wake_.notify_one();
  }

  void clear_prefixes() override {
    std::future<void> cleared;
    {
      const std::lock_guard lock(mutex_);
      cleared = clears_.emplace_back().get_future();
    }
    wake_.notify_one();
    cleared.wait();
    if (disk_) disk_->wait_until_clear();
  }

  std::optional<QueuePlace> queued(RequestId id) const override {
    const std::lock_guard lock(mutex_);
    const auto q = std::ranges::find(queue_, id, &Scheduler::Queued::id);
    if (q != queue_.end()) return q->place;
    const auto in = std::ranges::find(inbox_, id, [](const auto& s) { return s->id(); });
    if (in == inbox_.end()) return {};
    return QueuePlace{.position = int(std::ssize(queue_) + (in - inbox_.begin())) + 1};
  }

  Stats stats() const override {
    const std::lock_guard lock(mutex_);
    Stats s = stats_;
    s.waiting += int(inbox_.size());
    if (disk_) s.disk = disk_->stats();
    return s;
  }

 private:
  void set_limits(const PrefixTree::Options& prefixes) {
    const StateLayout& layout = cache_->layout();
    if (layout.ring_bytes > 0) stats_.copies_total = prefixes.copies_max;
    stats_.page_tokens = layout.page_tokens;
    stats_.kept_max = prefixes.idle_max;
    stats_.kept_bytes_max = prefixes.idle_max * layout.page_bytes + stats_.copies_total * layout.ring_bytes;
  }

  // Something was read from the disk.
  void wake() {
    {
      const std::lock_guard lock(mutex_);
      loaded_ = true;
    }
    wake_.notify_one();
  }

  std::vector<std::unique_ptr<Session>> sessions_of(std::vector<Request> group, GroupSink sink) {
    const RequestId first = last_id_.fetch_add(group.size()) + 1;
    std::vector<std::unique_ptr<Session>> sessions;
    for (int i = 0; i < int(group.size()); ++i) {
      sessions.push_back(std::make_unique<Session>(
          first + i, std::move(group[i]), [sink, i](Event e) { sink(i, std::move(e)); }, session_limits_));
    }
    return sessions;
  }

  void run() {
    for (bool busy = false; drain_inbox(busy);) {
      publish();  // requests that were ended from outside get their last event before the step
      busy = batch_.schedule();
      publish();  // admitted requests hear what is reused before their first step
      if (busy) batch_.run();
      publish();
    }
    batch_.end_all(Finish::cancelled);
    publish();
  }

  // Updates the stats before the events: a client that sees its last event must already find it in /metrics.
  void publish() {
    publish_stats();
    batch_.publish();
  }

  // Agreed by all ranks: a changed file on one of them ends the requests on every rank.
  std::optional<Error> damage() const {
    const auto own = fault();
    if (least_of(parts_.model.chip->comm(), own ? 0 : 1) == 1) return {};
    return own ? *own
               : Error{Code::io,
                       "engine: a file of the model was changed on another rank; open the model again"};
  }

  // Moves requests to the batch; sleeps until there are some, unless `busy`. False: the engine stops.
  bool drain_inbox(bool busy) {
    std::vector<std::unique_ptr<Session>> arrived;
    std::vector<std::pair<RequestId, Finish>> finished;
    std::vector<std::promise<void>> clears;
    bool stop;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] {
        return busy || stop_ || loaded_ || !clears_.empty() || !inbox_.empty() || !finished_.empty();
      });
      arrived.swap(inbox_);
      finished.swap(finished_);
      waiting_ += std::ssize(arrived);
      clears.swap(clears_);
      stop = stop_;
      loaded_ = false;
    }
    if (!clears.empty()) batch_.clear_prefixes();
    for (auto& cleared : clears) cleared.set_value();
    for (auto& s : arrived) batch_.add(std::move(s));
    for (const auto& [id, why] : finished) batch_.end(id, why);
    return !stop;
  }

  void publish_stats() {
    const auto& c = batch_.counters();
    auto queue = batch_.queue();
    const std::lock_guard lock(mutex_);
    queue_ = std::move(queue);
    stats_.waited_ms_max = 0;
    for (const auto& q : queue_) stats_.waited_ms_max = std::max(stats_.waited_ms_max, q.place.waited_ms);
    waiting_ = batch_.waiting();
    stats_.running = batch_.running();
    stats_.waiting = batch_.waiting();
    stats_.pages_used = batch_.pages_used();
    stats_.steps = c.steps;
    stats_.prompt_tokens = c.prompt_tokens;
    stats_.pages_kept = batch_.prefixes().idle();
    stats_.copies = batch_.prefixes().copies();
    stats_.prefix_tokens = c.prefix_tokens;
    stats_.rows_computed = c.rows;
    stats_.nodes_visited = batch_.prefixes().nodes_visited();
    stats_.generation_tokens = c.generation_tokens;
    stats_.drafted = c.drafted;
    stats_.drafts_accepted = c.drafts_accepted;
    stats_.drafts = c.drafts;
    stats_.preemptions = c.preemptions;
    stats_.step_seconds = c.step_seconds;
    stats_.finished = c.finished;
    stats_.step = c.step;
    stats_.queue = c.queue;
    stats_.prefill = c.prefill;
    stats_.decode = c.decode;
    stats_.inference = c.inference;
    stats_.per_token = c.per_token;
    stats_.step_tokens = c.step_tokens;
    stats_.corrupted = c.corrupted;
  }

  Parts parts_;
  const int64_t waiting_max_;
  std::unique_ptr<Cache> cache_;
  const SessionLimits session_limits_;
  Batch batch_;  // used by the engine thread only
  std::atomic<RequestId> last_id_{0};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false, loaded_ = false;
  std::vector<std::promise<void>> clears_;  // one for each call of clear_prefixes()
  std::vector<std::unique_ptr<Session>> inbox_;
  std::vector<std::pair<RequestId, Finish>> finished_;
  int64_t waiting_ = 0;  // requests that wait in the batch, as of the last plan
  Stats stats_;
  std::vector<Scheduler::Queued> queue_;  // as of the last plan
  std::unique_ptr<DiskTier> disk_;
  std::thread thread_;
};

int64_t memory_left(const LoadedModel& m) {
  return memory_for_state(memory_now().free, m.weight_cache ? m.weight_cache->mapped_bytes() : 0);
}

// The state of a draft model gets a quarter of what the target's has, in addition.
Result<Drafters> drafters_of(const Drafting& d, Parts& parts, const Options& o, int64_t context,
                             int64_t bytes) {
  Drafters all{.head = d.head, .lookup = d.lookup, .most = d.most, .always = o.drafting.always};
  if (d.model) {
    AUTARK_TRY(all.model, ModelProposer::make(std::move(*parts.draft_model),
                                              {.vocabulary = parts.model.model->vocabulary(),
                                               .context = context,
                                               .bytes_max = bytes / 4,
                                               .running_max = std::max(1, o.running_max),
                                               .most = d.most}));
  }
  return all;
}

}  // namespace

Result<RequestId> Engine::submit(Request request, Sink sink) {
  std::vector<Request> group;
  group.push_back(std::move(request));
  AUTARK_TRY(const auto ids,
             submit(std::move(group), [sink = std::move(sink)](int, Event e) { sink(std::move(e)); }));
  return ids[0];
}

Result<std::unique_ptr<Engine>> start(Parts parts, const Options& options) {
  const Model& model = *parts.model.model;
  Comm* comm = parts.model.chip->comm();
  const int64_t half = memory_left(parts.model);  // of what is free
  // All ranks must have the same number of pages, or they would plan different steps.
  const int64_t bytes = least_of(comm, options.state_bytes_max > 0 ? options.state_bytes_max : half);
  const int64_t kept = least_of(comm, options.cache_bytes_max >= 0 ? options.cache_bytes_max : half / 2);
  const int64_t allowed = model.context();
  const int64_t context = options.context_max > 0 ? std::min(options.context_max, allowed) : allowed;
  const Drafting drafting = drafting_of(options, parts.model, parts.draft_model.has_value());
  const StateLayout layout = layout_of(model, parts.model.rounding.cache, drafting.most, drafting.head);
  const CacheShare share = share_of(kept, layout);
  AUTARK_TRY(auto cache, Cache::make(model, *parts.model.chip,
                                     {.rounding = parts.model.rounding.cache,
                                      .bytes_max = bytes,
                                      .pages_more = share.pages,
                                      .context = context,
                                      .sequences_max = std::max(1, options.running_max),
                                      .rewind_tokens = drafting.most,
                                      .snapshot_bytes_max = share.copies * layout.ring_bytes,
                                      .drafter = drafting.head}));
  AUTARK_TRY(auto drafters, drafters_of(drafting, parts, options, cache->context(), bytes));
  std::unique_ptr<EntryFolder> folder;
  if (!options.disk.folder.empty() && !comm && kept > 0) {
    AUTARK_TRY(folder,
               EntryFolder::open(options.disk, program_key(parts, layout, drafting.most), about(parts)));
  }
  return std::unique_ptr<Engine>(
      std::make_unique<RunningEngine>(std::move(parts), options, std::move(cache),
                                      PrefixTree::Options{.copies_max = share.copies,
                                                          .keeps_idle = kept > 0,
                                                          .idle_max = share.pages,
                                                          .lost_max = kept > 0 ? kLostMax : 0},
                                      std::move(folder), std::move(drafters)));
}

}  // namespace autark::engine

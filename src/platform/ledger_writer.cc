#include "platform/ledger_writer.h"
#include <algorithm>
#include "base/log.h"
#include "platform/charge_json.h"

namespace autark::platform {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kRoundMax = 256;   // settlements in one transaction
constexpr int kAttemptsAlone = 10;  // that must fail, while the database answers, before a charge is given up

Error lost_error(const std::string& id) {
  return {Code::cancelled,
          "the request " + id +
              " was booked as lost by another server, because this one did not renew its lease in time"};
}

}  // namespace

LedgerWriter::LedgerWriter(std::shared_ptr<storage::Database> database, const Ledger::Options& options)
    : database_(std::move(database)),
      options_(options),
      last_noted_(steady_clock::now()),
      next_lease_(steady_clock::now()),
      thread_([this] { run(); }) {}

LedgerWriter::~LedgerWriter() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    stop_at_ = steady_clock::now() + options_.patience;
  }
  changed_.notify_all();
  thread_.join();
}

void LedgerWriter::begin(const Charge& charge) {
  const std::scoped_lock lock(mutex_);
  if (!running_.try_emplace(charge.id, Running{cleaned(charge)}).second) return;
  if (fresh_.empty()) {
    first_fresh_ = steady_clock::now();
    changed_.notify_one();
  }
  fresh_.push_back(charge.id);
}

void LedgerWriter::note(const std::string& id, const Tokens& tokens) {
  const std::scoped_lock lock(mutex_);
  const auto running = running_.find(id);
  if (running == running_.end() || running->second.tokens == tokens) return;
  running->second.tokens = tokens;
  if (dirty_.empty()) changed_.notify_one();
  if (!std::exchange(running->second.is_dirty, true)) dirty_.push_back(id);
}

void LedgerWriter::settle(Charge charge, Ledger::Done done) {
  charge = cleaned(std::move(charge));
  std::unique_lock lock(mutex_);
  running_.erase(charge.id);
  if (waiting_.size() + in_round_ >= options_.waiting_max) {
    lock.unlock();
    return done(
        Error{Code::exhausted, "too many requests wait for the ledger, whose database does not answer"});
  }
  waiting_.push_back({std::move(charge), std::move(done), steady_clock::now()});
  if (waiting_.size() == 1 || waiting_.size() == kRoundMax) changed_.notify_one();
}

size_t LedgerWriter::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.size() + in_round_;
}

bool LedgerWriter::is_behind() const {
  const std::scoped_lock lock(mutex_);
  const Time oldest = in_round_ ? oldest_ : waiting_.empty() ? Time::max() : waiting_.front().since;
  return oldest < steady_clock::now() - options_.patience;
}

void LedgerWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    const Time now = steady_clock::now();
    if (!stopping_ && wake() > now) {
      changed_.wait_until(lock, wake());
      continue;
    }
    take_round(now);
    if (stopping_ && round_.is_empty()) break;
    lock.unlock();
    if (!round_.is_empty()) write_round();
    keep_lease(now);
    lock.lock();
  }
  lock.unlock();
  // What is still under way belongs to nobody now: the next server that looks books it as noted.
  const auto leave = [&](storage::Transaction& t) -> std::optional<Error> {
    const auto gone = t.change("DELETE FROM server WHERE id = $1", {options_.server});
    return gone ? std::nullopt : std::optional(gone.error());
  };
  for (int attempts = 0; attempts < 3 && database_->write(leave); ++attempts) {
  }
}

LedgerWriter::Time LedgerWriter::wake() const {
  Time time = next_lease_;
  if (!fresh_.empty()) time = std::min(time, first_fresh_ + options_.begin_within);
  if (!dirty_.empty()) time = std::min(time, last_noted_ + options_.note_every);
  if (waiting_.size() >= kRoundMax) return Time::min();
  if (waiting_.empty()) return time;
  const auto gather = running_.empty() ? milliseconds(0) : options_.gather;  // nobody else could come
  return std::min(time, waiting_.front().since + gather);
}

void LedgerWriter::take_round(Time now) {
  const auto take = [&](std::vector<std::string>& ids, std::vector<Charge>& charges) {
    for (const std::string& id : ids) {
      const auto running = running_.find(id);  // those that ended are settled instead
      if (running == running_.end()) continue;
      running->second.is_dirty = false;
      charges.push_back(running->second);
    }
    ids.clear();
  };
  if (!fresh_.empty()) take(fresh_, round_.begun);
  if (!dirty_.empty() && last_noted_ + options_.note_every <= now) {
    take(dirty_, round_.noted);
    last_noted_ = now;
  }
  const size_t count = std::min(waiting_.size(), kRoundMax);
  for (size_t i = 0; i < count; ++i) {
    round_.settlements.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  in_round_ = count;
  if (count) oldest_ = round_.settlements.front().since;
}

void LedgerWriter::write_round() {
  for (int failures = 1; !round_.is_empty(); ++failures) {
    if (try_round(round_)) {
      round_ = {};
    } else if (failures % 3 == 0 && answers()) {
      // The database is there, so one of these cannot be booked: it must not hold up the others.
      if (!round_.begun.empty() || !round_.noted.empty())
        log_error("ledger: some requests under way cannot be noted");
      round_.begun.clear(), round_.noted.clear();
      while (!round_.settlements.empty() && take_first()) round_.settlements.pop_front();
    } else {
      tell_late();
      pause(failures);
      const std::scoped_lock lock(mutex_);
      if (stopping_ && steady_clock::now() >= stop_at_) break;
    }
  }
  if (!round_.is_empty()) give_up();
  const std::scoped_lock lock(mutex_);
  in_round_ = 0;
}

bool LedgerWriter::try_round(const Round& round) {
  std::vector<Charge> charges;
  for (const Settlement& s : round.settlements) charges.push_back(s.charge);
  std::vector<Fate> fates;
  const auto fault = database_->write([&](storage::Transaction& t) -> std::optional<Error> {
    if (!round.begun.empty())
      if (auto not_renewed = renew(t)) return not_renewed;
    if (auto not_reserved = reserve(t, round.begun, options_.server)) return not_reserved;
    if (auto not_noted = note_progress(t, round.noted)) return not_noted;
    auto booked = book(t, charges, options_.clock());
    if (!booked) return booked.error();
    fates = *std::move(booked);
    return std::nullopt;
  });
  if (!fault) finish(round, fates);
  if (fault) log_warning("ledger: " + fault->message);
  return !fault;
}

bool LedgerWriter::take_first() {
  Round alone;
  alone.settlements.push_back(round_.settlements.front());
  for (int failures = 1; failures <= kAttemptsAlone; ++failures) {
    if (try_round(alone)) return true;
    if (!answers()) return false;
    pause(1);
  }
  const Settlement& first = round_.settlements.front();
  {
    const std::scoped_lock lock(mutex_);
    --in_round_;
  }
  log_error("ledger: the request " + first.charge.id + " cannot be booked");
  if (first.done)
    first.done(Error{Code::internal, "the request " + first.charge.id + " could not be booked"});
  return true;
}

bool LedgerWriter::answers() {
  return !database_->write([&](storage::Transaction& t) { return renew(t); });
}

void LedgerWriter::finish(const Round& round, const std::vector<Fate>& fates) {
  {
    const std::scoped_lock lock(mutex_);
    in_round_ -= fates.size();
  }
  for (size_t i = 0; i < fates.size(); ++i) {
    const Settlement& s = round.settlements[i];
    if (s.done) s.done(fates[i] == Fate::lost ? std::optional(lost_error(s.charge.id)) : std::nullopt);
  }
}

// Calls `done` of those that began to wait before a moment.
void LedgerWriter::tell(std::deque<Settlement>& settlements, Time before, const Error& error) {
  std::vector<Ledger::Done> calls;
  {
    const std::scoped_lock lock(mutex_);
    for (Settlement& s : settlements)
      if (s.done && s.since <= before) calls.push_back(std::exchange(s.done, nullptr));
  }
  for (const Ledger::Done& call : calls) call(error);
}

void LedgerWriter::tell_late() {
  const Time before = steady_clock::now() - options_.patience;
  const Error error{Code::io,
                    "the ledger's database does not answer; the request will be booked when it does"};
  tell(round_.settlements, before, error);
  tell(waiting_, before, error);
}

void LedgerWriter::give_up() {
  const Error error{Code::io,
                    "the server stops and the ledger's database does not answer; the request will be booked "
                    "as far as it was noted"};
  tell(round_.settlements, Time::max(), error);
  tell(waiting_, Time::max(), error);
  round_ = {};
  const std::scoped_lock lock(mutex_);
  waiting_.clear(), fresh_.clear(), dirty_.clear();
}

void LedgerWriter::pause(int failures) {
  const auto length = std::min(milliseconds(20) * failures * failures, milliseconds(1000));
  std::unique_lock lock(mutex_);
  const Time end = steady_clock::now() + length;
  changed_.wait_until(lock, stopping_ ? std::min(end, stop_at_) : end, [&] {
    return steady_clock::now() >= end || (stopping_ && steady_clock::now() >= stop_at_);
  });
}

void LedgerWriter::keep_lease(Time now) {
  if (now < next_lease_) return;
  next_lease_ = now + options_.lease / 3;
  if (!answers()) return;
  const auto beats = beats_of_servers(*database_);
  if (!beats) return log_warning("ledger: " + beats.error().message);
  const auto booked = recover_ended(*database_, options_.server, silent(*beats, now), options_.clock());
  if (!booked) return log_warning("ledger: " + booked.error().message);
  if (*booked > 0)
    log_warning("ledger: booked " + std::to_string(*booked) + " requests of servers that ended");
}

// The servers whose rows have not changed for a lease, by the steady clock of this process: the clocks of machines differ, and
// jump. After a time without the database everybody gets a whole lease again.
std::vector<Beat> LedgerWriter::silent(const std::vector<Beat>& beats, Time now) {
  if (now - looked_ >= options_.lease) seen_.clear();
  looked_ = now;
  std::unordered_map<std::string, Seen> seen;
  std::vector<Beat> ended;
  for (const Beat& b : beats) {
    if (b.server == options_.server) continue;
    const auto before = seen_.find(b.server);
    const bool is_same = before != seen_.end() && before->second.until == b.until;
    const Time since = is_same ? before->second.since : now;
    seen.emplace(b.server, Seen{b.until, since});
    if (now - since >= options_.lease) ended.push_back(b);
  }
  seen_.swap(seen);
  return ended;
}

// A clock that stands still or goes back must not leave the row as it was.
std::optional<Error> LedgerWriter::renew(storage::Transaction& t) {
  const Micros now = options_.clock(), until = now + std::chrono::microseconds(options_.lease).count();
  const auto changed = t.change(
      "INSERT INTO server (id, name, started, alive_until) VALUES ($1, $1, $2, $3) "
      "ON CONFLICT (id) DO UPDATE SET alive_until = CASE WHEN excluded.alive_until > server.alive_until "
      "THEN excluded.alive_until ELSE server.alive_until + 1 END",
      {options_.server, now, until});
  return changed ? std::nullopt : std::optional(changed.error());
}

}  // namespace autark::platform

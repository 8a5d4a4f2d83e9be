#include "platform/gatekeeper.h"
#include <algorithm>
#include <condition_variable>
#include <thread>
#include <unordered_map>
#include "base/log.h"
#include "platform/key_snapshot.h"
#include "platform/slowdown.h"

namespace autark::platform {
namespace {

using Caller = std::shared_ptr<const api::Caller>;

constexpr double kLooksAtOnce = 64, kLooksASecond = 50;  // that unknown keys may ask for

api::ApiError wrong(bool none) {
  return {.kind = api::ApiError::Kind::authentication,
          .message = none ? "this server needs an API key, as 'Authorization: Bearer KEY' or 'x-api-key: KEY'"
                          : "the API key is wrong, was disabled or has expired"};
}

api::ApiError slowed(Micros wait) {
  return {.kind = api::ApiError::Kind::rate_limited,
          .message = "too many wrong API keys came from your address",
          .retry_seconds = double(wait) / kSecond};
}

api::ApiError closed(const std::string& message) {
  return {.kind = api::ApiError::Kind::forbidden, .message = message};
}

}  // namespace

struct Gatekeeper::State {
  std::shared_ptr<storage::Database> database;
  Options options;
  Slowdown wrong_keys;

  std::mutex mutex;  // of what follows; never held while the database is asked
  std::shared_ptr<const KeySnapshot> snapshot;
  std::unordered_map<std::string, Micros> uses;  // of keys, not yet written
  bool ends = false;
  bool is_lost = false;
  bool is_slow = false;              // the last look that an unknown key waited for was not there in time
  uint64_t asked = 0, answered = 0;  // looks that unknown keys asked for
  double looks = kLooksAtOnce;       // that unknown keys may still ask for
  std::chrono::steady_clock::time_point counted = std::chrono::steady_clock::now();
  std::condition_variable awake, looked;

  std::mutex looking;  // one refresh() at a time; guards `follow`
  Follow follow;
  std::thread thread;

  State(std::shared_ptr<storage::Database> data, Options given)
      : database(std::move(data)), options(given), wrong_keys({.names_max = given.addresses_max}) {}

  std::shared_ptr<const KeySnapshot> current() {
    const std::lock_guard lock(mutex);
    return snapshot;
  }

  void note_use(const KeyRecord& key, Micros now) {
    if (!key.note_use(now)) return;
    const std::lock_guard lock(mutex);
    uses[key.caller->key] = now;
  }

  // Keys whose use cannot be written stay noted.
  std::optional<Error> write_uses() {
    std::unordered_map<std::string, Micros> noted;
    {
      const std::lock_guard lock(mutex);
      noted.swap(uses);
    }
    if (noted.empty()) return {};
    auto failed = write_key_uses(*database, noted);
    if (!failed) return {};
    const std::lock_guard lock(mutex);
    for (const auto& [key, time] : noted) uses.try_emplace(key, time);
    return failed;
  }

  std::optional<Error> look() {
    const std::lock_guard one(looking);
    if (auto failed = write_uses()) return failed;
    auto fresh = read_key_snapshot(*database, current()->version);
    if (!fresh) return fresh.error();
    if (!*fresh) return {};
    if (follow)
      if (auto failed = follow()) return failed;
    const std::lock_guard lock(mutex);
    snapshot = *fresh;
    return {};
  }

  // Has the thread look at once, and waits for it, but neither long nor often: the caller may be a server's only thread, and
  // wrong keys may come from many addresses.
  void ask() {
    std::unique_lock lock(mutex);
    if (is_lost || is_slow || ends || !takes_look()) return;
    const uint64_t mine = ++asked;
    awake.notify_one();
    is_slow = !looked.wait_for(lock, options.ask_wait, [&] { return answered >= mine || ends; });
  }

  // REQUIRES: the mutex is held.
  bool takes_look() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> passed = now - std::exchange(counted, now);
    looks = std::min(kLooksAtOnce, looks + passed.count() * kLooksASecond);
    if (looks < 1) return false;
    looks -= 1;
    return true;
  }

  void run() {
    std::unique_lock lock(mutex);
    while (!ends) {
      awake.wait_for(lock, options.look_every, [&] { return ends || asked > answered; });
      if (ends) break;
      const uint64_t until = asked;
      lock.unlock();
      const auto failed = look();
      lock.lock();
      tell_loss(failed);
      answered = until;
      is_slow = false;
      looked.notify_all();
    }
  }

  void tell_loss(const std::optional<Error>& failed) {
    if (failed && !is_lost)
      log_warning("the platform goes on with the keys it has: " + failed->message);
    else if (!failed && is_lost)
      log_info("the platform's database answers again");
    is_lost = failed.has_value();
  }
};

Gatekeeper::Gatekeeper(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::shared_ptr<Gatekeeper>> Gatekeeper::open(std::shared_ptr<storage::Database> database,
                                                     Options options) {
  auto state = std::make_unique<State>(std::move(database), options);
  AUTARK_TRY(state->snapshot, read_key_snapshot(*state->database, -1));
  State& running = *state;
  state->thread = std::thread([&running] { running.run(); });
  return std::shared_ptr<Gatekeeper>(new Gatekeeper(std::move(state)));
}

Gatekeeper::~Gatekeeper() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ends = true;
  }
  state_->awake.notify_all();
  state_->thread.join();
  if (auto failed = state_->write_uses())
    log_warning("the last uses of some keys were not written: " + failed->message);
}

api::ApiResult<Caller> Gatekeeper::enter(const api::Knock& knock) {
  if (knock.secret.empty()) return wrong(true);
  const Micros now = state_->options.clock();
  auto keys = state_->current();
  const KeyRecord* key = keys->by_secret(knock.secret, now);
  if (!key) {
    const std::string from = neighbourhood(knock.address);
    if (const Micros wait = state_->wrong_keys.wait(from, now); wait > 0) return slowed(wait);
    state_->ask();  // another process may have made it just now
    keys = state_->current();
    key = keys->by_secret(knock.secret, now);
    if (!key) {
      state_->wrong_keys.failed(from, now);
      return wrong(false);
    }
  }
  if (!key->has_route(knock.path))
    return closed("this API key may not be used for " + std::string(knock.path.substr(0, 128)) +
                  "; it has other routes");
  if (!key->has_address(knock.address)) return closed("this API key may not be used from your address");
  state_->note_use(*key, now);
  return key->caller;
}

std::shared_ptr<const api::Caller> Gatekeeper::find(const std::string& key) {
  const auto keys = state_->current();
  const KeyRecord* record = keys->by_id(key, state_->options.clock());
  return record ? record->caller : nullptr;
}

std::optional<Error> Gatekeeper::on_change(Follow follow) {
  const std::lock_guard one(state_->looking);
  state_->follow = std::move(follow);
  return state_->follow ? state_->follow() : std::nullopt;
}

std::optional<Error> Gatekeeper::refresh() {
  return state_->look();
}

}  // namespace autark::platform

#include "platform/limit_shares.h"
#include <algorithm>

namespace autark::platform {
namespace {

constexpr Micros kEndless = int64_t{1} << 60;

// The key of a limit in the tables.
std::string name_of(const ShareWish& w) {
  const Limit l = w.counter->limit(w.subject);
  return l.level + ":" + l.subject + ":" + l.model + ":" + std::string(name_of(l.kind)) + ":" + l.period;
}

// What a server gets of what is left. The shares get smaller as the limit comes near, and in the end are single requests.
int64_t grant_of(const ShareWish& w, int64_t left) {
  if (left <= 0 || left < w.least) return 0;
  if (w.ahead) return left / 8;
  return w.most == 0 ? 0 : std::min(left, std::max({w.least, w.most, left / 8}));
}

bool has_budget(const std::vector<ShareWish>& wishes) {
  return std::ranges::any_of(wishes,
                             [](const ShareWish& w) { return w.counter->kind() == LimitKind::budget; });
}

}  // namespace

Result<std::vector<ShareAnswer>> LimitShares::exchange(const std::vector<ShareWish>& wishes) {
  std::vector<ShareAnswer> answers;
  auto fault = database_->write([&](storage::Transaction& t) -> std::optional<Error> {
    answers.clear();
    // Rates that are lost when the database's machine fails do no harm: they need not wait for its disk.
    if (database_->is_shared() && !has_budget(wishes))
      if (const auto set = t.change("SET LOCAL synchronous_commit TO OFF"); !set) return set.error();
    const auto time = now(t);
    if (!time) return time.error();
    for (const ShareWish& w : wishes) {
      const bool permits = w.counter->kind() == LimitKind::concurrency;
      auto answer = permits ? exchange_permits(t, w, *time) : exchange(t, w, *time);
      if (!answer) return answer.error();
      answers.push_back(*answer);
    }
    return {};
  });
  if (fault) return *fault;
  return answers;
}

Result<Micros> LimitShares::now(storage::Transaction& t) const {
  if (!database_->is_shared()) return clock_();
  AUTARK_TRY(const auto rows,
             t.rows("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"));
  return rows.at(0).number(0);
}

Result<ShareAnswer> LimitShares::exchange(storage::Transaction& t, const ShareWish& w, Micros now) const {
  const std::string name = name_of(w);
  const bool budget = w.counter->kind() == LimitKind::budget;
  AUTARK_TRY(const auto rows,
             t.rows("SELECT window_start, taken FROM counter WHERE limit_name = $1", {name}));
  Micros window = rows.empty() ? 0 : rows[0].number(0);
  int64_t taken = rows.empty() ? 0 : rows[0].number(1);
  const auto period = budget ? w.counter->period_at(now, zone_) : std::pair<Micros, Micros>();
  bool fresh = rows.empty() || (budget ? period.first + 1 > window : now - window >= w.counter->length());
  bool anew = budget && fresh;
  if (budget && !fresh) {
    AUTARK_TRY(anew, someone_ended(t, name, now));
  }
  if (anew && !w.knows_spent) return ShareAnswer{.window = period.first, .asks_spent = true};
  if (fresh) window = budget ? period.first + 1 : now, taken = 0;
  if (anew) {
    if (auto fault = forget_ended(t, name, now)) return *fault;
    AUTARK_TRY(const int64_t others, fresh ? Result<int64_t>(0) : held_by_others(t, name, now));
    taken = w.spent + others + (w.window == window ? w.held + w.back : 0);
  }
  if (w.window == window) taken = std::max<int64_t>(0, taken - w.back);
  const int64_t granted = grant_of(w, w.amount - taken);
  taken += granted;
  AUTARK_TRY(const int64_t changed,
             t.change("INSERT INTO counter (limit_name, window_start, taken) VALUES ($1, $2, $3)"
                      " ON CONFLICT (limit_name) DO UPDATE SET window_start = $2, taken = $3",
                      {name, window, taken}));
  (void)changed;
  const Micros end = budget ? period.second : window + w.counter->length();
  ShareAnswer answer{
      .granted = granted, .taken = taken, .window = window, .remaining = std::min(kEndless, end - now)};
  if (!budget) return answer;
  if (auto fault = hold(t, name, granted + (w.window == window ? w.held : 0), now)) return *fault;
  AUTARK_TRY(answer.held, held_by_others(t, name, now));
  return answer;
}

Result<ShareAnswer> LimitShares::exchange_permits(storage::Transaction& t, const ShareWish& w,
                                                  Micros now) const {
  const std::string name = name_of(w);
  if (auto fault = forget_ended(t, name, now)) return *fault;
  AUTARK_TRY(const int64_t others, held_by_others(t, name, now));
  const int64_t granted = grant_of(w, w.amount - others - w.held);
  if (auto fault = hold(t, name, w.held + granted, now)) return *fault;
  return ShareAnswer{
      .granted = granted, .taken = others + w.held + granted, .window = 1, .remaining = kEndless};
}

Result<bool> LimitShares::someone_ended(storage::Transaction& t, const std::string& name, Micros now) const {
  AUTARK_TRY(const auto rows,
             t.rows("SELECT server FROM share WHERE limit_name = $1 AND alive_until < $2", {name, now}));
  return !rows.empty();
}

std::optional<Error> LimitShares::forget_ended(storage::Transaction& t, const std::string& name,
                                               Micros now) const {
  const auto forgotten =
      t.change("DELETE FROM share WHERE limit_name = $1 AND alive_until < $2", {name, now});
  if (!forgotten) return forgotten.error();
  return {};
}

Result<int64_t> LimitShares::held_by_others(storage::Transaction& t, const std::string& name,
                                            Micros now) const {
  AUTARK_TRY(const auto rows, t.rows("SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM share"
                                     " WHERE limit_name = $1 AND server <> $2 AND alive_until >= $3",
                                     {name, server_, now}));
  return rows.at(0).number(0);
}

std::optional<Error> LimitShares::hold(storage::Transaction& t, const std::string& name, int64_t amount,
                                       Micros now) const {
  const auto changed =
      amount <= 0 ? t.change("DELETE FROM share WHERE limit_name = $1 AND server = $2", {name, server_})
                  : t.change(
                        "INSERT INTO share (limit_name, server, amount, alive_until) VALUES ($1, $2, $3, $4)"
                        " ON CONFLICT (limit_name, server) DO UPDATE SET amount = $3, alive_until = $4",
                        {name, server_, amount, now + kLease});
  if (!changed) return changed.error();
  return {};
}

}  // namespace autark::platform

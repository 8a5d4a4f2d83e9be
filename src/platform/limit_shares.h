// How servers take shares of common limits: a table with what is given out of each limit in its present window, by the
// database's clock, and who holds it.
//
//   requests, tokens    what was given out is used, unless it is given back; the share of a server that has ended is
//                       free with the next window
//   requests at once    what living servers hold
//   budgets             as tokens; if a server has ended, the ledger tells anew what was spent
#pragma once
#include <memory>
#include <vector>
#include "platform/limit_counter.h"

namespace autark::platform {

// What a server asks of one limit.
struct ShareWish {
  std::shared_ptr<LimitCounter> counter;
  std::string subject;
  int64_t amount = 0;  // of the whole limit
  int64_t least = 0,
          most = 0;  // that it needs, or nothing, and that it would like; an eighth of what is left, if more
  bool ahead = false;        // it needs nothing now, and would like an eighth of what is left
  int64_t back = 0;          // that it gives back, of its window
  Micros window = 0;         // of what it holds
  int64_t held = 0;          // what it holds after that and has not used up
  bool knows_spent = false;  // of a budget
  int64_t spent = 0;         // by the ledger, since the begin of the period
};

struct ShareAnswer {
  int64_t granted = 0;
  int64_t taken = 0;        // of the whole limit by all servers, `granted` included
  int64_t held = 0;         // of a budget: of that, what other servers have not used up
  Micros window = 0;        // its begin by the database's clock
  Micros remaining = 0;     // microseconds until its end
  bool asks_spent = false;  // nothing else is set: ask again with what was spent since `window`
};

class LimitShares {
 public:
  static constexpr Micros kLease = 15 * kSecond;  // a server that is silent for longer has ended

  // `clock` is that of a database which is a file on this machine.
  LimitShares(std::shared_ptr<storage::Database> database, std::string server, Clock clock, TimeZone zone)
      : database_(std::move(database)),
        server_(std::move(server)),
        clock_(std::move(clock)),
        zone_(std::move(zone)) {}
  // All wishes in one transaction. Blocks.
  Result<std::vector<ShareAnswer>> exchange(const std::vector<ShareWish>& wishes);
  const TimeZone& zone() const { return zone_; }

 private:
  Result<Micros> now(storage::Transaction& t) const;
  Result<ShareAnswer> exchange(storage::Transaction& t, const ShareWish& wish, Micros now) const;
  Result<ShareAnswer> exchange_permits(storage::Transaction& t, const ShareWish& wish, Micros now) const;
  Result<bool> someone_ended(storage::Transaction& t, const std::string& name, Micros now) const;
  std::optional<Error> forget_ended(storage::Transaction& t, const std::string& name, Micros now) const;
  Result<int64_t> held_by_others(storage::Transaction& t, const std::string& name, Micros now) const;
  std::optional<Error> hold(storage::Transaction& t, const std::string& name, int64_t amount,
                            Micros now) const;

  const std::shared_ptr<storage::Database> database_;
  const std::string server_;
  const Clock clock_;
  const TimeZone zone_;
};

}  // namespace autark::platform

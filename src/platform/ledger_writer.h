// The ledger's thread: gathers what is to be written and writes it in rounds, one transaction each.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include "platform/booking.h"

namespace autark::platform {

// See Ledger for what the functions promise.
class LedgerWriter {
 public:
  LedgerWriter(std::shared_ptr<storage::Database> database, const Ledger::Options& options);
  ~LedgerWriter();
  void begin(const Charge& charge);
  void note(const std::string& id, const Tokens& tokens);
  void settle(Charge charge, Ledger::Done done);
  size_t waiting() const;
  bool is_behind() const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Settlement {
    Charge charge;
    Ledger::Done done;  // empty once it was called
    Time since;
  };
  struct Running : Charge {
    bool is_dirty = false;  // whether it is in dirty_
  };
  // What one transaction writes.
  struct Round {
    std::vector<Charge> begun, noted;
    std::deque<Settlement> settlements;
    bool is_empty() const { return begun.empty() && noted.empty() && settlements.empty(); }
  };

  void run();
  Time wake() const;          // when there is something to do
  void take_round(Time now);  // from what waits
  void write_round();         // until it is durable, or the time to stop is over
  bool try_round(const Round& round);
  bool take_first();  // writes one settlement alone; false if the database does not answer
  bool answers();
  void finish(const Round& round, const std::vector<Fate>& fates);
  void tell(std::deque<Settlement>& settlements, Time before, const Error& error);
  void tell_late();
  void give_up();
  void pause(int failures);
  void keep_lease(Time now);
  std::vector<Beat> silent(const std::vector<Beat>& beats, Time now);
  std::optional<Error> renew(storage::Transaction& transaction);

  const std::shared_ptr<storage::Database> database_;
  const Ledger::Options options_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Settlement> waiting_;
  std::unordered_map<std::string, Running> running_;
  std::vector<std::string> fresh_, dirty_;  // ids that are to be written for the first time, and again
  Time first_fresh_, last_noted_;
  size_t in_round_ = 0;        // settlements of round_
  Time oldest_ = Time::max();  // of them
  bool stopping_ = false;
  Time stop_at_;

  // Of the thread alone.
  Round round_;
  Time next_lease_, looked_{};
  struct Seen {
    Micros until;
    Time since;
  };
  std::unordered_map<std::string, Seen> seen_;  // other servers' rows, and since when they are the same
  std::thread thread_;
};

}  // namespace autark::platform

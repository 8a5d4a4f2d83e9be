// The ledger: what every request used and cost, and whose money it was. Append-only, double entry, in integers.
//
// Books (the sum of each entry's postings is 0 per unit; the unit is a currency, or "tokens MODEL" of packs):
//   cash                what was paid in, negative
//   granted             what the operator gave, negative
//   balance:ACCOUNT     what an account has; below 0: what it owes
//   credit:ID           what is left of a free quota or a prepaid pack
//   revenue             what requests cost
//
// A request is paid by credits that fit its model, those that expire first come first, and then by the balance.
// All functions may be called from any thread.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include "platform/clock.h"
#include "platform/prices.h"
#include "store/database.h"

namespace autark::platform {

// One request, or what there was of it.
struct Charge {
  std::string
      id;  // of the request; unique over all servers. A charge that is booked already is not booked again
  Micros time = 0;  // of admission
  std::string account, workspace, key, model;
  std::string user;   // the client's label of its user; may be empty
  std::string route;  // "/v1/chat/completions"
  std::string service = "standard";
  std::string outcome = "complete";  // complete, aborted (by the client), failed, lost (the server ended)
  Quote quote;
  Tokens tokens;
  Micros duration = 0;  // from admission to the end
};

struct Balance {
  std::string currency;
  int64_t topped_up = 0;  // nanos that were paid in and not used; below 0: owed
  int64_t granted = 0;    // nanos that are left of credits in money
  int64_t spent = 0;      // nanos, of all requests so far
  int64_t total() const { return topped_up + granted; }
};

struct Credit {
  std::string id, account;
  std::string kind;                 // "free" (a free quota) or "pack" (prepaid)
  std::string unit;                 // the account's currency, or "tokens"
  std::string model;                // that it pays for; empty: all
  int64_t amount = 0, used = 0;     // nanos or tokens
  Micros created = 0, expires = 0;  // 0: never
};

class Ledger {
 public:
  struct Options {
    std::string server;  // the id of this process; empty: it only reads and books by hand
    Clock clock = system_now;
    std::chrono::milliseconds gather{1};         // how long a settlement waits for others of the same commit
    std::chrono::milliseconds note_every{1000};  // how often the progress of running requests is written
    std::chrono::seconds lease{15};              // a server that is silent for longer has ended
    size_t waiting_max = 65536;                  // settlements that wait for the database; more: an Error
  };
  Ledger(std::shared_ptr<storage::Database> database, Options options);
  // Writes what waits, then frees the server's lease.
  ~Ledger();

  // A request begins. Written soon, without waiting: if this process ends, another one books what is known of it.
  void begin(const Charge& charge, int64_t cost_max);
  // What a running request has delivered so far.
  void note(const std::string& id, const Tokens& tokens);
  // Books a request that began, and calls `done` on the ledger's thread once that is durable, or with an Error after
  // `patience`; the charge stays in the queue then and is still booked when the database is back.
  using Done = std::function<void(std::optional<Error>)>;
  void settle(Charge charge, Done done);
  // Books what ended servers left: their reservations become charges with the outcome "lost". Also runs by itself, every
  // few seconds. The number of them.
  Result<int> recover();

  // Money that came in; `id` is the caller's, and books once.
  std::optional<Error> deposit(const std::string& account, int64_t nanos, const std::string& id);
  // A free quota or a pack. Sets id and created.
  Result<Credit> grant(Credit credit);
  Result<Balance> balance(const std::string& account);
  Result<std::vector<Credit>> credits(const std::string& account);
  // What was spent since a moment, in nanos. `level`: account, workspace, key or model; an empty `model` means all.
  Result<int64_t> spent(const std::string& level, const std::string& subject, const std::string& model,
                        Micros since);
  // Whether the books add up: every entry is 0 per unit, books equal their postings, usage equals revenue. An Error says
  // what does not.
  std::optional<Error> audit();

 private:
  struct Writer;
  std::unique_ptr<Writer> writer_;
};

}  // namespace autark::platform

// The ledger: what every request used and cost, and whose money it was. Append-only, double entry, in integers.
//
// Books (the sum of each entry's postings is 0 per unit; the unit is a currency, "tokens", or "tokens MODEL" of credits for
// one model):
//   cash                what was paid in, negative
//   granted             what the operator gave, negative
//   balance:ACCOUNT     what an account has; below 0: what it owes
//   credit:ID           what is left of a free quota or a prepaid pack
//   revenue:ACCOUNT     what its requests cost
//   packs               what tokens of credits were worth by the price file, negative
//   used                tokens that were taken from credits
//
// A request is paid by the account's credits that fit its model, and the rest by the balance. Credits in tokens come before
// credits in money; of each kind, those that expire first come first. A credit counts if it had not expired when the
// request was admitted. What costs nothing uses no credit. What is left of an expired credit stays in its book.
//
// A request is booked by its id: a charge whose id is booked already is not booked again, whoever asks.
// All functions may be called from any thread; those that return a value block until the database has answered.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include "platform/clock.h"
#include "platform/money.h"
#include "platform/prices.h"
#include "store/database.h"

namespace autark::platform {

// One request, or what there was of it.
struct Charge {
  std::string id;   // of the request; unique over all servers
  Micros time = 0;  // of admission
  std::string account, workspace, key, model;
  std::string user;   // the client's label of its user; may be empty
  std::string route;  // "/v1/chat/completions"
  std::string service = "standard";
  std::string outcome =
      "complete";  // complete, aborted (by the client), failed, lost (the server ended), refused
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
  int64_t amount = 0, used = 0;     // nanos or tokens; input, output and all other classes count alike
  Micros created = 0, expires = 0;  // 0: never
};

class Ledger {
 public:
  struct Options {
    std::string server;  // the id of this process; empty: it only reads and books by hand
    Clock clock = system_now;
    std::chrono::milliseconds gather{
        1};  // how long a settlement waits for others of the same commit; at most
    std::chrono::milliseconds begin_within{50};  // when a request that began is written at the latest
    std::chrono::milliseconds note_every{1000};  // how often the progress of running requests is written
    std::chrono::milliseconds lease{15'000};     // a server that is silent for longer has ended
    std::chrono::milliseconds patience{10'000};  // how long a settlement waits for a database that is away
    size_t waiting_max = 65536;                  // settlements that wait for the database; more: an Error
  };
  Ledger(std::shared_ptr<storage::Database> database, Options options);
  // Writes what waits, for as long as `patience`, then frees the server's lease.
  ~Ledger();

  // A request begins. Written soon, without waiting: if this process ends, another one books what is known of it. A
  // request that is settled before that is never written. REQUIRES, as for note() and settle(): Options::server.
  void begin(const Charge& charge);
  // What a running request has delivered so far.
  void note(const std::string& id, const Tokens& tokens);
  // Books a request that began, and calls `done` on the ledger's thread, once, in the order of the calls:
  // - without an Error as soon as it is durable, or was so before;
  // - with one (io) after `patience`, checked between two attempts; the charge stays in the queue and is booked when the
  //   database is back, unless this process ends first: then it is booked as noted;
  // - with one (cancelled) if another server booked it as lost, because this one did not renew its lease, and with
  //   other tokens than these;
  // - with one (exhausted), before settle() returns, if too many wait.
  // - with one (internal) if the database answers but refuses this charge again and again; it is not booked then, and the log
  //   says so.
  // `done` must not block and must not call this object, except for begin, note and settle.
  using Done = std::function<void(std::optional<Error>)>;
  void settle(Charge charge, Done done);
  // How many settlements are not durable yet, and whether the database does not answer, for a server that wants to refuse
  // requests then.
  size_t waiting() const;
  bool is_behind() const;  // the oldest settlement waits for longer than `patience`
  // Books what ended servers left: their requests become charges with the outcome "lost" and the tokens that were noted.
  // Also runs by itself, on servers, every third of `lease`. The number of them.
  Result<int64_t> recover();

  // Money that came in (below 0: went out); `id` is the caller's, and books once. An Error (invalid) if it is booked with
  // another sum or for another account.
  std::optional<Error> deposit(const std::string& account, const Money& money, const std::string& id);
  // A free quota or a pack. Sets created, and id if it is empty; a given id books once. An Error (invalid) names what is
  // wrong with it.
  Result<Credit> grant(Credit credit);
  // In the account's currency. An Error (not_found) if there is no such account.
  Result<Balance> balance(const std::string& account);
  // All of them, those that were given last come first; also used up and expired ones.
  Result<std::vector<Credit>> credits(const std::string& account);
  // What was spent since a moment, in nanos. `level`: account, workspace, key or model; an empty `model` means all.
  Result<int64_t> spent(const std::string& level, const std::string& subject, const std::string& model,
                        Micros since);
  // Whether the books add up: every entry is 0 per unit, books equal their postings, usage equals revenue and its sums by
  // hour, credits equal their books. An Error (internal) says what does not. Reads all rows.
  std::optional<Error> audit();

 private:
  std::shared_ptr<storage::Database> database_;
  const Options options_;
  std::unique_ptr<class LedgerWriter> writer_;  // only with a server
};

}  // namespace autark::platform

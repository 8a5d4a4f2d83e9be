// How charges get into the tables, within a transaction of the caller.
#pragma once
#include <span>
#include "platform/ledger.h"
#include "platform/postings.h"

namespace autark::platform {

// Adds postings and their books' sums. An Error if an entry is there already or a sum does not fit.
std::optional<Error> post(storage::Transaction& transaction, std::span<const Posting> postings, Micros now);

enum class Fate : uint8_t {
  booked,
  already,  // the same charge was booked before
  lost      // another server booked it as lost, with other tokens
};

// Books charges that were cleaned() and removes their reservations. The fate of each.
Result<std::vector<Fate>> book(storage::Transaction& transaction, std::span<const Charge> charges,
                               Micros now);

// Writes requests that began.
std::optional<Error> reserve(storage::Transaction& transaction, std::span<const Charge> charges,
                             const std::string& server);
// Writes what they have delivered so far.
std::optional<Error> note_progress(storage::Transaction& transaction, std::span<const Charge> charges);

// A server, and until when it said that it lives: each renewal of its lease changes that.
struct Beat {
  std::string server;
  Micros until = 0;
};
Result<std::vector<Beat>> beats_of_servers(storage::Database& database);

// Books what was under way on servers that ended: on those of `ended` whose beat is still the same, and on those that have no
// row any more. `server`: the caller's own, which has not ended. The number of requests.
Result<int64_t> recover_ended(storage::Database& database, const std::string& server,
                              std::span<const Beat> ended, Micros now);

}  // namespace autark::platform

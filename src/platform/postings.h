// The ledger's postings, and how to read them. booking.h writes them.
#pragma once
#include <string>
#include <vector>
#include "platform/clock.h"
#include "store/database.h"

namespace autark::platform {

struct Posting {
  std::string entry;  // of which it is a part: a request, a deposit or a credit
  std::string book, unit;
  int64_t amount = 0;  // nanos, or tokens
  // Set when it is written. The number grows and has gaps.
  int64_t number = 0;
  Micros time = 0;
};

// Postings of the entries in which a book of the account or of its credits takes part, with a number beyond `after`, by
// number, at most `limit`.
Result<std::vector<Posting>> postings(storage::Database& database, const std::string& account, int64_t after,
                                      int64_t limit);

}  // namespace autark::platform

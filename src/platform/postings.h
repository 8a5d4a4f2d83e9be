// The ledger's postings, to read them.
#pragma once
#include <string>
#include <vector>
#include "platform/clock.h"
#include "store/database.h"

namespace autark::platform {

struct Posting {
  int64_t number = 0;  // grows; has gaps
  std::string entry;   // of which it is a part: a request, a deposit or a credit
  Micros time = 0;
  std::string book, unit;
  int64_t amount = 0;  // nanos, or tokens
};

// Postings of the entries in which a book of the account or of its credits takes part, with a number beyond `after`, by
// number, at most `limit`.
Result<std::vector<Posting>> postings(storage::Database& database, const std::string& account, int64_t after,
                                      int64_t limit);

}  // namespace autark::platform

// Who pays for a request: credits in tokens, credits in money, and the balance.
#pragma once
#include <string>
#include <vector>
#include "platform/clock.h"
#include "platform/prices.h"

namespace autark::platform {

// What is left of a credit, while requests are booked.
struct CreditRest {
  std::string id, unit, model;  // as in Credit
  int64_t left = 0;
  Micros created = 0, expires = 0;
  bool is_in_tokens() const { return unit == "tokens"; }
};

// In the order in which credits pay.
void sort_credits(std::vector<CreditRest>& credits);

struct Payment {
  struct Part {
    size_t credit;  // its index
    int64_t amount;
  };
  std::vector<Part> parts;
  int64_t packs = 0;    // nanos: what tokens of credits were worth
  int64_t balance = 0;  // nanos: the rest
};

// Pays for a request that was admitted at `time` and takes the amounts off `credits`. packs + balance + the parts in money
// = quote.cost(tokens).
Payment pay(const Quote& quote, const Tokens& tokens, const std::string& model, Micros time,
            std::vector<CreditRest>& credits);

}  // namespace autark::platform

// What metering needs of the ledger; tests put something else in its place.
#pragma once
#include "platform/ledger.h"

namespace autark::platform {

class Bookkeeper {
 public:
  virtual ~Bookkeeper() = default;
  // As the functions of Ledger.
  virtual void begin(const Charge& charge) = 0;
  virtual void note(const std::string& id, const Tokens& tokens) = 0;
  virtual void settle(Charge charge, Ledger::Done done) = 0;
  virtual bool is_behind() const = 0;
  // Whether an account has money, or a credit that pays for this model. Blocks.
  virtual Result<bool> has_means(const std::string& account, const std::string& model, Micros now) = 0;
};

std::shared_ptr<Bookkeeper> bookkeeper_of(std::shared_ptr<Ledger> ledger);

}  // namespace autark::platform

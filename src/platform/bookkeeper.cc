#include "platform/bookkeeper.h"
#include <algorithm>

namespace autark::platform {
namespace {

bool pays_for(const Credit& credit, const std::string& model, Micros now) {
  const bool valid = credit.expires == 0 || credit.expires > now;
  return valid && credit.used < credit.amount && (credit.model.empty() || credit.model == model);
}

class LedgerBookkeeper final : public Bookkeeper {
 public:
  explicit LedgerBookkeeper(std::shared_ptr<Ledger> ledger) : ledger_(std::move(ledger)) {}
  void begin(const Charge& charge) override { ledger_->begin(charge); }
  void note(const std::string& id, const Tokens& tokens) override { ledger_->note(id, tokens); }
  void settle(Charge charge, Ledger::Done done) override {
    ledger_->settle(std::move(charge), std::move(done));
  }
  bool is_behind() const override { return ledger_->is_behind(); }
  Result<bool> has_means(const std::string& account, const std::string& model, Micros now) override {
    AUTARK_TRY(const Balance balance, ledger_->balance(account));
    if (balance.topped_up > 0) return true;
    AUTARK_TRY(const auto credits, ledger_->credits(account));
    return std::ranges::any_of(credits, [&](const Credit& c) { return pays_for(c, model, now); });
  }

 private:
  const std::shared_ptr<Ledger> ledger_;
};

}  // namespace

std::shared_ptr<Bookkeeper> bookkeeper_of(std::shared_ptr<Ledger> ledger) {
  return std::make_shared<LedgerBookkeeper>(std::move(ledger));
}

}  // namespace autark::platform

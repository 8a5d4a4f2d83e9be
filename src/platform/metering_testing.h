// For tests: books that a test reads.
#pragma once
#include <vector>
#include "platform/bookkeeper.h"

namespace autark::platform {

// Settles at once, or when the test says so.
struct FakeBooks final : Bookkeeper {
  void begin(const Charge& c) override { begun.push_back(c); }
  void note(const std::string&, const Tokens& t) override { noted.push_back(t); }
  void settle(Charge c, Ledger::Done done) override {
    settled.push_back(std::move(c));
    at_once ? done(error) : waiting.push_back(std::move(done));
  }
  bool is_behind() const override { return behind; }
  Result<bool> has_means(const std::string&, const std::string&, Micros) override { return means; }

  std::vector<Charge> begun, settled;
  std::vector<Tokens> noted;
  std::vector<Ledger::Done> waiting;
  std::optional<Error> error;
  bool at_once = true, behind = false, means = true;
};

}  // namespace autark::platform

// For tests of the ledger: a database with two accounts, one that fails when it is told to, and charges.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include "platform/ledger.h"
#include "platform/testing.h"

namespace autark::platform {

// A database that loses transactions, before they ran or after their commit.
class FlakyDatabase final : public storage::Database {
 public:
  explicit FlakyDatabase(std::shared_ptr<storage::Database> inner);
  ~FlakyDatabase() override;
  std::atomic<bool> away = false;                    // every write fails
  std::atomic<int> lose_before = 0, lose_after = 0;  // of so many writes, one does
  std::atomic<int64_t> writes = 0;

  std::optional<Error> write(const Work& work) override;
  std::optional<Error> read(const Work& work) override;
  std::optional<Error> migrate(std::span<const storage::SchemaStep> steps, size_t version) override;
  Result<int64_t> version() override;
  bool is_shared() const override;
  std::string name() const override;

 private:
  const std::shared_ptr<storage::Database> inner_;
};

// What settlements said, in the order in which they did.
class Outcomes {
 public:
  ~Outcomes();
  Ledger::Done of(const std::string& id);
  void wait(size_t count);
  std::vector<std::string> ids();
  std::optional<Error> fault(size_t i);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> ids_;
  std::vector<std::optional<Error>> faults_;
};

inline constexpr int64_t kCny = 1'000'000'000;

Charge charge(const std::string& id, int64_t input = 1000, int64_t output = 100);

class LedgerTest : public testing::TestWithParam<std::string> {
 protected:
  LedgerTest();
  ~LedgerTest() override;
  void SetUp() override;
  Ledger::Options options(const std::string& server);
  void run(const std::string& sql);
  int64_t number(const std::string& sql);
  void settle(Ledger& ledger, const std::vector<Charge>& charges);
  void expect_sound(Ledger& ledger);

  TestFolder folder;
  std::string place;
  std::atomic<Micros> now{1'800'000'000 * kSecond};
  std::shared_ptr<storage::Database> inner;
  std::shared_ptr<FlakyDatabase> database;
};

}  // namespace autark::platform

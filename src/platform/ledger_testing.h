// For tests of the ledger: a database with two accounts, one that fails when it is told to, and charges.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include "platform/ledger.h"
#include "platform/testing.h"

namespace autark::platform {

// A database that loses transactions, before they ran or after their commit.
class FlakyDatabase final : public storage::Database {
 public:
  explicit FlakyDatabase(std::shared_ptr<storage::Database> inner) : inner_(std::move(inner)) {}
  std::atomic<bool> away = false;                    // every write fails
  std::atomic<int> lose_before = 0, lose_after = 0;  // of so many writes, one does
  std::atomic<int64_t> writes = 0;

  std::optional<Error> write(const Work& work) override {
    const int64_t number = ++writes;
    if (away || (lose_before && number % lose_before == 0)) return Error{Code::io, "the database is away"};
    auto fault = inner_->write(work);
    if (!fault && lose_after && number % lose_after == 1)
      return Error{Code::io, "the commit's outcome is not known"};
    return fault;
  }
  std::optional<Error> read(const Work& work) override { return inner_->read(work); }
  std::optional<Error> migrate(std::span<const storage::SchemaStep> steps, size_t version) override {
    return inner_->migrate(steps, version);
  }
  Result<int64_t> version() override { return inner_->version(); }
  bool is_shared() const override { return inner_->is_shared(); }
  std::string name() const override { return inner_->name(); }

 private:
  const std::shared_ptr<storage::Database> inner_;
};

// What settlements said, in the order in which they did.
class Outcomes {
 public:
  Ledger::Done of(const std::string& id) {
    return [this, id](std::optional<Error> fault) {
      const std::scoped_lock lock(mutex_);
      ids_.push_back(id);
      faults_.push_back(std::move(fault));
      changed_.notify_all();
    };
  }
  void wait(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ids_.size() >= count; });
  }
  std::vector<std::string> ids() {
    const std::scoped_lock lock(mutex_);
    return ids_;
  }
  std::optional<Error> fault(size_t i) {
    const std::scoped_lock lock(mutex_);
    return faults_.at(i);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> ids_;
  std::vector<std::optional<Error>> faults_;
};

constexpr int64_t kCny = 1'000'000'000;

inline Charge charge(const std::string& id, int64_t input = 1000, int64_t output = 100) {
  return {.id = id,
          .time = 1'800'000'000 * kSecond,
          .account = "a1",
          .workspace = "w1",
          .key = "k1",
          .model = "m1",
          .route = "/v1/chat/completions",
          .quote = {.version = "1", .currency = "CNY", .rates = {kCny, kCny / 50, kCny, 4 * kCny, 4 * kCny}},
          .tokens = {.input = input, .output = output},
          .duration = kSecond};
}

class LedgerTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    place = empty_database(GetParam(), folder.path);
    auto opened = storage::open_database(place);
    ASSERT_TRUE(opened) << opened.error().message;
    inner = std::move(*opened);
    ASSERT_FALSE(make_tables(*inner));
    for (const char* account : {"a1", "a2"})
      run("INSERT INTO account (id, name, currency, created) VALUES ('" + std::string(account) + "', '" +
          account + "', 'CNY', 0)");
    database = std::make_shared<FlakyDatabase>(inner);
  }
  Ledger::Options options(const std::string& server) {
    return {
        .server = server, .clock = [this] { return now.load(); }, .note_every = std::chrono::milliseconds(1)};
  }
  void run(const std::string& sql) {
    const auto fault = inner->write([&](storage::Transaction& t) -> std::optional<Error> {
      const auto changed = t.change(sql);
      return changed ? std::nullopt : std::optional(changed.error());
    });
    EXPECT_FALSE(fault) << fault->message;
  }
  int64_t number(const std::string& sql) {
    int64_t found = -1;
    const auto fault = inner->read([&](storage::Transaction& t) -> std::optional<Error> {
      const auto rows = t.rows(sql);
      if (!rows) return rows.error();
      found = rows->front().number(0);
      return std::nullopt;
    });
    EXPECT_FALSE(fault) << fault->message;
    return found;
  }
  void settle(Ledger& ledger, const std::vector<Charge>& charges) {
    Outcomes outcomes;
    for (const Charge& c : charges) ledger.settle(c, outcomes.of(c.id));
    outcomes.wait(charges.size());
    for (size_t i = 0; i < charges.size(); ++i) EXPECT_FALSE(outcomes.fault(i)) << outcomes.fault(i)->message;
  }
  void expect_sound(Ledger& ledger) {
    const auto fault = ledger.audit();
    EXPECT_FALSE(fault) << fault->message;
  }

  TestFolder folder;
  std::string place;
  std::atomic<Micros> now{1'800'000'000 * kSecond};
  std::shared_ptr<storage::Database> inner;
  std::shared_ptr<FlakyDatabase> database;
};

}  // namespace autark::platform

#include "platform/ledger_testing.h"
#include <chrono>
#include <utility>

namespace autark::platform {

FlakyDatabase::FlakyDatabase(std::shared_ptr<storage::Database> inner) : inner_(std::move(inner)) {}
FlakyDatabase::~FlakyDatabase() = default;

std::optional<Error> FlakyDatabase::write(const Work& work) {
  const int64_t number = ++writes;
  if (away || (lose_before && number % lose_before == 0)) return Error{Code::io, "the database is away"};
  auto fault = inner_->write(work);
  if (!fault && lose_after && number % lose_after == 1)
    return Error{Code::io, "the commit's outcome is not known"};
  return fault;
}

std::optional<Error> FlakyDatabase::read(const Work& work) {
  return inner_->read(work);
}
std::optional<Error> FlakyDatabase::migrate(std::span<const storage::SchemaStep> steps, size_t version) {
  return inner_->migrate(steps, version);
}
Result<int64_t> FlakyDatabase::version() {
  return inner_->version();
}
bool FlakyDatabase::is_shared() const {
  return inner_->is_shared();
}
std::string FlakyDatabase::name() const {
  return inner_->name();
}

Outcomes::~Outcomes() = default;

Ledger::Done Outcomes::of(const std::string& id) {
  return [this, id](std::optional<Error> fault) {
    const std::scoped_lock lock(mutex_);
    ids_.push_back(id);
    faults_.push_back(std::move(fault));
    changed_.notify_all();
  };
}

void Outcomes::wait(size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ids_.size() >= count; });
}

std::vector<std::string> Outcomes::ids() {
  const std::scoped_lock lock(mutex_);
  return ids_;
}

std::optional<Error> Outcomes::fault(size_t i) {
  const std::scoped_lock lock(mutex_);
  return faults_.at(i);
}

Charge charge(const std::string& id, int64_t input, int64_t output) {
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

LedgerTest::LedgerTest() = default;
LedgerTest::~LedgerTest() = default;

void LedgerTest::SetUp() {
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

Ledger::Options LedgerTest::options(const std::string& server) {
  return {
      .server = server, .clock = [this] { return now.load(); }, .note_every = std::chrono::milliseconds(1)};
}

void LedgerTest::run(const std::string& sql) {
  const auto fault = inner->write([&](storage::Transaction& t) -> std::optional<Error> {
    const auto changed = t.change(sql);
    return changed ? std::nullopt : std::optional(changed.error());
  });
  EXPECT_FALSE(fault) << fault->message;
}

int64_t LedgerTest::number(const std::string& sql) {
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

void LedgerTest::settle(Ledger& ledger, const std::vector<Charge>& charges) {
  Outcomes outcomes;
  for (const Charge& c : charges) ledger.settle(c, outcomes.of(c.id));
  outcomes.wait(charges.size());
  for (size_t i = 0; i < charges.size(); ++i) EXPECT_FALSE(outcomes.fault(i)) << outcomes.fault(i)->message;
}

void LedgerTest::expect_sound(Ledger& ledger) {
  const auto fault = ledger.audit();
  EXPECT_FALSE(fault) << fault->message;
}

}  // namespace autark::platform

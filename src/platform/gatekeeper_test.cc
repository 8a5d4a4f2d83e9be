// Goal: the gate lets in who has a right key, on its routes and from its addresses, and nobody else; changes of the
// directory count after a look; wrong keys are slowed down by their address, and no right key is; a lost database changes
// nothing.
// Method: one directory and one gate on both databases, with a clock that the test moves; answers to all sorts of wrong
// keys are compared; a database that fails when it is told to.
#include "platform/gatekeeper.h"
#include <gtest/gtest.h>
#include <atomic>
#include <thread>
#include "platform/testing.h"

namespace autark::platform {
namespace {

using Kind = api::ApiError::Kind;

// Fails while `away`.
class FailingDatabase final : public storage::Database {
 public:
  explicit FailingDatabase(std::shared_ptr<Database> inner) : inner_(std::move(inner)) {}
  std::optional<Error> write(const Work& work) override { return away ? lost() : inner_->write(work); }
  std::optional<Error> read(const Work& work) override {
    ++reads;
    return away ? lost() : inner_->read(work);
  }
  std::optional<Error> migrate(std::span<const storage::SchemaStep> steps, size_t version) override {
    return inner_->migrate(steps, version);
  }
  Result<int64_t> version() override { return inner_->version(); }
  bool is_shared() const override { return false; }
  std::string name() const override { return "a database"; }
  std::atomic<bool> away = false;
  std::atomic<int> reads = 0;

 private:
  static std::optional<Error> lost() { return Error{Code::io, "database is away"}; }
  std::shared_ptr<Database> inner_;
};

class GatekeeperTest : public PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    failing = std::make_shared<FailingDatabase>(database);
    // Looks only when the test tells it to.
    auto opened = Gatekeeper::open(
        failing,
        {.clock = clock(), .look_every = std::chrono::hours(1), .ask_wait = std::chrono::minutes(1)});
    ASSERT_TRUE(opened) << opened.error().message;
    gate = *opened;
  }
  api::ApiResult<std::shared_ptr<const api::Caller>> knock(const std::string& secret,
                                                           const std::string& address = "192.0.2.1",
                                                           const std::string& path = "/v1/chat/completions") {
    return gate->enter({.method = "POST", .path = path, .secret = secret, .address = address});
  }
  bool enters(const std::string& secret) { return knock(secret).index() == 0; }
  void look() {
    const auto failed = gate->refresh();
    EXPECT_FALSE(failed) << failed->message;
  }
  MadeKey scoped(const std::function<void(KeyDraft&)>& change) {
    KeyDraft draft;
    draft.workspace = "blue", draft.name = random_letters(8);
    change(draft);
    MadeKey made = must(directory->create_key(root, draft));
    look();
    return made;
  }

  std::shared_ptr<FailingDatabase> failing;
  std::shared_ptr<Gatekeeper> gate;
};

TEST_P(GatekeeperTest, TellsWhoItIs) {
  const MadeKey made = scoped([](KeyDraft& d) { d.models = {"qwen"}; });
  const auto caller = must(knock(made.secret));
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->key, made.key.id);
  EXPECT_EQ(caller->workspace, blue.id);
  EXPECT_EQ(caller->account, account.id);
  EXPECT_EQ(caller->role, Role::developer);
  EXPECT_TRUE(caller->may_name("qwen"));
  EXPECT_FALSE(caller->may_name("other"));
  EXPECT_EQ(gate->find(made.key.id), caller);
  EXPECT_FALSE(gate->find("key_none"));
}

// Each way to stop a key, and the answer is the one for a key that never was.
TEST_P(GatekeeperTest, StoppedKeysAreWrongKeys) {
  must(directory->create_member(root, {.name = "ann", .roles = {Role::system}, .password = "correct horse"}));
  const MadeKey made = scoped([](KeyDraft& d) { d.member = "ann", d.role = Role::system; });
  const std::string wrong = message_of(knock("ak-none"));
  const auto stopped = [&] {
    look();
    return message_of(knock(made.secret)) == wrong && !gate->find(made.key.id);
  };
  const auto works = [&] {
    look();
    return enters(made.secret) && gate->find(made.key.id);
  };
  ASSERT_TRUE(works());
  const std::function<void(bool)> ways[] = {
      [&](bool on) { must(directory->enable_key(root, made.key.id, on)); },
      [&](bool on) { must(directory->enable_workspace(root, "blue", on)); },
      [&](bool on) { EXPECT_FALSE(directory->enable_account("default", on)); },
      [&](bool on) { must(directory->enable_member(root, "ann", on)); },
      [&](bool on) {
        must(directory->change_member(root, "ann", std::vector{on ? Role::system : Role::developer}, {}));
      }};
  for (const auto& turn : ways) {
    turn(false);
    EXPECT_TRUE(stopped());
    now += 10 * kMinute;  // so that the answers are not slowed down
    turn(true);
    EXPECT_TRUE(works());
  }
}

TEST_P(GatekeeperTest, KeysAndOldSecretsExpire) {
  const MadeKey made = scoped([&](KeyDraft& d) { d.expires = now + 2 * kDay; });
  const MadeKey next = must(directory->rotate_key(root, made.key.id, kDay));
  look();
  EXPECT_TRUE(enters(made.secret));
  EXPECT_TRUE(enters(next.secret));
  now += kDay;
  EXPECT_FALSE(enters(made.secret));
  EXPECT_TRUE(enters(next.secret));
  now += kDay;
  EXPECT_FALSE(enters(next.secret));
  EXPECT_FALSE(gate->find(made.key.id));
  const MadeKey other = scoped([](KeyDraft&) {});
  const MadeKey at_once = must(directory->rotate_key(root, other.key.id, 0));
  look();
  EXPECT_FALSE(enters(other.secret));
  EXPECT_TRUE(enters(at_once.secret));
}

TEST_P(GatekeeperTest, RoutesAndAddressesAreHeld) {
  const MadeKey made = scoped([](KeyDraft& d) {
    d.routes = {"/v1/chat/completions", "/v1/files/*"};
    d.ips = {"10.0.0.0/8", "2001:db8::/32"};
  });
  const auto kind = [&](const std::string& address, const std::string& path) {
    const auto entered = knock(made.secret, address, path);
    const auto* fault = std::get_if<api::ApiError>(&entered);
    return fault ? std::optional(fault->kind) : std::nullopt;
  };
  EXPECT_FALSE(kind("10.1.2.3", "/v1/chat/completions"));
  EXPECT_FALSE(kind("::ffff:10.1.2.3", "/v1/files/x/content"));
  EXPECT_FALSE(kind("2001:db8::1", "/v1/files/"));
  EXPECT_EQ(kind("10.1.2.3", "/v1/chat/completions/x"), Kind::forbidden);
  EXPECT_EQ(kind("10.1.2.3", "/v1/files"), Kind::forbidden);
  EXPECT_EQ(kind("11.1.2.3", "/v1/chat/completions"), Kind::forbidden);
  EXPECT_EQ(kind("", "/v1/chat/completions"), Kind::forbidden);
}

TEST_P(GatekeeperTest, TenThousandWrongKeysAreSlowedAndTheRightOnePasses) {
  const MadeKey made = scoped([](KeyDraft&) {});
  int told = 0, slowed = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto entered = knock(new_key_secret(), "2001:db8::" + std::to_string(i % 10));
    const auto* fault = std::get_if<api::ApiError>(&entered);
    ASSERT_TRUE(fault);
    if (fault->kind == Kind::authentication) ++told;
    if (fault->kind == Kind::rate_limited && fault->retry_seconds > 0) ++slowed;
    EXPECT_TRUE(i % 100 != 0 || knock(made.secret, "2001:db8::1").index() == 0);
    now += 10'000;  // 10 ms: 100 s in all
  }
  EXPECT_EQ(told + slowed, 10'000);
  EXPECT_LE(told, 10 + 8);
  EXPECT_EQ(code_of(knock(new_key_secret(), "192.0.2.9")), "");
  EXPECT_NE(message_of(knock(new_key_secret(), "192.0.2.9")),
            message_of(knock(new_key_secret(), "2001:db8::1")));
}

TEST_P(GatekeeperTest, ARequestWithoutAKeyIsNotWrong) {
  for (int i = 0; i < 100; ++i) {
    const auto entered = knock("");
    EXPECT_EQ(std::get<api::ApiError>(entered).kind, Kind::authentication);
  }
}

TEST_P(GatekeeperTest, GoesOnWithoutItsDatabase) {
  const MadeKey made = scoped([](KeyDraft&) {});
  must(directory->enable_key(root, made.key.id, false));
  failing->away = true;
  EXPECT_TRUE(gate->refresh());
  EXPECT_TRUE(enters(made.secret));
  failing->away = false;
  look();
  EXPECT_FALSE(enters(made.secret));
}

TEST_P(GatekeeperTest, WritesTheLastUseOnceAMinute) {
  const MadeKey made = scoped([](KeyDraft&) {});
  const auto used = [&] {
    look();
    return must(directory->key(root, made.key.id)).used;
  };
  EXPECT_FALSE(used());
  const Micros first = now;
  EXPECT_TRUE(enters(made.secret));
  now += kMinute - 1;
  EXPECT_TRUE(enters(made.secret));
  EXPECT_EQ(used(), first);
  const int64_t version = *directory->version();
  now += 1;
  failing->away = true;
  EXPECT_TRUE(enters(made.secret));
  EXPECT_TRUE(gate->refresh());
  failing->away = false;
  EXPECT_EQ(used(), first + kMinute);
  EXPECT_EQ(*directory->version(), version);
}

TEST_P(GatekeeperTest, TellsOfChangesOnly) {
  int told = 0;
  EXPECT_FALSE(gate->on_change([&] { return ++told, std::nullopt; }));
  EXPECT_EQ(told, 1);
  look();
  EXPECT_EQ(told, 1);
  must(directory->set_limit(root, {.level = "account", .amount = 3}));
  look();
  look();
  EXPECT_EQ(told, 2);
}

// A key that came with a limit must not be used before the limit counts.
TEST_P(GatekeeperTest, AKeyCountsAfterWhatElseChangedWithIt) {
  std::string key;
  std::vector<bool> counted;
  std::optional<Error> fault;
  EXPECT_FALSE(gate->on_change([&] { return counted.push_back(gate->find(key) != nullptr), fault; }));
  const MadeKey made = add_key("blue", "new");
  key = made.key.id;
  fault = Error{Code::io, "limits cannot be read"};
  for (int i = 0; i < 2; ++i) {
    const auto failed = gate->refresh();
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->message, fault->message);
    EXPECT_FALSE(gate->find(key));
  }
  fault.reset();
  look();
  EXPECT_TRUE(gate->find(key));
  EXPECT_EQ(counted, std::vector<bool>(4, false));
}

// As a command does it beside a server: nobody tells the gate, and the key is used at once.
TEST_P(GatekeeperTest, AKeyCountsAsSoonAsItIsMade) {
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(enters(add_key("blue", "new" + std::to_string(i)).secret));
  const MadeKey made = add_key("blue", "rotated");
  EXPECT_TRUE(enters(must(directory->rotate_key(root, made.key.id, kDay)).secret));
}

// Only a key that may still be right costs a look: not one from an address that is slowed down, none without a database.
TEST_P(GatekeeperTest, WrongKeysDoNotLookForEver) {
  for (int i = 0; i < 12; ++i) (void)knock("ak-wrong");
  const MadeKey made = add_key("blue", "new");
  EXPECT_FALSE(enters(made.secret));
  EXPECT_FALSE(gate->find(made.key.id));
  EXPECT_EQ(knock(made.secret, "192.0.2.99").index(), 0u);
  EXPECT_TRUE(enters(made.secret));
}

// Neither do wrong keys from many addresses: a server's thread waits for each look.
TEST_P(GatekeeperTest, AFloodOfWrongKeysLooksSeldom) {
  const auto began = std::chrono::steady_clock::now();
  const int before = failing->reads;
  for (int i = 0; i < 2000; ++i)
    EXPECT_FALSE(
        knock("ak-wrong", "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)).index() == 0);
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
  EXPECT_GE(failing->reads - before, 1);
  EXPECT_LE(failing->reads - before, 65 + 50 * passed.count());
}

// The thread of the gate sees a change by itself.
TEST_P(GatekeeperTest, LooksByItself) {
  const auto opened =
      Gatekeeper::open(database, {.clock = clock(), .look_every = std::chrono::milliseconds(1)});
  ASSERT_TRUE(opened);
  std::atomic<int> told = 0;
  EXPECT_FALSE((*opened)->on_change([&] { return ++told, std::nullopt; }));
  const MadeKey made = add_key("blue", "new");
  while (told < 2 || !(*opened)->find(made.key.id)) std::this_thread::yield();
}

INSTANTIATE_TEST_SUITE_P(Databases, GatekeeperTest, testing::ValuesIn(database_kinds()), kind_name);

}  // namespace
}  // namespace autark::platform

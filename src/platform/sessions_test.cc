// Goal: members sign in by password and one-time code, a code counts once, sessions end by time, by their owner and with
// their member; who fails is slowed down; no token is in the database.
// Method: one directory on both databases and a clock that the test moves; unknown names and wrong passwords are compared.
#include "platform/sessions.h"
#include <gtest/gtest.h>
#include "base/text_codings.h"
#include "platform/testing.h"
#include "platform/totp.h"

namespace autark::platform {
namespace {

constexpr const char *kPassword = "correct horse", *kAddress = "192.0.2.1";

class SessionsTest : public PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    sessions = std::make_unique<Sessions>(database, SecretBox::random(), clock());
    ann = add_member("ann", {Role::developer}, {"blue"});
  }
  auto sign_in(const std::string& name, const std::string& password, const std::string& totp = "",
               const std::string& address = kAddress) {
    return sessions->sign_in(name, password, totp, address);
  }
  bool lives(const std::string& token) { return must(sessions->find(token)).has_value(); }
  // Sets up one-time codes; the secret.
  std::string with_totp(const OpenSession& session) {
    const std::string secret = *from_base32(must(sessions->offer_totp(session)).secret);
    const auto fault = sessions->confirm_totp(session, totp_code(secret, totp_step(now)));
    EXPECT_FALSE(fault) << fault->message;
    return secret;
  }

  std::unique_ptr<Sessions> sessions;
  Member ann;
};

TEST_P(SessionsTest, ASessionIsTheMembers) {
  const SignedIn in = must(sign_in("ann", kPassword));
  const auto found = must(sessions->find(in.token));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->member.id, ann.id);
  EXPECT_EQ(found->actor.workspaces, std::vector{blue.id});
  EXPECT_EQ(found->csrf, in.open.csrf);
  EXPECT_FALSE(found->needs_totp());
  EXPECT_EQ(found->session.address, kAddress);
  EXPECT_NE(must(sign_in("ann", kPassword)).open.csrf, in.open.csrf);
  EXPECT_FALSE(lives(in.open.session.id));
  EXPECT_FALSE(lives(""));
  EXPECT_FALSE(lives(std::string(1000, 'a')));
}

TEST_P(SessionsTest, UnknownNamesAndWrongPasswordsAreTheSame) {
  const std::string wrong = message_of(sign_in("ann", "wrong password"));
  EXPECT_EQ(code_of(sign_in("ann", "wrong password")), "wrong_credentials");
  EXPECT_EQ(message_of(sign_in("nobody", kPassword)), wrong);
  must(directory->enable_member(root, "ann", false));
  EXPECT_EQ(message_of(sign_in("ann", kPassword)), wrong);
}

TEST_P(SessionsTest, EndByTimeAndByIdleness) {
  const std::string idle = must(sign_in("ann", kPassword)).token;
  const std::string busy = must(sign_in("ann", kPassword)).token;
  for (int i = 0; i < 23; ++i) {
    now += 30 * kMinute;
    EXPECT_TRUE(lives(busy)) << i;
    EXPECT_TRUE(i != 1 || !lives(idle));
  }
  now += 30 * kMinute;
  EXPECT_FALSE(lives(busy));
}

TEST_P(SessionsTest, EndWithTheirMemberAndPassword) {
  const SignedIn first = must(sign_in("ann", kPassword)), second = must(sign_in("ann", kPassword));
  EXPECT_TRUE(sessions->change_password(first.open, "wrong password", "another password"));
  EXPECT_TRUE(sessions->change_password(first.open, kPassword, "short"));
  EXPECT_FALSE(sessions->change_password(first.open, kPassword, "another password"));
  EXPECT_TRUE(lives(first.token));
  EXPECT_FALSE(lives(second.token));
  EXPECT_EQ(code_of(sign_in("ann", kPassword)), "wrong_credentials");
  must(directory->enable_member(root, "ann", false));
  EXPECT_FALSE(lives(first.token));
  must(directory->enable_member(root, "ann", true));
  const SignedIn third = must(sign_in("ann", "another password"));
  must(directory->reset_password(root, "ann", "a third password"));
  EXPECT_FALSE(lives(third.token));
  const SignedIn fourth = must(sign_in("ann", "a third password"));
  EXPECT_FALSE(directory->enable_account("default", false));
  EXPECT_FALSE(lives(fourth.token));
}

TEST_P(SessionsTest, OthersSessionsAreSecuritysOnly) {
  add_member("boss", {Role::security});
  add_member("eve", {Role::system});
  const SignedIn in = must(sign_in("ann", kPassword)), boss = must(sign_in("boss", kPassword)),
                 eve = must(sign_in("eve", kPassword));
  EXPECT_EQ(must(sessions->list(boss.open.actor)).size(), 3u);
  ASSERT_EQ(must(sessions->list(eve.open.actor)).size(), 1u);
  EXPECT_EQ(must(sessions->list(eve.open.actor))[0].member_name, "eve");
  const std::string id = in.open.session.id;
  EXPECT_EQ(sessions->end(eve.open.actor, id)->message, sessions->end(eve.open.actor, "ses_none")->message);
  EXPECT_TRUE(lives(in.token));
  EXPECT_FALSE(sessions->end(boss.open.actor, id));
  EXPECT_FALSE(lives(in.token));
  EXPECT_FALSE(sessions->end(eve.open.actor, eve.open.session.id));
  EXPECT_FALSE(lives(eve.token));
}

TEST_P(SessionsTest, AdministratorsNeedACodeAndEachCountsOnce) {
  add_member("boss", {Role::security});
  const SignedIn first = must(sign_in("boss", kPassword));
  EXPECT_TRUE(first.open.needs_totp());
  EXPECT_TRUE(sessions->confirm_totp(first.open, "000000"));
  const std::string secret = with_totp(first.open);
  EXPECT_FALSE(must(sessions->find(first.token))->needs_totp());
  EXPECT_EQ(code_of(sign_in("boss", kPassword)), "totp_required");
  EXPECT_EQ(code_of(sign_in("boss", kPassword, totp_code(secret, totp_step(now)))), "totp_required");
  now += 30 * kSecond;
  const std::string code = totp_code(secret, totp_step(now));
  EXPECT_EQ(code_of(sign_in("boss", "wrong password", code)), "wrong_credentials");
  EXPECT_TRUE(lives(must(sign_in("boss", kPassword, code)).token));
  EXPECT_EQ(code_of(sign_in("boss", kPassword, code)), "totp_required");
  EXPECT_FALSE(directory->reset_totp(root, "boss"));
  EXPECT_FALSE(lives(first.token));
  EXPECT_TRUE(must(sign_in("boss", kPassword)).open.needs_totp());
}

TEST_P(SessionsTest, ANewSecretCountsOnceItIsConfirmed) {
  const SignedIn in = must(sign_in("ann", kPassword));
  const std::string old = with_totp(in.open);
  const std::string next = *from_base32(must(sessions->offer_totp(in.open)).secret);
  now += kMinute;
  EXPECT_TRUE(lives(must(sign_in("ann", kPassword, totp_code(old, totp_step(now)))).token));
  EXPECT_FALSE(sessions->confirm_totp(in.open, totp_code(next, totp_step(now))));
  now += kMinute;
  EXPECT_EQ(code_of(sign_in("ann", kPassword, totp_code(old, totp_step(now)))), "totp_required");
  EXPECT_TRUE(lives(must(sign_in("ann", kPassword, totp_code(next, totp_step(now)))).token));
}

TEST_P(SessionsTest, FailuresAreSlowedForTheirAddressOnly) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(code_of(sign_in("ann", "wrong password")), "wrong_credentials");
  const auto slowed = sign_in("ann", kPassword);
  ASSERT_TRUE(std::holds_alternative<api::ApiError>(slowed));
  EXPECT_EQ(std::get<api::ApiError>(slowed).kind, api::ApiError::Kind::rate_limited);
  EXPECT_GT(std::get<api::ApiError>(slowed).retry_seconds, 0);
  EXPECT_TRUE(lives(must(sign_in("ann", kPassword, "", "192.0.2.2")).token));
  now += 2 * kSecond;
  EXPECT_TRUE(lives(must(sign_in("ann", kPassword)).token));
}

TEST_P(SessionsTest, NoTokenIsInTheDatabase) {
  const SignedIn in = must(sign_in("ann", kPassword));
  const std::string secret = with_totp(in.open);
  std::string all = all_texts(*database, "SELECT hash, id FROM session") +
                    all_texts(*database, "SELECT totp, password FROM member");
  for (const auto& entry : std::filesystem::directory_iterator(folder.path))
    all += bytes_of_file(entry.path());
  EXPECT_NE(all.find(in.open.session.id), std::string::npos);
  for (const std::string& hidden : {in.token, in.open.csrf, secret, base32(secret), std::string(kPassword)})
    EXPECT_EQ(all.find(hidden), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Databases, SessionsTest, testing::ValuesIn(database_kinds()), kind_name);

}  // namespace
}  // namespace autark::platform

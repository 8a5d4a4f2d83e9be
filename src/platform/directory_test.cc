// Goal: the directory keeps accounts, workspaces, members, keys, limits, price files and settings; who acts sees and changes
// what its role allows; what is out of reach looks like what is not there; every change raises the version.
// Method: each act by each role on both databases; answers for foreign and for missing things are compared; the bytes of
// the database are searched for secrets.
#include "platform/directory.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <thread>
#include "platform/testing.h"

namespace autark::platform {
namespace {

class DirectoryTest : public PlatformTest {};

KeyDraft draft_of(const std::string& workspace, const std::string& name, Role role = Role::developer) {
  KeyDraft draft;
  draft.workspace = workspace, draft.name = name, draft.role = role;
  return draft;
}

TEST_P(DirectoryTest, FindsByIdAndNameAndKeepsWhatIsDisabled) {
  EXPECT_EQ(must(directory->account("")).id, account.id);
  EXPECT_EQ(must(directory->account(account.id)).name, "default");
  EXPECT_EQ(must(directory->workspace(root, "blue")).id, blue.id);
  EXPECT_EQ(must(directory->workspace(root, blue.id)).name, "blue");
  EXPECT_EQ(must(directory->enable_workspace(root, "blue", false)).disabled, now.load());
  EXPECT_EQ(must(directory->workspaces(root)).size(), 2u);
  EXPECT_FALSE(must(directory->enable_workspace(root, "blue", true)).disabled);
  EXPECT_EQ(code_of(directory->workspace(root, "green")), "not_found");
}

TEST_P(DirectoryTest, NamesAreUniqueAndPlain) {
  EXPECT_EQ(code_of(directory->create_workspace(root, "blue")), "name_taken");
  for (const std::string name :
       {"", " a", "a ", "a\nb", "wsp_a", "ak-1", "\xff", "blue\u200b", "\u202eeulb", "bl\ufeffue"})
    EXPECT_NE(message_of(directory->create_workspace(root, name)), "") << name;
  EXPECT_NE(message_of(directory->create_workspace(root, std::string(65, 'a'))), "");
  EXPECT_EQ(must(directory->create_workspace(root, "研究 '; DROP TABLE account")).name,
            "研究 '; DROP TABLE account");
  EXPECT_EQ(must(directory->create_workspace(root, "👩\u200d🔬 می\u200cخواهم")).name, "👩\u200d🔬 می\u200cخواهم");
  add_key("blue", "app");
  EXPECT_EQ(code_of(directory->create_key(root, draft_of("blue", "app"))), "name_taken");
  add_key("red", "app");
  EXPECT_NE(message_of(directory->key(root, "app")).find("several keys"), std::string::npos);
  add_member("ann", {});
  EXPECT_EQ(code_of(directory->create_member(root, {.name = "ann"})), "name_taken");
}

TEST_P(DirectoryTest, HostileTextsAreRefusedAlike) {
  for (const std::string& text : {std::string("a\0b", 3), std::string("\xff"), std::string("\xed\xa0\x80")}) {
    const std::string said = "a text has a NUL character or is no UTF-8";
    EXPECT_EQ(message_of(directory->key(root, text)), said);
    EXPECT_EQ(message_of(directory->workspace(root, text)), said);
    EXPECT_EQ(message_of(directory->set_limit(root, {.level = "model", .subject = text, .amount = 1})), said);
    EXPECT_NE(message_of(directory->create_workspace(root, text)), "");
  }
  EXPECT_EQ(code_of(directory->key(root, "' OR 1=1 --")), "not_found");
}

TEST_P(DirectoryTest, EveryChangeRaisesTheVersion) {
  int64_t version = *directory->version();
  const auto raised = [&] {
    const int64_t before = version;
    version = *directory->version();
    return version > before;
  };
  const std::string key = add_key("blue", "app").key.id;
  EXPECT_TRUE(raised());
  must(directory->enable_key(root, key, false));
  EXPECT_TRUE(raised());
  must(directory->rotate_key(root, key, kDay));
  EXPECT_TRUE(raised());
  must(directory->set_limit(root, {.level = "key", .subject = key, .amount = 60}));
  EXPECT_TRUE(raised());
  EXPECT_FALSE(directory->set_separation(root, true));
  EXPECT_TRUE(raised());
  EXPECT_NE(message_of(directory->create_workspace(root, "blue")), "");
  must(directory->keys(root));
  EXPECT_FALSE(raised());
}

// Four write the same names: each name is given once, and the version counts what was written.
TEST_P(DirectoryTest, ChangesAtOnceDoNotMix) {
  const int64_t before = *directory->version();
  std::atomic<int> made = 0, taken = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 10; ++i) {
          const auto result = directory->create_workspace(root, "w" + std::to_string(i));
          ++(code_of(result) == "name_taken" ? taken : made);
        }
      });
  }
  EXPECT_EQ(made, 10);
  EXPECT_EQ(taken, 30);
  EXPECT_EQ(*directory->version(), before + 10);
  EXPECT_EQ(must(directory->workspaces(root)).size(), 12u);
}

TEST_P(DirectoryTest, AKeyKeepsItsScopes) {
  KeyDraft draft = draft_of("blue", "app");
  draft.models = {"qwen"}, draft.routes = {"/v1/chat/completions", "/v1/files/*"}, draft.ips = {"10.0.0.0/8"};
  draft.expires = now + kDay;
  draft.limits = {{.kind = LimitKind::rpm, .amount = 60},
                  {.kind = LimitKind::budget, .amount = 5, .period = "day"}};
  const MadeKey made = must(directory->create_key(root, draft));
  const Key key = must(directory->key(root, made.secret.substr(0, 11)));
  EXPECT_EQ(key.id, made.key.id);
  EXPECT_EQ(key.models, draft.models);
  EXPECT_EQ(key.routes, draft.routes);
  EXPECT_EQ(key.ips, draft.ips);
  EXPECT_EQ(key.expires, draft.expires);
  EXPECT_EQ(key.workspace_name, "blue");
  const auto limits = must(directory->limits(root, "key", "app"));
  ASSERT_EQ(limits.size(), 2u);
  EXPECT_EQ(limits[0].kind, LimitKind::budget);
  EXPECT_EQ(limits[0].period, "day");
  EXPECT_EQ(limits[0].currency, "CNY");
}

TEST_P(DirectoryTest, BadScopesAreRefused) {
  const auto fault = [&](auto change) {
    KeyDraft draft = draft_of("blue", "app");
    change(draft);
    const auto made = directory->create_key(root, draft);
    const auto* refused = std::get_if<api::ApiError>(&made);
    return refused ? refused->param : "";
  };
  EXPECT_EQ(fault([](KeyDraft& d) { d.ips = {"10.0.0.1/8"}; }), "ips");
  EXPECT_EQ(fault([](KeyDraft& d) { d.routes = {"v1"}; }), "routes");
  EXPECT_EQ(fault([](KeyDraft& d) { d.routes = {"/v1/*/x"}; }), "routes");
  EXPECT_EQ(fault([](KeyDraft& d) { d.models = {""}; }), "models");
  EXPECT_EQ(fault([](KeyDraft& d) { d.models.assign(257, "m"); }), "models");
  EXPECT_EQ(fault([&](KeyDraft& d) { d.expires = now.load(); }), "expires");
  EXPECT_EQ(fault([](KeyDraft& d) { d.limits = {{.kind = LimitKind::rpm, .amount = -1}}; }), "amount");
  EXPECT_TRUE(must(directory->keys(root)).empty());
}

TEST_P(DirectoryTest, RotationKeepsTheIdAndSaysUntilWhen) {
  const MadeKey made = add_key("blue", "app");
  const MadeKey next = must(directory->rotate_key(root, "app", kDay));
  EXPECT_EQ(next.key.id, made.key.id);
  EXPECT_NE(next.secret, made.secret);
  EXPECT_EQ(next.key.prefix, next.secret.substr(0, 11));
  EXPECT_EQ(next.key.rotating_until, now + kDay);
  now += kDay;
  EXPECT_FALSE(must(directory->key(root, "app")).rotating_until);
  EXPECT_NE(message_of(directory->rotate_key(root, "app", 31 * kDay)), "");
}

// What a developer of blue hears of things in red, and of another account, is what it hears of things that are not there.
TEST_P(DirectoryTest, WhatIsOutOfReachLooksLikeNothing) {
  const MadeKey secret_key = add_key("red", "hidden");
  const Account other = must(directory->create_account("other", "EUR"));
  const Workspace far = must(directory->create_workspace(operator_of(other.id), "far"));
  const Member boss = add_member("boss", {Role::security});
  const Actor ann = actor(add_member("ann", {}, {"blue"}));
  const Actor security = actor(boss);
  for (const Actor& who : {ann, security}) {
    const bool sees_red = sees_all(who);
    for (const std::string& name : {std::string("red"), red.id, far.id, std::string("far")}) {
      if (sees_red && name != far.id && name != "far") continue;
      EXPECT_EQ(message_of(directory->workspace(who, name)),
                message_of(directory->workspace(who, "nothing")));
      EXPECT_EQ(message_of(directory->create_key(who, draft_of(name, "x"))),
                message_of(directory->create_key(who, draft_of("nothing", "x"))));
      EXPECT_EQ(message_of(directory->keys(who, {.workspace = name})),
                message_of(directory->keys(who, {.workspace = "nothing"})));
      EXPECT_EQ(message_of(directory->limits(who, "workspace", name)),
                message_of(directory->limits(who, "workspace", "nothing")));
    }
  }
  for (const std::string& name : {secret_key.key.id, secret_key.key.prefix, std::string("hidden")}) {
    EXPECT_EQ(message_of(directory->key(ann, name)), message_of(directory->key(ann, "nothing")));
    EXPECT_EQ(message_of(directory->rotate_key(ann, name, 0)),
              message_of(directory->rotate_key(ann, "nothing", 0)));
    EXPECT_EQ(message_of(directory->enable_key(ann, name, false)),
              message_of(directory->enable_key(ann, "nothing", false)));
  }
  EXPECT_EQ(message_of(directory->member(ann, "boss")), message_of(directory->member(ann, "nobody")));
  EXPECT_EQ(message_of(directory->member(operator_of(other.id), "boss")),
            message_of(directory->member(ann, "nobody")));
  EXPECT_EQ(must(directory->workspaces(ann)).size(), 1u);
  EXPECT_TRUE(must(directory->keys(ann)).empty());
  EXPECT_EQ(must(directory->members(ann)).size(), 1u);
  EXPECT_EQ(must(directory->members(security)).size(), 2u);
}

TEST_P(DirectoryTest, DevelopersHaveKeysOfTheirOwn) {
  const Actor ann = actor(add_member("ann", {}, {"blue"})), bob = actor(add_member("bob", {}, {"blue"}));
  const MadeKey made = must(directory->create_key(ann, draft_of("blue", "mine")));
  EXPECT_EQ(made.key.member, ann.member);
  EXPECT_EQ(code_of(directory->rotate_key(bob, "mine", 0)), "forbidden");
  EXPECT_EQ(code_of(directory->enable_key(bob, "mine", false)), "forbidden");
  must(directory->rotate_key(ann, "mine", 0));
  KeyDraft for_bob = draft_of("blue", "his");
  for_bob.member = "bob";
  EXPECT_EQ(code_of(directory->create_key(ann, for_bob)), "not_found");
  EXPECT_EQ(code_of(directory->create_key(ann, draft_of("blue", "high", Role::system))), "forbidden");
  EXPECT_EQ(code_of(directory->set_limit(ann, {.level = "key", .subject = "mine", .amount = 1})),
            "forbidden");
  EXPECT_EQ(code_of(directory->create_workspace(ann, "green")), "forbidden");
  EXPECT_EQ(directory->reset_totp(ann, "ann")->code, "forbidden");
}

TEST_P(DirectoryTest, NoRoleGrowsByAKey) {
  for (const Role role : {Role::system, Role::security, Role::audit}) {
    const Actor who = actor(add_member("m" + std::string(name_of(role)), {role}));
    for (const Role wanted : {Role::system, Role::security, Role::audit}) {
      const auto made = directory->create_key(
          who, draft_of("blue", std::string(name_of(role)) + "-" + std::string(name_of(wanted)), wanted));
      const bool may = role == wanted && role != Role::audit;
      EXPECT_EQ(code_of(made), may ? "" : "forbidden");
      EXPECT_TRUE(!may || std::get<MadeKey>(made).key.member == who.member);
    }
  }
  const Actor security = actor(must(directory->member(root, "msecurity")));
  EXPECT_EQ(code_of(directory->rotate_key(security, "system-system", 0)), "forbidden");
  EXPECT_TRUE(must(directory->enable_key(security, "system-system", false)).disabled);
}

TEST_P(DirectoryTest, SeparatedRolesAreNotHeldTogether) {
  add_member("both", {Role::system, Role::audit});
  const auto fault = directory->set_separation(root, true);
  ASSERT_TRUE(fault);
  EXPECT_NE(fault->message.find("both"), std::string::npos);
  must(directory->enable_member(root, "both", false));
  EXPECT_FALSE(directory->set_separation(root, true));
  EXPECT_TRUE(must(directory->separation()));
  EXPECT_EQ(code_of(directory->enable_member(root, "both", true)), "separation");
  EXPECT_EQ(code_of(directory->create_member(root, {.name = "x", .roles = {Role::system, Role::security}})),
            "separation");
  add_member("one", {Role::system, Role::developer});
  EXPECT_EQ(code_of(directory->change_member(root, "one", std::vector{Role::audit, Role::system}, {})),
            "separation");
  EXPECT_EQ(
      must(directory->change_member(root, "one", std::vector{Role::audit, Role::audit}, {})).roles.size(),
      1u);
  const Actor one = actor(must(directory->member(root, "one")));
  EXPECT_EQ(directory->set_separation(one, false)->code, "forbidden");
}

TEST_P(DirectoryTest, MembersBelongToWorkspaces) {
  const Member ann = add_member("ann", {Role::developer}, {"blue", blue.id, "red"});
  EXPECT_EQ(ann.workspaces.size(), 2u);
  EXPECT_EQ(must(directory->workspace(root, "blue")).member_count, 1);
  EXPECT_EQ(must(directory->change_member(root, ann.id, {}, std::vector<std::string>{"red"})).workspaces,
            std::vector{red.id});
  EXPECT_EQ(code_of(directory->change_member(root, ann.id, {}, std::vector<std::string>{"none"})),
            "not_found");
  EXPECT_EQ(must(directory->member(root, "ann")).workspaces, std::vector{red.id});
  const MadeMember made = must(directory->create_member(root, {.name = "bob"}));
  EXPECT_EQ(made.password.size(), 23u);
  EXPECT_EQ(made.member.roles, std::vector{Role::developer});
  EXPECT_NE(must(directory->reset_password(root, "bob")), made.password);
}

TEST_P(DirectoryTest, LimitsAreSetRaisedAndCleared) {
  const Limit limit{
      .level = "workspace", .subject = "blue", .model = "qwen", .kind = LimitKind::tpm, .amount = 1000};
  EXPECT_EQ(must(directory->set_limit(root, limit)).subject, blue.id);
  Limit raise = limit;
  raise.raised = 2000, raise.until = now + kDay;
  EXPECT_EQ(must(directory->raise_limit(root, raise)).raised, 2000);
  raise.until = now + 32 * kDay;
  EXPECT_NE(message_of(directory->raise_limit(root, raise)), "");
  raise.until = now.load();
  EXPECT_NE(message_of(directory->raise_limit(root, raise)), "");
  raise.until = now + kDay, raise.raised = 1000;
  EXPECT_NE(message_of(directory->raise_limit(root, raise)), "");
  Limit budget{.level = "workspace", .subject = "blue", .kind = LimitKind::budget, .amount = 20'000'000'000};
  budget.period = "day", budget.raised = 5, budget.until = now + kDay;
  must(directory->set_limit(root, budget));
  const std::string message = message_of(directory->raise_limit(root, budget));
  EXPECT_NE(message.find("which is 20 CNY a day"), message.npos) << message;
  EXPECT_FALSE(directory->clear_limit(root, budget));
  Limit changed = limit;
  changed.amount = 1500;
  EXPECT_EQ(must(directory->set_limit(root, changed)).raised, 2000);
  ASSERT_EQ(directory->all_limits()->size(), 1u);
  EXPECT_EQ(directory->all_limits()->at(0).amount, 1500);
  EXPECT_FALSE(directory->clear_limit(root, limit));
  EXPECT_FALSE(directory->clear_limit(root, limit));
  EXPECT_TRUE(directory->all_limits()->empty());
  raise.raised = 5000;
  EXPECT_EQ(code_of(directory->raise_limit(root, raise)), "not_found");
}

TEST_P(DirectoryTest, LimitsOfOthersAreNotSeen) {
  must(directory->set_limit(root, {.level = "workspace", .subject = "blue", .amount = 1}));
  must(directory->set_limit(root, {.level = "workspace", .subject = "red", .amount = 2}));
  must(directory->set_limit(root, {.level = "account", .amount = 3}));
  must(directory->set_limit(root, {.level = "model", .subject = "qwen", .amount = 4}));
  EXPECT_EQ(must(directory->limits(root)).size(), 4u);
  const auto seen = must(directory->limits(actor(add_member("ann", {}, {"blue"}))));
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].subject, blue.id);
  EXPECT_EQ(must(directory->limits(operator_of(must(directory->create_account("other", "EUR")).id))).size(),
            1u);
}

TEST_P(DirectoryTest, PriceFilesNeverChange) {
  const auto text = [](const std::string& version, const std::string& currency, int price) {
    return "version = '" + version + "'\nvalid_from = 2026-11-01T00:00:00Z\ncurrency = '" + currency +
           "'\ntime_zone = 'UTC'\n[models.'*']\ninput = " + std::to_string(price) + "\noutput = 1\n";
  };
  EXPECT_EQ(must(directory->add_price_file(root, text("a", "CNY", 1))).version, "a");
  EXPECT_EQ(must(directory->add_price_file(root, text("a", "CNY", 1))).version, "a");
  EXPECT_EQ(code_of(directory->add_price_file(root, text("a", "CNY", 2))), "version_taken");
  EXPECT_NE(message_of(directory->add_price_file(root, text("b", "EUR", 1))).find("currency in CNY"),
            std::string::npos);
  EXPECT_NE(message_of(directory->add_price_file(root, "version = 'c'")), "");
  EXPECT_EQ(must(directory->price_files(actor(add_member("ann", {})))).size(), 1u);
  EXPECT_EQ(directory->all_prices()->files().size(), 1u);
}

TEST_P(DirectoryTest, PricesAreInTheCurrencyOfAllAccounts) {
  const auto file = [](const std::string& currency) {
    return "version = '" + currency + "'\nvalid_from = 2026-11-01T00:00:00Z\ncurrency = '" + currency +
           "'\n[models.'*']\ninput = 1\noutput = 1\n";
  };
  const Account other = must(directory->create_account("other", "EUR"));
  const auto said = message_of(directory->add_price_file(root, file("CNY")));
  EXPECT_NE(said.find("disable"), std::string::npos) << said;
  EXPECT_EQ(said.find("account other"), std::string::npos)
      << "an account learns nothing of another one: " << said;
  EXPECT_NE(message_of(directory->add_price_file(operator_of(other.id), file("EUR"))), "");
  EXPECT_TRUE(must(directory->price_files(root)).empty());
  ASSERT_FALSE(directory->enable_account("other", false));
  EXPECT_EQ(must(directory->add_price_file(root, file("CNY"))).version, "CNY");
  EXPECT_NE(message_of(directory->create_account("third", "EUR")).find("in CNY"), std::string::npos);
  EXPECT_TRUE(directory->enable_account("other", true)) << "it would be charged in CNY";
  EXPECT_TRUE(must(directory->account("other")).disabled);
  EXPECT_EQ(must(directory->create_account("third", "CNY")).currency, "CNY");
}

// The rows have the hash of a secret, and a password as Argon2id.
TEST_P(DirectoryTest, NoSecretIsInTheDatabase) {
  const MadeKey made = add_key("blue", "app");
  const MadeKey next = must(directory->rotate_key(root, "app", kDay));
  const MadeMember member = must(directory->create_member(root, {.name = "ann"}));
  std::string rows = all_texts(*database, "SELECT hash, api_key FROM key_secret") +
                     all_texts(*database, "SELECT prefix, name FROM api_key") +
                     all_texts(*database, "SELECT password, totp FROM member");
  for (const auto& entry : std::filesystem::directory_iterator(folder.path))
    rows += bytes_of_file(entry.path());
  for (const std::string& secret : {made.secret.substr(12), next.secret.substr(12), member.password})
    EXPECT_EQ(rows.find(secret), std::string::npos);
  EXPECT_NE(rows.find(hex(hash_of(next.secret))), std::string::npos);
  EXPECT_NE(rows.find("$argon2id$"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Databases, DirectoryTest, testing::ValuesIn(database_kinds()), kind_name);

TEST(Duration, Examples) {
  EXPECT_EQ(*parse_duration("30d"), 30 * kDay);
  EXPECT_EQ(*parse_duration("90s"), 90 * kSecond);
  for (const char* text :
       {"", "d", "30", "-1d", "0s", "1.5h", "4000d", "99999999999999999999d", " 1d", "1dd"})
    EXPECT_FALSE(parse_duration(text)) << text;
  EXPECT_EQ(*parse_moment("1h", 5), 5 + 60 * kMinute);
  EXPECT_EQ(*parse_moment("2026-12-31T12:00:00Z", 0), 1798718400 * kSecond);
  EXPECT_EQ(*parse_moment("2026-12-31", 0), 1798675200 * kSecond);
  for (const char* text :
       {"2026-02-30", "2026-12-31T12:00:00", "2026-13-01", "2026-12-31T25:00:00Z", "1969-01-01"})
    EXPECT_FALSE(parse_moment(text, 0)) << text;
}

}  // namespace
}  // namespace autark::platform

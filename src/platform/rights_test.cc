// Goal: each role may do what the table in rights.h says, and nothing more.
// Method: the whole table of role × act × separation against texts of the table; workspaces in and out of reach.
#include "platform/rights.h"
#include <gtest/gtest.h>

namespace autark::platform {
namespace {

constexpr Act kActs[] = {Act::see,           Act::see_members,       Act::see_ledger,
                         Act::change_keys,   Act::change_workspaces, Act::change_limits,
                         Act::change_prices, Act::change_money,      Act::change_members,
                         Act::end_sessions,  Act::change_settings};

Actor member_with(std::vector<Role> roles) {
  Actor who;
  who.account = "acc_1", who.member = "mem_1", who.roles = std::move(roles), who.workspaces = {"wsp_own"};
  return who;
}

// One letter for each of kActs: y may, n may not.
std::string row_of(const Actor& who, bool separation) {
  std::string row;
  for (const Act act : kActs) row += refusal(who, act, "", separation) ? 'n' : 'y';
  return row;
}

TEST(Rights, AreThoseOfTheTable) {
  EXPECT_EQ(row_of(member_with({Role::system}), false), "yyyyyyyyynn");
  EXPECT_EQ(row_of(member_with({Role::system}), true), "yyyyyyyynnn");
  EXPECT_EQ(row_of(member_with({Role::security}), false), "yyyynnnnyyn");
  EXPECT_EQ(row_of(member_with({Role::security}), true), "yyyynnnnyyn");
  EXPECT_EQ(row_of(member_with({Role::audit}), false), "yyynnnnnnnn");
  EXPECT_EQ(row_of(member_with({Role::developer}), false), "yynynnnnnnn");
  EXPECT_EQ(row_of(member_with({}), false), "nnnnnnnnnnn");
  EXPECT_EQ(row_of(operator_of("acc_1"), true), "yyyyyyyyyyy");
}

TEST(Rights, OfRolesAddUp) {
  for (const Role a : {Role::system, Role::security, Role::audit, Role::developer})
    for (const Role b : {Role::system, Role::security, Role::audit, Role::developer})
      for (size_t i = 0; i < std::size(kActs); ++i)
        EXPECT_EQ(row_of(member_with({a, b}), false)[i] == 'y',
                  row_of(member_with({a}), false)[i] == 'y' || row_of(member_with({b}), false)[i] == 'y');
}

TEST(Rights, ForeignWorkspacesLookLikeNone) {
  const Actor developer = member_with({Role::developer});
  EXPECT_FALSE(refusal(developer, Act::see, "wsp_own", false));
  EXPECT_FALSE(refusal(developer, Act::change_keys, "wsp_own", false));
  for (const Act act : kActs) {
    const auto fault = refusal(developer, act, "wsp_foreign", false);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->message, no_such("workspace").message);
  }
  EXPECT_FALSE(refusal(member_with({Role::audit}), Act::see, "wsp_foreign", false));
  EXPECT_EQ(refusal(member_with({Role::audit}), Act::change_keys, "wsp_foreign", false)->code, "forbidden");
}

TEST(Rights, AKeyOfADeveloperMakesNoKeys) {
  Actor key = member_with({Role::developer});
  key.key = "key_1";
  EXPECT_TRUE(refusal(key, Act::change_keys, "wsp_own", false));
  key.member = "";
  EXPECT_TRUE(refusal(key, Act::change_keys, "wsp_own", false));
  EXPECT_FALSE(refusal(key, Act::see, "wsp_own", false));
}

}  // namespace
}  // namespace autark::platform

// Goal: a server's platform follows the directory while it runs, takes over the price file that platform.toml names, and
// ends well.
// Method: new platforms on both databases; limits and prices are asked after a change and a look.
#include "platform/server_platform.h"
#include <gtest/gtest.h>
#include <fstream>
#include "platform/testing.h"

namespace autark::platform {
namespace {

namespace fs = std::filesystem;

class ServerPlatformTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string store =
        GetParam() == "Sqlite" ? "sqlite:platform.db" : empty_database(GetParam(), folder.path);
    const auto made = make_platform(folder.path / "p", {.store = store});
    ASSERT_TRUE(made) << made.error().message;
    secret = made->secret;
    root = operator_of(made->account);
  }
  std::unique_ptr<ServerPlatform> open() {
    auto opened = open_server_platform(folder.path / "p");
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  void write_prices(const std::string& version, int input) {
    std::ofstream(folder.path / "p" / "prices.toml")
        << "version = '" << version << "'\nvalid_from = 2026-02-01T00:00:00Z\ncurrency = 'CNY'\n"
        << "time_zone = 'UTC'\n[models.'*']\ninput = " << input << "\noutput = 1\n";
  }

  TestFolder folder;
  std::string secret;
  Actor root;
};

TEST_P(ServerPlatformTest, LetsTheAdministratorIn) {
  const auto platform = open();
  ASSERT_TRUE(platform);
  const auto caller =
      must(platform->gatekeeper->enter({.path = "/v1/models", .secret = secret, .address = "::1"}));
  ASSERT_TRUE(caller);
  EXPECT_EQ(Directory::actor_of(*caller).roles, std::vector{Role::system});
}

TEST_P(ServerPlatformTest, FollowsTheLimits) {
  const auto platform = open();
  ASSERT_TRUE(platform);
  const Subject subject{.account = root.account, .workspace = "w", .key = "k", .model = "m"};
  const auto admitted = [&] { return platform->limits->admit(subject, {.prompt_tokens = 1}).index() == 0; };
  EXPECT_TRUE(admitted());
  const Limit none{.level = "account", .subject = root.account, .kind = LimitKind::rpm, .amount = 0};
  must(platform->directory().set_limit(root, none));
  EXPECT_FALSE(platform->gatekeeper->refresh());
  EXPECT_FALSE(admitted());
  EXPECT_FALSE(platform->directory().clear_limit(root, none));
  EXPECT_FALSE(platform->gatekeeper->refresh());
  EXPECT_TRUE(admitted());
}

TEST_P(ServerPlatformTest, AddsThePriceFileWhenItsVersionIsNew) {
  const auto versions = [&] {
    std::string all;
    const auto platform = open();
    if (platform)
      for (const auto& record : must(platform->directory().price_files(root))) all += record.version + " ";
    return all;
  };
  EXPECT_EQ(versions(), "free-1 ");
  write_prices("paid-1", 2);
  EXPECT_EQ(versions(), "free-1 paid-1 ");
  EXPECT_EQ(versions(), "free-1 paid-1 ");
  write_prices("paid-1", 3);
  const auto changed = open_server_platform(folder.path / "p");
  ASSERT_FALSE(changed);
  EXPECT_NE(changed.error().message.find("version of its own"), std::string::npos);
  fs::remove(folder.path / "p" / "prices.toml");
  EXPECT_EQ(versions(), "free-1 paid-1 ");
}

INSTANTIATE_TEST_SUITE_P(Databases, ServerPlatformTest, testing::ValuesIn(database_kinds()), kind_name);

}  // namespace
}  // namespace autark::platform

// Goal: the commands on a platform do what they say, on SQLite files without a server: what one makes, others show; errors
// are one sentence; secrets are shown once. Method: the program's commands, run with arguments on platforms of their own.
#include "apps/platform_commands.h"
#include <gtest/gtest.h>
#include <filesystem>
#include <fstream>
#include "apps/command_line.h"
#include "base/json.h"

namespace autark::apps {
namespace {

struct Outcome {
  int code;
  std::string out, err;
  // The JSON line that was printed.
  Json json() const {
    auto parsed = parse_json(out, "output");
    EXPECT_TRUE(parsed) << out << err;
    return parsed ? *parsed : Json();
  }
};

Outcome run(std::vector<std::string> words) {
  CommandLine line("autark", "", "");
  const Command program = line.root();
  add_platform_commands(program);
  std::vector<const char*> arguments{"autark"};
  for (const std::string& word : words) arguments.push_back(word.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = line.run(int(arguments.size()), arguments.data());
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

class PlatformCommands : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "autark-commands-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    made_ = run({"platform", "init", "--dir", (folder_ / "team").string(), "--json"});
    ASSERT_EQ(made_.code, 0) << made_.err;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Outcome on(std::vector<std::string> words) {
    words.insert(words.end(), {"--platform", (folder_ / "team").string()});
    return run(std::move(words));
  }
  // The result of a command with --json, which succeeds.
  Json object(std::vector<std::string> words) {
    words.emplace_back("--json");
    const Outcome done = on(std::move(words));
    EXPECT_EQ(done.code, 0) << done.err;
    return done.json();
  }

  std::filesystem::path folder_;
  Outcome made_;
};

TEST_F(PlatformCommands, ShowWhatTheyMade) {
  object({"workspaces", "create", "search"});
  const Json key = object({"keys", "create", "ada", "--workspace", "search", "--models", "a,b", "--ips",
                           "10.0.0.0/8", "--rpm", "60", "--budget", "5CNY/day", "--expires", "30d"});
  EXPECT_TRUE(key["secret"].get<std::string>().starts_with("ak-"));
  Json shown = object({"keys", "show", "ada"});
  EXPECT_FALSE(shown.contains("secret"));
  shown["secret"] = key["secret"];
  EXPECT_EQ(shown, key);
  EXPECT_EQ(key["models"], (Json{"a", "b"}));
  EXPECT_EQ(key["limits"].size(), 2u);
  EXPECT_EQ(object({"keys", "list", "--workspace", "search"})["data"].size(), 1u);
  EXPECT_EQ(object({"workspaces", "list"})["data"].size(), 2u);
  EXPECT_EQ(object({"workspaces", "show", "search"})["key_count"], 1);
  const std::string table = on({"keys", "list"}).out;
  EXPECT_NE(table.find("ada"), std::string::npos);
  EXPECT_EQ(table.find(key["secret"].get<std::string>()), std::string::npos);
}

TEST_F(PlatformCommands, RotationGivesAnotherSecretUnderTheSameId) {
  const Json first = object({"keys", "create", "ada", "--workspace", "default"});
  const Json second = object({"keys", "rotate", "ada", "--overlap", "1h"});
  EXPECT_EQ(second["id"], first["id"]);
  EXPECT_NE(second["secret"], first["secret"]);
  EXPECT_FALSE(second["rotating_until"].is_null());
  EXPECT_TRUE(object({"keys", "rotate", "ada", "--overlap", "0"})["rotating_until"].is_null());
}

TEST_F(PlatformCommands, WriteSecretsToNewFilesOnly) {
  const std::string file = (folder_ / "ada.key").string();
  const Json key = object({"keys", "create", "ada", "--workspace", "default", "--secret-file", file});
  EXPECT_FALSE(key.contains("secret"));
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0600));
  const Outcome again = on({"keys", "create", "bo", "--workspace", "default", "--secret-file", file});
  EXPECT_EQ(again.code, 1);
  EXPECT_NE(again.err.find(file), std::string::npos);
  EXPECT_EQ(on({"keys", "show", "bo"}).code, 1) << "the key was made although its secret is lost";
}

TEST_F(PlatformCommands, LimitsAreSetRaisedAndCleared) {
  object({"keys", "create", "ada", "--workspace", "default"});
  object({"limits", "set", "--key", "ada", "--rpm", "6", "--budget", "2CNY"});
  object({"limits", "set", "--workspace", "default", "--model", "m", "--tpm", "1000"});
  object({"limits", "set", "--model", "m", "--concurrency", "3"});
  object({"limits", "set", "--burst", "9"});
  EXPECT_EQ(object({"limits", "list"})["data"].size(), 5u);
  EXPECT_EQ(object({"limits", "list", "--key", "ada"})["data"].size(), 2u);
  const Json raised = object({"limits", "raise", "--key", "ada", "--rpm", "12", "--until", "2h"})["data"][0];
  EXPECT_EQ(raised["amount"], 6);
  EXPECT_EQ(raised["raised"], 12);
  EXPECT_EQ(object({"limits", "clear", "rpm,budget", "--key", "ada"})["data"].size(), 0u);
  EXPECT_EQ(object({"limits", "list"})["data"].size(), 3u);
}

TEST_F(PlatformCommands, MoneyIsBookedOnceAndAddsUp) {
  object({"platform", "deposit", "--amount", "100CNY", "--id", "invoice-7"});
  object({"platform", "deposit", "--amount", "100CNY", "--id", "invoice-7"});
  object({"platform", "grant", "--kind", "free", "--amount", "5CNY", "--expires", "30d"});
  object({"platform", "grant", "--kind", "pack", "--amount", "1000000", "--model", "m"});
  const Json balance = object({"balance"});
  EXPECT_EQ(balance["topped_up"]["amount"], "100");
  EXPECT_EQ(balance["granted"]["amount"], "5");
  EXPECT_EQ(balance["credits"].size(), 2u);
  EXPECT_EQ(object({"platform", "audit"})["adds_up"], true);
}

TEST_F(PlatformCommands, ABackupFillsAnotherPlatform) {
  object({"keys", "create", "ada", "--workspace", "default"});
  const std::string copy = (folder_ / "copy").string();
  ASSERT_EQ(on({"platform", "backup", copy}).code, 0);
  EXPECT_EQ(on({"platform", "restore", copy}).code, 1) << "there is data already";
  const auto keys = object({"keys", "list"});
  std::filesystem::remove(folder_ / "team/platform.db");
  const Outcome restored = on({"platform", "restore", copy});
  ASSERT_EQ(restored.code, 0) << restored.err;
  EXPECT_EQ(object({"keys", "list"}), keys);
  EXPECT_EQ(on({"platform", "migrate"}).code, 0);
}

TEST_F(PlatformCommands, SimplePricesAreAPriceFile) {
  object(
      {"platform", "prices", "set", "--input", "1", "--cached", "0.1", "--output", "4", "--version", "v1"});
  const Json files = object({"platform", "prices", "list"})["data"];
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[1]["version"], "v1");
  EXPECT_EQ(files[1]["current"], true);
  EXPECT_EQ(on({"platform", "prices", "set", "--input", "2", "--output", "4"}).code, 0);
  for (const char* price : {"x", "-1", "1\noutput = 0", ""})
    EXPECT_NE(on({"platform", "prices", "set", "--input", price, "--output", "4"}).code, 0) << price;
}

TEST_F(PlatformCommands, ErrorsAreOneSentenceWithTheName) {
  const std::vector<std::pair<std::vector<std::string>, const char*>> cases{
      {{"keys", "show", "nobody"}, "nobody"},
      {{"workspaces", "disable", "nowhere"}, "nowhere"},
      {{"members", "show", "nobody"}, "nobody"},
      {{"keys", "create", "x", "--workspace", "nowhere"}, "nowhere"},
      {{"keys", "create", "x", "--workspace", "default", "--budget", "5USD"}, "CNY"},
      {{"keys", "create", "x", "--workspace", "default", "--expires", "soon"}, "soon"},
      {{"limits", "set"}, "--rpm"},
      {{"limits", "clear", "speed"}, "rpm"},
      {{"usage", "--key", "nobody"}, "nobody"},
      {{"balance", "--account", "other"}, "other"},
      {{"members", "change", "nobody"}, "--roles"},
      {{"platform", "deposit", "--amount", "5"}, "5"},
      {{"platform", "prices", "show", "none"}, "none"},
      {{"platform", "migrate", "--to", "99"}, "99"}};
  for (const auto& [words, part] : cases) {
    const Outcome done = on(words);
    EXPECT_EQ(done.code, 1) << words[0] << " " << words[1];
    EXPECT_TRUE(done.err.starts_with("autark: ")) << done.err;
    EXPECT_NE(done.err.find(part), std::string::npos) << done.err;
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
    EXPECT_EQ(done.out, "");
  }
  EXPECT_EQ(run({"keys", "list", "--platform", "/nowhere"}).code, 1);
  EXPECT_GE(run({"keys", "list"}).code, 100) << "no platform is named";
}

TEST_F(PlatformCommands, AMembersPasswordIsReadOrMade) {
  const std::string file = (folder_ / "password").string();
  std::ofstream(file) << "correct horse battery\n";
  EXPECT_FALSE(object({"members", "create", "ada", "--roles", "system", "--password-file", file})
                   .contains("password"));
  EXPECT_GE(object({"members", "create", "bo"})["password"].get<std::string>().size(), 12u);
  EXPECT_EQ(on({"members", "create", "cleo", "--password-file", file + "x"}).code, 1);
  EXPECT_EQ(
      object({"members", "change", "bo", "--roles", "developer", "--workspaces", "default"})["workspaces"]
          .size(),
      1u);
  EXPECT_FALSE(object({"members", "disable", "bo"})["disabled"].is_null());
}

TEST_F(PlatformCommands, RolesMustBeOfDifferentPeopleWhenSeparated) {
  object({"members", "create", "ada", "--roles", "system,audit"});
  EXPECT_EQ(on({"platform", "separation", "on"}).code, 1);
  object({"members", "change", "ada", "--roles", "audit"});
  EXPECT_EQ(object({"platform", "separation", "on"})["separation"], true);
  EXPECT_EQ(on({"members", "create", "bo", "--roles", "system,security"}).code, 1);
}

}  // namespace
}  // namespace autark::apps

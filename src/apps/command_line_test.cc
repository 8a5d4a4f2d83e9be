// Goal: declared options are shown by --help, receive their values and refuse wrong ones. Method: one small
// program with every kind of declaration, run with arguments.
#include "apps/command_line.h"
#include <gtest/gtest.h>
#include <cstdlib>
#include <vector>

namespace autark::apps {
namespace {

struct Values {
  std::string model, key, manner;
  std::vector<std::string> names;
  int drafts = 3;
  std::optional<float> share;
  bool loud = false, has_key = false;
};

struct Outcome {
  int code;
  std::string out, err;
};

constexpr const char* kVariable = "AUTARK_TEST_KEY";

Outcome run(std::vector<const char*> arguments, Values* into = nullptr) {
  Values mine;
  Values& v = into ? *into : mine;
  CommandLine line("program", "What it is for.", "program 1.2");
  const Command c = line.root().command("work", "What it does");
  c.footer("Examples:\n  program work");
  c.option("MODEL", v.model, "A path", {.required = true});
  c.option("--drafts", v.drafts, "how many", {.rule = whole_number(0, 8), .shows_default = true});
  c.option("-s,--share", v.share, "of all", {.rule = number(0, 1)});
  c.option("--name", v.names, "may be given again", {.one_value_each = true, .kind = "NAME"});
  c.option("--key", v.key, "a secret", {.variable = kVariable, .given = &v.has_key});
  const Command group = c.exactly_one("manner");
  group.option("--manner", v.manner, "how", {.rule = one_of({"on", "off"})});
  group.flag("--loud", v.loud, "with a sound");
  c.runs([] { return 7; });
  arguments.insert(arguments.begin(), "program");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = line.run(static_cast<int>(arguments.size()), arguments.data());
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

TEST(CommandLine, GivesValues) {
  Values v;
  EXPECT_EQ(run({"work", "m", "--loud", "--name", "a", "--name", "b", "-s", "0.5"}, &v).code, 7);
  EXPECT_EQ(v.model, "m");
  EXPECT_TRUE(v.loud);
  EXPECT_EQ(v.drafts, 3);
  EXPECT_EQ(v.share, 0.5F);
  EXPECT_EQ(v.names, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(v.has_key);
}

TEST(CommandLine, SaysWhetherAKeyWasGiven) {
  for (const char* key : {"k", ""}) {
    Values v;
    EXPECT_EQ(run({"work", "m", "--loud", "--key", key}, &v).code, 7);
    EXPECT_TRUE(v.has_key);
    EXPECT_EQ(v.key, key);
  }
  ::setenv(kVariable, "from outside", 1);
  Values v;
  EXPECT_EQ(run({"work", "m", "--loud"}, &v).code, 7);
  ::unsetenv(kVariable);
  EXPECT_TRUE(v.has_key);
  EXPECT_EQ(v.key, "from outside");
}

TEST(CommandLine, RefusesInOneSentence) {
  const std::string huge = "--drafts=" + std::string(300, '9');
  const Outcome o = run({"work", "m", "--loud", huge.c_str()});
  EXPECT_NE(o.code, 0);
  EXPECT_TRUE(
      o.err.starts_with("--drafts: must be a whole number from 0 to 8, not " + std::string(40, '9') + "…\n"))
      << o.err;
  EXPECT_TRUE(run({"work", "m", "--manner", "so"}).err.starts_with("--manner: so not in {on,off}\n"));
  const std::vector<const char*> wrong[] = {{},
                                            {"play"},
                                            {"work"},
                                            {"work", "--loud"},
                                            {"work", "m"},
                                            {"work", "m", "--loud", "--manner", "on"},
                                            {"work", "m", "--loud", "--name", "a", "b"},
                                            {"work", "m", "--loud", "--what"}};
  for (const auto& arguments : wrong) {
    const Outcome refused = run(arguments);
    EXPECT_GE(refused.code, 100);
    EXPECT_NE(refused.err, "");
  }
}

TEST(CommandLine, Helps) {
  const Outcome o = run({"work", "--help"});
  EXPECT_EQ(o.code, 0);
  for (const char* part : {"What it does", "MODEL TEXT REQUIRED", "--drafts INT:0 to 8=3", "--name NAME ...",
                           "--manner TEXT:{on,off}", "[Exactly 1 of the following options is required]",
                           "(Env:AUTARK_TEST_KEY)", "Examples:\n  program work\n"})
    EXPECT_NE(o.out.find(part), std::string::npos) << part << "\n" << o.out;
  EXPECT_EQ(run({"--version"}).out, "program 1.2\n");
}

}  // namespace
}  // namespace autark::apps

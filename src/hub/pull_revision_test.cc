// Goal: after a pull every file is of the requested revision; files of two revisions never form a model in
// one folder; the old files stay usable until all new ones are there. Method: a hub whose files change while
// their sizes stay; it tells sums, or only a commit, or nothing.
#include <fstream>
#include "hub/pull_testing.h"

namespace autark::hub {
namespace {

struct Told {
  std::string name, hub;
  bool sums, tags;
  std::string commit;
};

class F22_Revision : public PullTest, public ::testing::WithParamInterface<Told> {
 protected:
  F22_Revision() {
    hub.sums = GetParam().sums;
    hub.tags = GetParam().tags;
    hub.commit = GetParam().commit;
    write("a");
  }
  // Writes all files of a revision; sizes are the same in all revisions.
  void write(const std::string& mark, const std::string& folder = "org/model") {
    hub.write(folder + "/config.json", "{\"v\":\"" + mark + "\"}");
    hub.write(folder + "/tokenizer.json", "[\"" + mark + "\"]");
    hub.write(folder + "/chat_template.jinja", mark);
    hub.write(folder + "/model.safetensors.index.json", "{}");
    const std::string header = "{\"" + mark + "\":1}";
    hub.write(folder + "/model-00001-of-00002.safetensors",
              std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') + header);
    hub.write(folder + "/model-00002-of-00002.safetensors",
              std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') + header);
    if (!hub.commit.empty()) hub.commit = mark + mark;
    ++hub.tag;
  }
  void expect(const std::string& mark, const std::string& folder = "org/model") {
    expect_files(mark, folder);
    EXPECT_FALSE(fs::exists(scratch / ("models/" + folder + "/.pull")));
  }
  void expect_files(const std::string& mark, const std::string& folder = "org/model") {
    EXPECT_EQ(bytes_of(folder + "/config.json"), "{\"v\":\"" + mark + "\"}");
    EXPECT_EQ(bytes_of(folder + "/tokenizer.json"), "[\"" + mark + "\"]");
    EXPECT_EQ(bytes_of(folder + "/chat_template.jinja"), mark);
    for (const char* piece : {"1", "2"})
      EXPECT_NE(bytes_of(folder + "/model-0000" + piece + "-of-00002.safetensors").find(mark + "\":1"),
                std::string::npos);
  }
  // Weights and configuration in place are of the same revision.
  void expect_config_of_weights() {
    const std::string config = bytes_of("org/model/config.json");
    if (config != "(absent)") expect_files(config.substr(6, 1));
  }
  Result<fs::path> get_model(const std::string& revision = "") {
    return get(GetParam().hub + ":org/model" + revision);
  }
};
TEST_P(F22_Revision, WhatChangedWithoutAChangeOfSizeIsFetched) {
  ASSERT_TRUE(get_model());
  expect("a");
  write("b");
  const auto path = get_model();
  ASSERT_TRUE(path) << path.error().message;
  expect("b");
}
TEST_P(F22_Revision, AChangeOnTheDiskIsHealed) {
  ASSERT_TRUE(get_model());
  std::ofstream(scratch / "models/org/model/config.json") << "{\"v\":\"x\"}";
  ASSERT_TRUE(get_model());
  if (GetParam().sums || GetParam().commit.empty())
    expect("a");  // a commit alone cannot identify files on disk
}
TEST_P(F22_Revision, FilesThatAreGoneGo) {
  ASSERT_TRUE(get_model());
  std::ofstream(scratch / "models/org/model/notes.json") << "mine";
  fs::remove(scratch / "served/org/model/chat_template.jinja");
  ASSERT_TRUE(get_model());
  EXPECT_EQ(bytes_of("org/model/chat_template.jinja"), "(absent)");
  EXPECT_EQ(bytes_of("org/model/notes.json"), "mine");
}
TEST_P(F22_Revision, RevisionsLieApart) {
  write("1", "org/model@v1");
  write("2", "org/model@v2");
  hub.commit = hub.commit.empty() ? "" : "aa";
  const auto main = get_model(), one = get_model("@v1"), two = get_model("@v2");
  ASSERT_TRUE(main && one && two);
  EXPECT_EQ(*one, scratch / "models/org/model@v1");
  expect("a");
  expect("1", "org/model@v1");
  expect("2", "org/model@v2");
}
TEST_P(F22_Revision, ABreakLeavesTheOldAndMixesNothing) {
  ASSERT_TRUE(get_model());
  for (int files = 0; files < 6; ++files) {  // breaks one file later each time, and then the revision changes
    const std::string mark(1, static_cast<char>('b' + files));
    write(mark);
    int asked = 0;
    hub.on_file = [&](const std::string&) { hub.refuse = ++asked > files ? 500 : 0; };
    const bool broken = !get_model();
    hub.on_file = nullptr;
    hub.refuse = 0;
    if (broken) expect_config_of_weights();
  }
  write("z");
  ASSERT_TRUE(get_model());
  expect("z");
}
TEST_P(F22_Revision, AFileOfACheckpointAloneBringsTheOthersAlong) {
  ASSERT_TRUE(get_model());
  write("b");
  ASSERT_TRUE(get(GetParam().hub + ":org/model:config.json"));
  expect("b");
}
INSTANTIATE_TEST_SUITE_P(Hubs, F22_Revision,
                         ::testing::Values(Told{"sums", "hf", true, true, ""},
                                           Told{"sums_and_commit", "hf", true, true, "aa"},
                                           Told{"commit", "hf", false, true, "aa"},
                                           Told{"tags", "hf", false, true, ""},
                                           Told{"nothing", "hf", false, false, ""},
                                           Told{"modelscope", "modelscope", true, false, ""},
                                           Told{"modelscope_commit", "modelscope", false, false, "aa"}),
                         [](const auto& i) { return i.param.name; });

class F22_Url : public PullTest {};
TEST_F(F22_Url, AFileThatChangedAtItsAddressIsFetched) {
  const std::string url = hub.host() + "/org/one-GGUF/one.Q4.gguf";
  ASSERT_TRUE(get(url));
  const int64_t sent = hub.bytes_sent;
  ASSERT_TRUE(get(url + "?signature=another"));
  EXPECT_EQ(bytes_of("one.Q4/one.Q4.gguf"), weights);
  const std::string other = gguf(1'000'000, 9);
  hub.write("org/one-GGUF/one.Q4.gguf", other);
  ++hub.tag;
  ASSERT_TRUE(get(url));
  EXPECT_EQ(bytes_of("one.Q4/one.Q4.gguf"), other);
  EXPECT_GE(hub.bytes_sent, sent);
}
TEST_F(F22_Url, AFileOfTheSameNameFromElsewhereIsAnother) {
  hub.tags = false;
  hub.write("a/x.gguf", gguf(1000, 1));
  hub.write("b/x.gguf", gguf(1000, 2));
  ASSERT_TRUE(get(hub.host() + "/a/x.gguf"));
  ASSERT_TRUE(get(hub.host() + "/b/x.gguf"));
  EXPECT_EQ(bytes_of("x/x.gguf"), gguf(1000, 2));
}
TEST_F(F22_Url, APartOfAnotherAddressIsNotGoneOnFrom) {
  hub.tags = false;
  hub.write("a/x.gguf", gguf(1000, 1));
  hub.write("b/x.gguf", gguf(1000, 2));
  hub.breaks = 1;
  hub.break_after = 500;
  hub.down_after_break = true;
  ASSERT_FALSE(get(hub.host() + "/a/x.gguf"));
  hub.down = false;
  ASSERT_TRUE(get(hub.host() + "/b/x.gguf"));
  EXPECT_EQ(bytes_of("x/x.gguf"), gguf(1000, 2));
}

class F22_Hub : public PullTest {};
TEST_F(F22_Hub, AHubThatIsAwayLeavesWhatIsThere) {
  ASSERT_TRUE(get("hf:org/model"));
  hub.down = true;
  const auto away = get("hf:org/model");
  ASSERT_FALSE(away);
  EXPECT_NE(away.error().message.find((scratch / "models/org/model").string() + " and can be used"),
            std::string::npos)
      << away.error().message;
  EXPECT_EQ(bytes_of("org/model/config.json"), R"({"architectures":["X"]})");
}
TEST_F(F22_Hub, ABegunFileOfTheSameRepositoryStays) {
  hub.write("org/many/a.gguf", weights);
  hub.write("org/many/b.gguf", "GGUF b");
  hub.breaks = 1;
  hub.break_after = 900'000;
  hub.down_after_break = true;
  ASSERT_FALSE(get("hf:org/many:a.gguf"));
  hub.down = false;
  ASSERT_TRUE(get("hf:org/many:b.gguf"));
  ASSERT_TRUE(get("hf:org/many:a.gguf"));
  EXPECT_EQ(bytes_of("org/many/a.gguf"), weights);
  EXPECT_EQ(hub.bytes_sent, 1'000'006);
}
TEST_F(F22_Hub, AListThatMovedMeanwhileIsNoticed) {
  hub.sums = false;
  hub.commit = "aa";
  hub.write("org/small/model.safetensors", std::string("\2\0\0\0\0\0\0\0{}", 10));
  hub.write("org/small/config.json", "{\"v\":1}");
  hub.on_file = [&](const std::string&) {
    hub.write("org/small/config.json", "{\"v\":2}");
    hub.commit = "bb";
  };
  EXPECT_FALSE(get("hf:org/small"));
  EXPECT_EQ(bytes_of("org/small/config.json"), "(absent)");
  ASSERT_TRUE(get("hf:org/small"));
  EXPECT_EQ(bytes_of("org/small/config.json"), "{\"v\":2}");
}

}  // namespace
}  // namespace autark::hub

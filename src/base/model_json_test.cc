// Goal: the JSON that Python writes is read, text that is not JSON is an error that names its file, and an
// unusable optional file stops nothing. Method: NaN and Infinity in every place, and inside strings, where
// they are plain text; files with every fault.
#include "base/model_json.h"
#include <gtest/gtest.h>
#include <unistd.h>
#include <fstream>

namespace autark {
namespace {

namespace fs = std::filesystem;

std::string read(std::string_view text) {
  const auto j = parse_model_json(text, "t");
  return j ? dump_json(*j) : j.error().message;
}

TEST(F17_ModelJson, PythonsNumbersAreTexts) {
  EXPECT_EQ(read(R"({"time_step_limit": [0.0, Infinity]})"), R"({"time_step_limit":[0.0,"Infinity"]})");
  EXPECT_EQ(read("[NaN,-Infinity , Infinity\n]"), R"(["NaN","-Infinity","Infinity"])");
  EXPECT_EQ(read("NaN"), R"("NaN")");
  EXPECT_EQ(read(R"({"a":NaN,"b":1})"), R"({"a":"NaN","b":1})");
}
TEST(F17_ModelJson, TextsStayAsTheyAre) {
  EXPECT_EQ(read(R"(["NaN, \" NaN", NaN, "\\", Infinity, "x"])"),
            R"(["NaN, \" NaN","NaN","\\","Infinity","x"])");
  EXPECT_EQ(read(R"({"NaN": 1})"), R"({"NaN":1})");
}
TEST(F17_ModelJson, WhatIsNoJsonStaysAFault) {
  for (const char* text : {"[nan]", "[NaNs]", "[+Infinity]", "[- Infinity]", "[Infinit]", "[NaN", "{NaN: 1}x",
                           "", "{\"a\": NaN", "[\"NaN"})
    EXPECT_NE(read(text).find("t is not JSON at byte"), std::string::npos) << text << ": " << read(text);
  EXPECT_FALSE(parse_json("[NaN]", "request body")) << "requests are JSON";
  EXPECT_FALSE(parse_json("[Infinity]", "request body"));
  EXPECT_FALSE(parse_model_json("[NaN, 1]", "t", {.bytes = 4}));
}

class F17_ModelFile : public ::testing::Test {
 protected:
  F17_ModelFile()
      : file_(fs::path(::testing::TempDir()) / ("autark_model_" + std::to_string(getpid()) + ".json")) {}
  ~F17_ModelFile() override { fs::remove_all(file_); }
  void write(const std::string& text) const { std::ofstream(file_, std::ios::binary) << text; }
  std::string warned(Json* read) const {
    ::testing::internal::CaptureStderr();
    *read = optional_model_json(file_);
    return ::testing::internal::GetCapturedStderr();
  }
  fs::path file_;
};

TEST_F(F17_ModelFile, OptionalOnesStopNothingAndAreNamed) {
  Json read;
  EXPECT_EQ(warned(&read), "") << "absent";
  for (const char* text : {"", " \n", "{\"a\": 1", "[1]", "null", "<html>", "{\"a\": nan}"}) {
    write(text);
    const std::string said = warned(&read);
    EXPECT_EQ(read, Json::object()) << text;
    EXPECT_NE(said.find("autark: warning: " + file_.string()), std::string::npos) << said;
    EXPECT_NE(said.find("ignored"), std::string::npos) << said;
  }
  fs::remove(file_);
  fs::create_directory(file_);
  EXPECT_NE(warned(&read), "") << "a folder in its place";
  fs::remove(file_);
  fs::create_symlink("nowhere", file_);
  EXPECT_NE(warned(&read), "") << "a link to nothing";
}
TEST_F(F17_ModelFile, GoodOnesAreReadWithoutAWord) {
  Json read;
  write(R"({"a": NaN, "b": 2})");
  EXPECT_EQ(warned(&read), "");
  EXPECT_EQ(read["b"], 2);
}
TEST_F(F17_ModelFile, NeededOnesAreFaultsThatNameFileAndWayOut) {
  for (const char* text : {"", "{\"a\": 1"}) {
    write(text);
    const auto read = read_model_json(file_);
    ASSERT_FALSE(read);
    EXPECT_TRUE(read.error().message.starts_with(file_.string())) << read.error().message;
    EXPECT_NE(read.error().message.find("get it again"), std::string::npos) << read.error().message;
  }
}

}  // namespace
}  // namespace autark

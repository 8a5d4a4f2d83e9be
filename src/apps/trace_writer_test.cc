// Goal: safetensors and JSON files of a trace hold the same names and numbers and can be read by other
// programs. Method: a small trace with unusual numbers, both files read back; lists of integers as people
// type them.
#include "apps/trace_writer.h"
#include <gtest/gtest.h>
#include <cmath>
#include <cstring>
#include <limits>
#include "apps/token_list.h"
#include "base/json.h"
#include "base/mapped_file.h"

namespace autark::apps {
namespace {

engine::Trace small_trace() {
  engine::Trace t{.tokens = {5, 6, 7}, .positions = {0, 2}};
  t.embed = {2, {1, -0.1f, 3e-39f, 4}};
  t.layers = {{2, {5, 6, 7, 1e30f}}, {2, {9, 10, 11, 12}}};
  t.notes["layers.0.comp.ids"] = {.shape = {0}, .whole = true};
  t.notes["layers.0.idx.score"] = {.shape = {2, 1}, .values = {-std::numeric_limits<float>::infinity(), 2}};
  t.routes[1] = {.k = 1, .ids = {3, 0}, .weights = {1, {0.25f, 1}}};
  t.norm = {2, {0, 0, 0, 0}};
  t.logits = {3, {1, 2, 3, 4, 5, 6}};
  t.greedy = {8};
  t.greedy_margin = {0.5f};
  return t;
}

class TraceWriterTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() /
      ("autark_trace_" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) + "_" +
       ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

const char* const kNames[] = {"tokens",
                              "positions",
                              "embed",
                              "layers.0",
                              "layers.1",
                              "layers.1.router_ids",
                              "layers.1.router_weights",
                              "layers.0.comp.ids",
                              "layers.0.idx.score",
                              "norm",
                              "logits",
                              "greedy",
                              "greedy_margin"};

TEST_F(TraceWriterTest, SafetensorsReadBack) {
  ASSERT_FALSE(write_safetensors(path_, small_trace()));
  const auto text = read_file(path_);
  ASSERT_TRUE(text);
  uint64_t size = 0;
  std::memcpy(&size, text->data(), 8);
  EXPECT_EQ(size % 8, 0u);
  const auto header = parse_json(std::string_view(*text).substr(8, size), "header");
  ASSERT_TRUE(header);
  ASSERT_EQ(header->size(), std::size(kNames));
  const auto at = [&](const char* name) {
    return text->data() + 8 + size + (*header)[name]["data_offsets"][0].get<size_t>();
  };
  EXPECT_EQ((*header)["layers.1.router_ids"]["dtype"], "I32");
  EXPECT_EQ((*header)["layers.0.comp.ids"]["dtype"], "I32");  // although it is empty
  EXPECT_EQ((*header)["layers.0.comp.ids"]["shape"], Json::array({0}));
  EXPECT_EQ((*header)["logits"]["shape"], Json({2, 3}));
  EXPECT_EQ(std::memcmp(at("logits"), small_trace().logits.values.data(), 24), 0);
  EXPECT_EQ(std::memcmp(at("embed"), small_trace().embed.values.data(), 16), 0);
  EXPECT_EQ(std::memcmp(at("greedy"), small_trace().greedy.data(), 4), 0);
  EXPECT_EQ((*header)["greedy_margin"]["data_offsets"][1].get<size_t>() + 8 + size, text->size());
}

TEST_F(TraceWriterTest, JsonReadsBackExactly) {
  engine::Trace t = small_trace();
  t.norm.values[1] = std::nanf("");
  std::FILE* file = std::fopen(path_.c_str(), "w");
  ASSERT_TRUE(file);
  EXPECT_FALSE(write_json(file, t));
  std::fclose(file);
  const auto text = read_file(path_);
  ASSERT_TRUE(text);
  const auto json = parse_json(*text, "trace");
  ASSERT_TRUE(json) << json.error().message;
  size_t i = 0;
  for (const auto& [name, value] : json->items()) EXPECT_EQ(name, kNames[i++]);
  EXPECT_EQ((*json)["embed"][1][0].get<float>(), 3e-39f);
  EXPECT_EQ((*json)["layers.0"][1][1].get<float>(), 1e30f);
  EXPECT_EQ((*json)["layers.1.router_ids"], Json({{3}, {0}}));
  EXPECT_EQ((*json)["layers.0.comp.ids"], Json::array());
  EXPECT_TRUE((*json)["layers.0.idx.score"][0][0].is_null());
  EXPECT_TRUE((*json)["norm"][0][1].is_null());
  EXPECT_EQ((*json)["greedy"], Json::array({8}));
}

TEST_F(TraceWriterTest, AFolderThatIsNotThereIsNamed) {
  const auto error = write_safetensors(path_ / "none" / "x", small_trace());
  ASSERT_TRUE(error);
  EXPECT_NE(error->message.find("none"), std::string::npos);
}

TEST(TokenListTest, CommasAndWhiteSpaceSeparate) {
  const auto list = parse_tokens(" 1,2 ,\n3\t 40\r\n", "x");
  ASSERT_TRUE(list);
  EXPECT_EQ(*list, (std::vector<int32_t>{1, 2, 3, 40}));
  EXPECT_TRUE(parse_tokens("", "x")->empty());
  EXPECT_EQ(*parse_integers("0,5,-1", "x"), (std::vector<int64_t>{0, 5, -1}));
}

TEST(TokenListTest, WhatIsNoTokenIsNamed) {
  for (const char* text : {"1,two", "1.5", "99999999999999999999", "-1", "2147483648", "0x10"}) {
    const auto list = parse_tokens(text, "--tokens");
    ASSERT_FALSE(list) << text;
    EXPECT_EQ(list.error().message.find("--tokens"), 0u);
  }
}

}  // namespace
}  // namespace autark::apps

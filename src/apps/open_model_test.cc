// Goal: answers end where the model's template ends a turn, and a model opens without the files that it does
// not need. Method: copies of the reference checkpoints, as folder and as GGUF file; a bias that makes the
// model choose the token at once.
#include "apps/open_model.h"
#include <gtest/gtest.h>
#include <fstream>
#include "engine/golden_testing.h"
#include "engine/testing.h"

namespace autark::apps {
namespace {

namespace fs = std::filesystem;
using engine::files_in, engine::Finish, engine::golden, engine::Heard;

class OpenModelTest : public ::testing::Test {
 protected:
  OpenModelTest() : dir_(fs::path(::testing::TempDir()) / ("autark_open_model_" + std::to_string(getpid()))) {
    fs::create_directories(dir_);
  }
  ~OpenModelTest() override { fs::remove_all(dir_); }
  void SetUp() override {
    if (!fs::exists(golden("models") / "llama-mha") || gguf().empty())
      GTEST_SKIP() << "lacks reference models in " << golden("models");
  }
  fs::path folder() const {
    const fs::path copy = dir_ / "model";
    fs::copy(golden("models") / "llama-mha", copy);
    for (const auto& e : fs::directory_iterator(copy)) fs::permissions(e.path(), fs::perms(0644));
    return copy;
  }
  static fs::path gguf() {
    for (const auto& path : files_in(golden("models") / "gguf"))
      if (path.filename().string().starts_with("qwen3-qknorm") && path.extension() == ".gguf") return path;
    return {};
  }
  static void write(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
  }
  static std::string fault(const fs::path& path) {
    const auto model = open_model(path, {});
    return model ? "" : model.error().message;
  }
  // The length of an answer in which every token is `mark`: it ends at once or at the limit.
  static size_t answer(const fs::path& path, const char* mark) {
    const auto model = open_model(path, {});
    EXPECT_TRUE(model) << model.error().message;
    if (!model) return 0;
    const auto id = model->text.tokenizer->id_of(mark);
    EXPECT_TRUE(id) << mark;
    Heard heard;
    const auto request = model->engine->submit(
        {.prompt = {5}, .max_tokens = 5, .sampling = {.temperature = 0, .logit_bias = {{*id, 100.0f}}}},
        heard.sink());
    EXPECT_TRUE(request);
    const bool stopped = heard.wait() == Finish::stop;
    EXPECT_EQ(stopped, heard.ids.size() < 5);
    return heard.ids.size();
  }

  const fs::path dir_;
};

TEST_F(OpenModelTest, F04_AnswersEndAsTheTemplateEndsATurn) {
  const fs::path model = folder();
  EXPECT_EQ(answer(model, "<|im_end|>"), 1u) << "no configuration file names it";
  EXPECT_EQ(answer(model, "<|end|>"), 1u) << "they name this";
  EXPECT_EQ(answer(model, "<|im_start|>"), 5u);
  EXPECT_EQ(answer(gguf(), "<|im_end|>"), 1u);
  write(model / "chat_template.jinja", "{% for m in messages %}{{ m.content }}<|im_start|>\n{% endfor %}");
  EXPECT_EQ(answer(model, "<|im_start|>"), 1u);
  EXPECT_EQ(answer(model, "<|im_end|>"), 5u);
}

TEST_F(OpenModelTest, F17_WhatIsNotNeededStopsNothing) {
  const fs::path model = folder();
  for (const char* file : {"generation_config.json", "special_tokens_map.json", "tokenizer_config.json"})
    write(model / file, "{\"eos_token_id\": 1");
  EXPECT_EQ(fault(model), "");
  write(model / "chat_template.jinja", "{% if %}");
  const auto opened = open_model(model, {});
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->text.chat);
  EXPECT_NE(opened->text.chat_fault, "");
}

TEST_F(OpenModelTest, ADraftModelHasTheSameVocabulary) {
  const fs::path model = folder();
  const auto opened = [&](const fs::path& draft, std::vector<engine::DraftSource> sources = {}) {
    const auto m =
        open_model(model, {.drafts = 2, .drafting = {.sources = std::move(sources), .model = draft}});
    return m ? "" : m.error().message;
  };
  EXPECT_EQ(opened(model), "");
  EXPECT_EQ(opened(model, {engine::DraftSource::draft}), "");
  const std::string other = opened(gguf());
  EXPECT_NE(other.find("different vocabularies"), std::string::npos) << other;
  EXPECT_NE(other.find(gguf().string()), std::string::npos) << "names both";
  EXPECT_NE(other.find(model.string()), std::string::npos);
  EXPECT_NE(opened({}, {engine::DraftSource::draft}).find("--draft-model"), std::string::npos);
  EXPECT_NE(opened({}, {engine::DraftSource::mtp}).find("has no draft head"), std::string::npos);
}

TEST_F(OpenModelTest, TheModelsOwnFaultComesBeforeThatOfItsText) {
  const fs::path model = folder();
  fs::remove(model / "tokenizer.json");
  EXPECT_NE(fault(model).find("tokenizer"), std::string::npos) << fault(model);
  write(model / "config.json", "{\"model_type\": \"unheard-of\"}");
  EXPECT_NE(fault(model).find("unheard-of"), std::string::npos) << fault(model);
}

}  // namespace
}  // namespace autark::apps

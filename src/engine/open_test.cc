// Goal: an engine opens a model whatever the names of its files, and without the files that it does not need.
// Method: copies of the reference checkpoints, as folder and as GGUF file.
#include <gtest/gtest.h>
#include <fstream>
#include "engine/golden_testing.h"
#include "engine/testing.h"

namespace autark::engine {
namespace {

namespace fs = std::filesystem;

class OpenTest : public ::testing::Test {
 protected:
  OpenTest() : dir_(fs::path(::testing::TempDir()) / ("autark_open_" + std::to_string(getpid()))) {
    fs::create_directories(dir_);
  }
  ~OpenTest() override { fs::remove_all(dir_); }
  void SetUp() override {
    if (!fs::exists(golden("models") / "llama-mha") || gguf().empty())
      GTEST_SKIP() << "lacks reference models in " << golden("models");
  }
  fs::path folder() const {
    const fs::path copy = dir_ / "Tiny-1.5";
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
    const auto engine = Engine::open(path);
    return engine ? "" : engine.error().message;
  }
  const fs::path dir_;
};

TEST_F(OpenTest, F05_AGgufFileUnderAnyName) {
  for (const std::string& name :
       {"sha256-" + std::string(64, 'a'), std::string("m.gguf?download=true"), std::string("M.GGUF")}) {
    fs::copy(gguf(), dir_ / name);
    EXPECT_EQ(fault(dir_ / name), "");
  }
  fs::create_symlink("M.GGUF", dir_ / "link");
  EXPECT_EQ(fault(dir_ / "link"), "");
  EXPECT_NE(fault(folder() / "model.safetensors").find("give the folder"), std::string::npos);
}

TEST_F(OpenTest, F06_TheCardHasThePersonsName) {
  const fs::path model = folder();
  for (const fs::path& path : {model, model / "", model / ".", model / ".." / "Tiny-1.5"}) {
    const auto engine = Engine::open(path);
    ASSERT_TRUE(engine) << engine.error().message;
    EXPECT_EQ((*engine)->card().name, "Tiny-1.5") << path;
  }
}

TEST_F(OpenTest, F17_WhatIsNotNeededStopsNothing) {
  const fs::path model = folder();
  const auto config = read_file(model / "config.json");
  ASSERT_TRUE(config);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = *config;
    const size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return write(model / "config.json", text.replace(at, from.size(), to));
  };
  with("\"hidden_act\"", "\"time_step_limit\": [0.0, Infinity], \"hidden_act\"");
  for (const char* file : {"generation_config.json", "special_tokens_map.json", "tokenizer_config.json"})
    write(model / file, "{\"eos_token_id\": 1");
  EXPECT_EQ(fault(model), "");
  with("\"rms_norm_eps\": 0.001", "\"rms_norm_eps\": NaN");
  EXPECT_NE(fault(model).find((model / "config.json").string() + ": rms_norm_eps"), std::string::npos)
      << fault(model);
  write(model / "config.json", config->substr(0, 100));
  EXPECT_NE(fault(model).find((model / "config.json").string() + " is not JSON"), std::string::npos);
}

}  // namespace
}  // namespace autark::engine

// Goal: every catalogue entry can be read and is complete; a faulty entry is an Error that names the field.
// Method: all embedded files; one good text, and the same text with one fault at a time.
#include "hub/catalogue.h"
#include <gtest/gtest.h>
#include <map>
#include <set>

namespace autark::hub {
namespace {

constexpr std::string_view kGood = R"(
title = "T"
licence = "L"
file = "m.gguf"
bytes = 10
sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
chat = true
[[source]]
kind = "packages"
parts = [{ package = "p", version = "1", member = "p/a" }]
[[source]]
kind = "huggingface"
repository = "o/n"
revision = "main"
file = "f"
)";

std::string with(std::string_view what, std::string_view instead) {
  std::string text(kGood);
  return text.replace(text.find(what), what.size(), instead);
}

TEST(CatalogueTest, EveryFileIsAnEntry) {
  std::set<std::string> names;
  for (const CatalogueFile& file : catalogue_files()) {
    const auto entry = parse_entry(file);
    ASSERT_TRUE(entry) << entry.error().message;
    EXPECT_TRUE(names.insert(entry->name).second);
    EXPECT_TRUE(entry->file.empty() || entry->file.ends_with(".gguf")) << entry->name;
    EXPECT_EQ(entry->file.empty(), entry->parameters > 0) << entry->name;
    EXPECT_FALSE(entry->sources.empty());
  }
  EXPECT_EQ(catalogue().size(), names.size());
  EXPECT_TRUE(names.contains(kDefaultModel));
  EXPECT_TRUE(find_entry(kDefaultModel)->chat);
  EXPECT_FALSE(find_entry("no-such-model"));
}
TEST(CatalogueTest, AnEntryIsReadInFull) {
  const auto e = parse_entry({"name", kGood});
  ASSERT_TRUE(e) << e.error().message;
  EXPECT_EQ(e->name, "name");
  EXPECT_EQ(e->bytes, 10);
  ASSERT_EQ(e->sources.size(), 2u);
  EXPECT_EQ(e->sources[0].parts.at(0).member, "p/a");
  EXPECT_EQ(e->sources[1].kind, Source::Kind::huggingface);
  EXPECT_EQ(e->sources[1].repository, "o/n");
}
TEST(CatalogueTest, FamiliesAreThereUnderTheirNames) {
  for (const auto& [name, repository] : std::map<std::string, std::string>{
           {"deepseek-v3", "deepseek-ai/DeepSeek-V3"},
           {"kimi-k2", "moonshotai/Kimi-K2-Instruct-0905"},
           {"kimi-k2-thinking", "moonshotai/Kimi-K2-Thinking"},
           {"kimi-k2.5", "moonshotai/Kimi-K2.5"},
           {"glm-4.6", "zai-org/GLM-4.6"},
           {"gpt-oss-20b", "openai/gpt-oss-20b"},
           {"gpt-oss-120b", "openai/gpt-oss-120b"},
           {"qwen3.5-35b-a3b", "Qwen/Qwen3.5-35B-A3B"},
           {"qwen3-next", "Qwen/Qwen3-Next-80B-A3B-Instruct"},
           {"minimax-m2", "MiniMaxAI/MiniMax-M2"},
           {"ernie-4.5-21b-a3b", "baidu/ERNIE-4.5-21B-A3B-PT"},
           {"hunyuan-a13b", "tencent/Hunyuan-A13B-Instruct"},
           {"hy3", "tencent/Hy3"},
           {"glm-4.7", "zai-org/GLM-4.7"},
           {"kimi-k2-0711", "moonshotai/Kimi-K2-Instruct"},
           {"minimax-m2.1", "MiniMaxAI/MiniMax-M2.1"},
           {"minimax-m2.5", "MiniMaxAI/MiniMax-M2.5"},
           {"hunyuan-0.5b", "tencent/Hunyuan-0.5B-Instruct"},
           {"hunyuan-1.8b", "tencent/Hunyuan-1.8B-Instruct"},
           {"hunyuan-4b", "tencent/Hunyuan-4B-Instruct"},
           {"qwen3.5-9b", "Qwen/Qwen3.5-9B"},
           {"qwen3.5-397b-a17b", "Qwen/Qwen3.5-397B-A17B"},
           {"qwen3-next-thinking", "Qwen/Qwen3-Next-80B-A3B-Thinking"},
           {"ernie-4.5-21b-a3b-thinking", "baidu/ERNIE-4.5-21B-A3B-Thinking"}}) {
    const auto entry = find_entry(name);
    ASSERT_TRUE(entry) << name;
    EXPECT_EQ(entry->sources.at(0).kind, Source::Kind::huggingface);
    EXPECT_EQ(entry->sources.at(0).repository, repository);
    EXPECT_EQ(reference_of(entry->sources.at(0)).text, "hf:" + repository);
    EXPECT_TRUE(entry->sources.at(0).file.empty());
  }
}
TEST(CatalogueTest, ARepositoryHasParametersAndNoFile) {
  const std::string good =
      "title = \"T\"\nlicence = \"L\"\nparameters = 5\nchat = true\n[[source]]\n"
      "kind = \"modelscope\"\nrepository = \"o/n\"\nrevision = \"master\"\n";
  const auto e = parse_entry({"name", good});
  ASSERT_TRUE(e) << e.error().message;
  EXPECT_EQ(e->parameters, 5);
  EXPECT_EQ(e->bytes, 0);
  EXPECT_EQ(reference_of(e->sources.at(0)).text, "modelscope:o/n");
  std::string bad = good;
  bad.replace(bad.find("modelscope"), 10, "packages");
  EXPECT_NE(parse_entry({"x", bad}).error().message.find("kind must be huggingface or modelscope"),
            std::string::npos);
  bad = good;
  bad.replace(bad.find("parameters = 5"), 14, "");
  EXPECT_NE(parse_entry({"x", bad}).error().message.find("parameters"), std::string::npos);
}
TEST(CatalogueTest, FaultsAreNamed) {
  const auto fault = [](const std::string& text) {
    const auto e = parse_entry({"x", text});
    return e ? "none" : e.error().message;
  };
  EXPECT_EQ(fault("title ="), "catalogue/x.toml: " + fault("title =").substr(18));
  EXPECT_NE(fault(with("licence = \"L\"", "")).find("licence"), std::string::npos);
  EXPECT_NE(fault(with("bytes = 10", "bytes = 0")).find("bytes"), std::string::npos);
  EXPECT_NE(fault(with("sha256 = \"a", "sha256 = \"A")).find("sha256"), std::string::npos);
  EXPECT_NE(fault(with("file = \"m.gguf\"", "file = \"../m.gguf\"")).find("file"), std::string::npos);
  EXPECT_NE(fault(with("chat = true", "chat = 1")).find("chat"), std::string::npos);
  EXPECT_NE(fault(with("huggingface", "elsewhere")).find("kind"), std::string::npos);
  EXPECT_NE(fault(with("package = \"p\", ", "")).find("package"), std::string::npos);
  EXPECT_NE(fault(with("[{ package = \"p\", version = \"1\", member = \"p/a\" }]", "[]")).find("parts"),
            std::string::npos);
}

}  // namespace
}  // namespace autark::hub

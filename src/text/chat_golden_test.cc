// Goal: prompts equal what transformers renders, for every template and conversation of the goldens. Method:
// golden rows; templates come from the golden folder, from tokenizer packages or from GGUF files. Rows of
// templates that may not be stored have only size and hash. If a template fails there, it must fail here with
// the same message.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <cstdio>
#include "base/gguf.h"
#include "text/chat.h"
#include "text/testing.h"

namespace autark::text {
namespace {

std::string sha256(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) {
    char two[3];
    snprintf(two, sizeof two, "%02x", digest[i]);
    hex += two;
  }
  return hex;
}

struct Source {
  const char* golden;
  const char* package = nullptr;  // folder of tests/fetch_tokenizers
  const char* model = nullptr;    // GGUF in the model folder
};

// A path whose template has the golden's hash; empty: not here.
std::filesystem::path template_of(const Source& s) {
  const auto stored =
      golden_file("templates/" + std::string(s.golden)).parent_path() / (s.golden + std::string(".jinja"));
  if (std::filesystem::exists(stored)) return stored;
  for (const char* file : {"tokenizer_config.json", "chat_template.jinja"})
    if (s.package && std::filesystem::exists(tokenizer_folder(s.package) / file))
      return tokenizer_folder(s.package);
  return s.model ? model_file(s.model) : std::filesystem::path();
}

class ChatGolden : public testing::TestWithParam<Source> {};

TEST_P(ChatGolden, RendersAsTransformers) {
  const auto path = template_of(GetParam());
  const auto rows = read_rows(golden_file("templates/" + std::string(GetParam().golden)));
  if (path.empty() || rows.empty())
    GTEST_SKIP() << "no template of " << GetParam().golden
                 << "; set AUTARK_GOLDEN or run tests/fetch_tokenizers";
  auto chat = ChatTemplate::open(path, nullptr);
  ASSERT_TRUE(chat) << chat.error().message;
  for (const Json& row : rows) {
    SCOPED_TRACE(row["name"].get<std::string>());
    Conversation c{
        .messages = row["messages"], .kwargs = row["kwargs"], .vars = row["vars"], .now = row["now"]};
    if (!row["tools"].is_null()) c.tools = row["tools"];
    auto prompt = (*chat)->render(c);
    if (row.contains("error")) {
      const std::string type = row["error"]["type"];
      if (type == "raise_exception" || type == "recursion") {
        ASSERT_FALSE(prompt) << prompt->text;
      }
      if (type == "raise_exception") {
        EXPECT_EQ(prompt.error().message, row["error"]["message"]);
      }
      continue;
    }
    ASSERT_TRUE(prompt) << prompt.error().message;
    if (row.contains("expected") && row["expected"].is_string()) {
      EXPECT_EQ(prompt->text, row["expected"]);
    }
    EXPECT_EQ(prompt->text.size(), row["expected_bytes"]);
    EXPECT_EQ(sha256(prompt->text), row["expected_sha256"]);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ChatGolden,
                         testing::Values(Source{"deepseek-r1-distill"}, Source{"deepseek-v3", "deepseek-v3"},
                                         Source{"deepseek-v3.1"}, Source{"ernie-4.5"},
                                         Source{"gemma3", "gemma3"}, Source{"glm-4.6"}, Source{"gpt-oss"},
                                         Source{"hermes-3"}, Source{"hunyuan-3"}, Source{"kimi-k2"},
                                         Source{"llama-3.1"}, Source{"mistral-nemo"},
                                         Source{"qwen2.5-coder", "qwen2.5-coder"}, Source{"qwen3", "qwen3"},
                                         Source{"qwen3-coder"}, Source{"smollm2", nullptr, "smollm2-135m"},
                                         Source{"smollm3"}),
                         [](const auto& info) {
                           std::string name = info.param.golden;
                           for (char& ch : name) ch = isalnum(static_cast<unsigned char>(ch)) ? ch : '_';
                           return name;
                         });

}  // namespace
}  // namespace autark::text

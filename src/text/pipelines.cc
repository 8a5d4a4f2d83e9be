// Each family is a list of splits that are applied one after the other, then the byte-level alphabet. A split
// makes a part of every match of its pattern and of the text between matches.
#include "text/pipelines.h"
#include <algorithm>
#include <string>
#include <vector>

namespace autark::text {
namespace {

constexpr const char* kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen35 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kDeepseek3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Chinese characters are parts of their own.
constexpr const char* kKimi =
    R"([\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct Family {
  std::string_view names;  // separated by spaces
  std::vector<const char*> splits;
  bool nfc = false, ignore_merges = false, add_bos = false;
};

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
      {"gpt-2 phi-2 mpt olmo jais roberta-bpe jina-es jina-de gigachat mellum a.x-4.0", {kGpt2}},
      {"llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2", {kLlama3}, false, true, true},
      {"dbrx smaug-bpe chatglm-bpe glm4", {kLlama3}},
      {"qwen2 deepseek-r1-qwen kormo", {kQwen2}, true},
      {"qwen35", {kQwen35}, true},
      {"stablelm2 hunyuan megrez", {kQwen2}},
      {"smollm starcoder refact command-r codeshell exaone minerva-7b", {R"(\p{N})", kGpt2}},
      {"deepseek-v3 joyai-llm hunyuan-dense", {R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+", kDeepseek3}},
      {"deepseek-coder",
       {"[\r\n]", R"(\s?\p{L}+)", R"(\s?\p{P}+)", "[一-龥ࠀ-一가-\xED\x9F\xBF]+", R"(\p{N})"}},
      // \p{Lu} and \p{Ll}: letters of alphabets that have upper and lower case.
      {"deepseek-llm",
       {"[\r\n]", R"(\s?[\p{Lu}\p{Ll}]+)", "\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+", R"(\s+$)",
        "[一-龥ࠀ-一가-\xED\x9F\xBF]+", R"(\p{N}+)"}},
      {"falcon",
       {R"([\p{P}\$\+<=>\^~\|`]+)",
        R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))", "[0-9][0-9][0-9]"}},
      {"default",
       {R"([\p{P}\$\+<=>\^~\|]+)",
        R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))", R"(\p{N}+)",
        "[0-9][0-9][0-9]"}},
      {"tekken", {kTekken}, false, true, true},
      {"gpt-4o llama4 minimax-m2", {kGpt4o}},
      {"kimi-k2", {kKimi}, false, true},
  };
  return all;
}

bool holds(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const size_t end = std::min(names.find(' '), names.size());
    if (names.substr(0, end) == name) return true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

Json splits_of(const std::vector<const char*>& patterns) {
  Json steps = Json::array();
  for (const char* pattern : patterns)
    steps.push_back(
        {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}});
  return steps;
}

Json sequence(Json steps) {
  return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

Json splits_then_bytes(const std::vector<const char*>& patterns) {
  Json steps = splits_of(patterns);
  steps.push_back(
      {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}});
  return sequence(std::move(steps));
}

}  // namespace

Result<Pipeline> bpe_pipeline(std::string_view name) {
  std::string known;
  for (const Family& f : families()) {
    if (holds(f.names, name))
      return Pipeline{.normalizer = f.nfc ? Json{{"type", "NFC"}} : Json(),
                      .pre_tokenizer = splits_then_bytes(f.splits),
                      .ignore_merges = f.ignore_merges,
                      .add_bos = f.add_bos};
    known += (known.empty() ? "" : " ") + std::string(f.names);
  }
  return Error{Code::unsupported,
               "tokenizer: pre-tokenizer '" + std::string(name) +
                   "' is not known; a tokenizer.json beside the model would do, known are: " + known};
}

Json kimi_splits() {
  return sequence(splits_of({kKimi}));
}

Json hunyuan_splits() {
  return sequence(splits_of({kQwen2}));
}

}  // namespace autark::text

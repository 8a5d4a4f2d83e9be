// Tokenizers from SentencePiece files (tokenizer.model) and tiktoken files (tiktoken.model of Kimi, hy.tiktoken
// of Hunyuan). Tokens and flags that those files lack come from tokenizer_config.json and added_tokens.json
// beside them, or from the family.
#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include "base/mapped_file.h"
#include "base/model_json.h"
#include "text/crate_tokenizer.h"
#include "text/pipelines.h"
#include "text/sentencepiece_file.h"
#include "text/tiktoken_file.h"

namespace autark::text {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFileBytesMax = size_t{256} << 20;
constexpr uint64_t kIdMax = uint64_t{1} << 22;

std::optional<uint64_t> id_in(std::string_view digits) {
  if (digits.empty() || digits.size() > 7 || digits.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  const auto id = uint64_t(std::stoul(std::string(digits)));
  return id < kIdMax ? std::optional(id) : std::nullopt;
}

// The added tokens by id, as {"id", "content", "special", …}.
using Added = std::map<uint64_t, Json>;

// "added_tokens_decoder": {"7": {"content": "<s>", "special": true, …}}
void read_decoder(const Json& config, Added* added) {
  const auto list = config.find("added_tokens_decoder");
  if (list == config.end() || !list->is_object()) return;
  for (const auto& [key, token] : list->items()) {
    const auto id = id_in(key);
    if (!id || !token.is_object() || !token.contains("content") || !token["content"].is_string()) continue;
    Json entry = {{"id", *id}, {"content", token["content"]}};
    for (const char* flag : {"special", "lstrip", "rstrip", "single_word"})
      if (token.contains(flag)) entry[flag] = token[flag];
    added->insert_or_assign(*id, std::move(entry));
  }
}

// added_tokens.json: {"<s>": 7}. Tokens that are listed already keep their ids.
void read_added_file(const Json& file, Added* added) {
  std::set<std::string, std::less<>> known;
  for (const auto& [id, token] : *added) known.insert(token["content"].get<std::string>());
  for (const auto& [content, id] : file.items()) {
    if (known.contains(content) || !id.is_number_unsigned() || id.get<uint64_t>() >= kIdMax) continue;
    added->try_emplace(id.get<uint64_t>(),
                       Json{{"id", id}, {"content", content}, {"special", content.starts_with("<|")}});
  }
}

struct Beside {
  Json config;  // tokenizer_config.json
  Added added;
};

Beside files_beside(const fs::path& folder) {
  Beside b{.config = optional_model_json(folder / "tokenizer_config.json")};
  if (!b.config.is_object()) b.config = Json::object();
  read_decoder(b.config, &b.added);
  const Json file = optional_model_json(folder / "added_tokens.json");
  if (file.is_object()) read_added_file(file, &b.added);
  return b;
}

bool flag_of(const Json& config, const char* key, bool usual) {
  const auto it = config.find(key);
  return it != config.end() && it->is_boolean() ? it->get<bool>() : usual;
}

std::string class_of(const Json& config) {
  const auto it = config.find("tokenizer_class");
  return it != config.end() && it->is_string() ? it->get<std::string>() : "";
}

Json listed(const Added& added) {
  Json list = Json::array();
  for (const auto& [id, token] : added) list.push_back(token);
  return list;
}

template <class Texts>
std::vector<autark_str> borrowed(const Texts& texts) {
  std::vector<autark_str> out;
  out.reserve(texts.size());
  for (const auto& text : texts) out.push_back(borrow(text));
  return out;
}

Result<std::unique_ptr<Tokenizer>> made(const autark_vocabulary& v, const fs::path& file, TokenNames names) {
  autark_buffer error;
  CrateTokenizerHandle handle(autark_tokenizer_from_vocabulary(&v, &error));
  if (!handle) return Error{Code::invalid, file.string() + ": " + take(error)};
  return with_names(std::move(handle), std::move(names));
}

// ---- SentencePiece ----------------------------------------------------------------------------------------

Json sentencepiece_pipeline(const SentencePieceFile& f, const Beside& beside) {
  const std::string of = class_of(beside.config);
  const bool usual = of.starts_with("Llama") || of.starts_with("CodeLlama") || of.starts_with("Gemma");
  const auto border = [&](const char* flag, bool otherwise, size_t which) {
    const int64_t id = f.special[which];
    const bool there = id >= 0 && id < int64_t(f.pieces.size());
    return there && flag_of(beside.config, flag, otherwise) ? Json::array({id}) : Json::array();
  };
  return {{"before", border("add_bos_token", usual, 1)},
          {"after", border("add_eos_token", false, 2)},
          {"added", listed(beside.added)},
          {"dummy_prefix", f.dummy_prefix},
          {"whitespace_suffix", f.whitespace_suffix},
          {"remove_extra", f.remove_extra},
          {"escape", f.escape},
          {"byte_fallback", f.byte_fallback},
          {"unk_surface", f.unk_surface}};
}

// The special tokens that the file itself names, unless the files beside name others.
void name_specials(const SentencePieceFile& f, TokenNames* names) {
  constexpr std::array<const char*, 4> kNames = {"unk_token", "bos_token", "eos_token", "pad_token"};
  for (size_t i = 0; i < kNames.size(); ++i) {
    const int64_t id = f.special[i];
    if (id < 0 || id >= int64_t(f.pieces.size())) continue;
    const uint8_t type = f.types[size_t(id)];
    if (type == SentencePieceFile::control || type == SentencePieceFile::unknown)
      names->special.try_emplace(kNames[i], f.pieces[size_t(id)]);
  }
}

Result<std::unique_ptr<Tokenizer>> open_sentencepiece(const fs::path& file, std::string_view bytes) {
  auto parsed = SentencePieceFile::parse(bytes);
  if (!parsed) return Error{parsed.error().code, file.string() + ": " + parsed.error().message};
  const SentencePieceFile& f = *parsed;
  const Beside beside = files_beside(file.parent_path());
  TokenNames names = names_beside(file.parent_path());
  name_specials(f, &names);
  const std::vector<autark_str> pieces = borrowed(f.pieces);
  const std::string pipeline = dump_json(sentencepiece_pipeline(f, beside));
  return made({.kind = f.unigram ? "sentencepiece-unigram" : "sentencepiece-bpe",
               .pipeline = borrow(pipeline),
               .tokens = pieces.data(),
               .types = f.types.data(),
               .scores = f.scores.data(),
               .token_count = pieces.size(),
               .merges = nullptr,
               .merge_count = 0,
               .charsmap = borrow(f.charsmap)},
              file, std::move(names));
}

// ---- tiktoken ---------------------------------------------------------------------------------------------

// What a family adds to its file.
struct TiktokenFamily {
  Json normalizer, splits;
  std::vector<std::string> specials;  // behind the last rank
  const char *bos, *eos;              // unless tokenizer_config.json names others
};

TiktokenFamily hunyuan() {
  TiktokenFamily f{{{"type", "NFC"}}, hunyuan_splits(), {}, "<|startoftext|>", "<|eos|>"};
  f.specials = {"<|endoftext|>", "<|startoftext|>", "<|bos|>", "<|eos|>", "<|pad|>"};
  for (int i = 0; i < 205; ++i) f.specials.push_back("<|extra_" + std::to_string(i) + "|>");
  return f;
}

TiktokenFamily kimi(size_t ranks) {
  TiktokenFamily f{nullptr, kimi_splits(), {}, "[BOS]", "[EOS]"};
  for (size_t i = ranks; i < ranks + 256; ++i)
    f.specials.push_back("<|reserved_token_" + std::to_string(i) + "|>");
  return f;
}

// Tokens of the files beside keep their ids; those of the vocabulary itself cannot be renamed.
Json specials_of(const TiktokenFamily& family, const Added& beside, size_t ranks) {
  Added added;
  for (const auto& [id, token] : beside)
    if (id >= ranks) added.emplace(id, token);
  for (size_t i = 0; i < family.specials.size(); ++i)
    added.try_emplace(ranks + i, Json{{"id", ranks + i}, {"content", family.specials[i]}, {"special", true}});
  return listed(added);
}

Result<std::unique_ptr<Tokenizer>> open_tiktoken(const fs::path& file, std::string_view text) {
  const Beside beside = files_beside(file.parent_path());
  const std::string of = class_of(beside.config);
  const bool is_hunyuan = file.filename() == "hy.tiktoken";
  if (!of.empty() && of != (is_hunyuan ? "HYTokenizer" : "TikTokenTokenizer"))
    return Error{Code::unsupported, file.string() + ": the pattern that '" + of +
                                        "' splits text with is not known; a tokenizer.json would do"};
  const auto tokens = read_tiktoken(text, is_hunyuan ? TiktokenRanks::by_line : TiktokenRanks::written);
  if (!tokens) return Error{tokens.error().code, file.string() + ": " + tokens.error().message};
  const TiktokenFamily family = is_hunyuan ? hunyuan() : kimi(tokens->size());
  TokenNames names = names_beside(file.parent_path());
  names.special.try_emplace("bos_token", family.bos);
  names.special.try_emplace("eos_token", family.eos);
  const std::string pipeline = dump_json(Json{{"normalizer", family.normalizer},
                                              {"pre_tokenizer", family.splits},
                                              {"added", specials_of(family, beside.added, tokens->size())}});
  const std::vector<autark_str> words = borrowed(*tokens);
  return made({.kind = "tiktoken",
               .pipeline = borrow(pipeline),
               .tokens = words.data(),
               .types = nullptr,
               .scores = nullptr,
               .token_count = words.size(),
               .merges = nullptr,
               .merge_count = 0,
               .charsmap = borrow("")},
              file, std::move(names));
}

}  // namespace

std::optional<fs::path> vocabulary_file_in(const fs::path& folder) {
  std::error_code ec;
  for (const char* name : {"tokenizer.model", "tiktoken.model", "hy.tiktoken"})
    if (fs::exists(folder / name, ec)) return folder / name;
  return std::nullopt;
}

Result<std::unique_ptr<Tokenizer>> open_vocabulary_file(const fs::path& file) {
  AUTARK_TRY(const std::string bytes, read_file(file, kFileBytesMax));
  const bool is_tiktoken = file.extension() == ".tiktoken" || file.filename() == "tiktoken.model";
  return is_tiktoken ? open_tiktoken(file, bytes) : open_sentencepiece(file, bytes);
}

}  // namespace autark::text

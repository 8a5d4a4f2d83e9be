// Makes a tokenizer from the tokenizer.ggml.* keys of a GGUF file: byte-level BPE ("gpt2"), sentencepiece BPE
// ("llama") and unigram ("t5"). Facts that the keys lack (patterns, normalisers, which control tokens are
// shown) are in pipelines.cc and below.
#include <algorithm>
#include <array>
#include "base/gguf.h"
#include "base/json.h"
#include "text/crate_tokenizer.h"
#include "text/gguf_marks.h"
#include "text/pipelines.h"

namespace autark::text {
namespace {

constexpr std::string_view kKeys = "tokenizer.ggml.";
constexpr uint8_t kControl = 3, kUserDefined = 4;

std::string key(std::string_view name) {
  return std::string(kKeys) + std::string(name);
}

struct Words : GgufVocabulary {
  std::vector<float> scores;
  std::vector<std::string> rewritten;  // owns tokens that differ from the file's
};

Error broken(const std::filesystem::path& file, const std::string& what) {
  return Error{Code::invalid, file.string() + ": " + what};
}

Result<Words> read_words(const Gguf& g, const std::filesystem::path& file) {
  Words w;
  auto tokens = g.texts(key("tokens"));
  if (!tokens) return broken(file, "tokenizer.ggml.tokens is missing or not a list of strings");
  w.tokens = std::move(*tokens);
  w.types.assign(w.tokens.size(), 1);
  w.scores.assign(w.tokens.size(), 0);
  if (auto types = g.numbers(key("token_type"))) {
    if (types->size() != w.tokens.size()) return broken(file, "token_type and tokens differ in length");
    std::transform(types->begin(), types->end(), w.types.begin(),
                   [](double t) { return t >= 0 && t <= 6 ? uint8_t(t) : uint8_t(1); });
  }
  if (auto scores = g.numbers(key("scores"))) {
    if (scores->size() != w.tokens.size()) return broken(file, "scores and tokens differ in length");
    std::transform(scores->begin(), scores->end(), w.scores.begin(), [](double s) { return float(s); });
  }
  if (auto merges = g.texts(key("merges"))) w.merges = std::move(*merges);
  return w;
}

std::optional<int64_t> token_id(const Gguf& g, const Words& w, std::string_view name) {
  auto id = g.integer(key(name));
  if (!id || *id < 0 || *id >= int64_t(w.tokens.size())) return std::nullopt;
  return id;
}

constexpr std::array<const char*, 3> kEndKeys = {"eos_token_id", "eot_token_id", "eom_token_id"};

bool has_template(const Gguf& g) {
  return !g.text("tokenizer.chat_template").value_or("").empty();
}

// A GGUF file names one end token, but models have one for a document and one for a turn. Adds the well-known
// ones. With a chat template the end of a turn is found by rendering (turn_end.h).
bool is_end(std::string_view token, bool has_template) {
  constexpr std::array<std::string_view, 4> kDocumentEnds = {"<|endoftext|>", "<|end_of_text|>", "</s>",
                                                             "<|eom_id|>"};
  constexpr std::array<std::string_view, 4> kTurnEnds = {"<|im_end|>", "<|eot_id|>", "<end_of_turn>",
                                                         "<|end|>"};
  return std::ranges::find(kDocumentEnds, token) != kDocumentEnds.end() ||
         (!has_template && std::ranges::find(kTurnEnds, token) != kTurnEnds.end());
}

// If several keys name the same special token, the first one counts.
TokenNames names_of(const Gguf& g, const Words& w) {
  constexpr std::array<std::pair<const char*, const char*>, 8> kNames = {{{"bos_token_id", "bos_token"},
                                                                          {"eos_token_id", "eos_token"},
                                                                          {"unknown_token_id", "unk_token"},
                                                                          {"padding_token_id", "pad_token"},
                                                                          {"seperator_token_id", "sep_token"},
                                                                          {"separator_token_id", "sep_token"},
                                                                          {"cls_token_id", "cls_token"},
                                                                          {"mask_token_id", "mask_token"}}};
  TokenNames names;
  for (const auto& [from, to] : kNames)
    if (auto id = token_id(g, w, from)) names.special.try_emplace(to, w.tokens[size_t(*id)]);
  for (const char* from : kEndKeys)
    if (auto id = token_id(g, w, from)) names.end.push_back(int32_t(*id));
  for (size_t i = 0; i < w.tokens.size(); ++i)
    if (w.types[i] == kControl && is_end(w.tokens[i], has_template(g))) names.end.push_back(int32_t(i));
  std::sort(names.end.begin(), names.end.end());
  names.end.erase(std::unique(names.end.begin(), names.end.end()), names.end.end());
  return names;
}

// Corrects marks that the converter stored as ordinary tokens: the template's, and those that keys name.
void type_marks(const Gguf& g, const std::filesystem::path& file, Words* w) {
  for (const char* from : kEndKeys)
    if (auto id = token_id(g, *w, from)) w->named.push_back(size_t(*id));
  if (auto id = token_id(g, *w, "bos_token_id")) w->named.push_back(size_t(*id));
  const std::vector<size_t> marks = untyped_marks(*w);
  if (marks.empty()) return;
  const TokenNames names = names_of(g, *w);
  std::vector<std::string> texts;
  for (const char* of : {"tokenizer.chat_template", "tokenizer.chat_template.tool_use"})
    for (auto& text : template_texts(g.text(of).value_or(""))) texts.push_back(std::move(text));
  Json vars = Json::object();
  for (const auto& [name, text] : names.special) {
    vars[name] = text;
    texts.push_back(text);
  }
  for (const int32_t end : names.end) texts.emplace_back(w->tokens[size_t(end)]);
  if (const auto chat = ChatTemplate::open(file, nullptr))
    for (auto& text : rendered_texts(**chat, vars)) texts.push_back(std::move(text));
  const bool by_merges = g.text(key("model")) == "gpt2";
  for (const size_t i : marks) {
    if (const uint8_t type = type_of_mark(w->tokens[i], texts))
      w->types[i] = type;
    else if (by_merges && w->tokens[i].starts_with("<|"))  // no merge makes it, so text never becomes it
      w->types[i] = kControl;
  }
}

// GGUF files mark these as control tokens, but published tokenizers show them in decoded text.
bool is_shown(std::string_view token) {
  constexpr std::array<std::string_view, 7> kShown = {"<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
                                                      "<|fim_pad|>",    "<|repo_name|>",  "<|file_sep|>",
                                                      "<mask>"};
  return token.starts_with("<unused") || std::find(kShown.begin(), kShown.end(), token) != kShown.end();
}

Json shown_ids(const Words& w) {
  Json ids = Json::array();
  for (size_t i = 0; i < w.tokens.size(); ++i)
    if (w.types[i] == kControl && is_shown(w.tokens[i])) ids.push_back(i);
  return ids;
}

Json replace(const char* from, const char* to) {
  return {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

Json sequence(const char* of, Json parts) {
  return {{"type", "Sequence"}, {of, std::move(parts)}};
}

// Sentencepiece writes a space as U+2581; user-defined tokens have plain spaces and are rewritten.
Json spm_pipeline(const Gguf& g, Words* w) {
  const bool prefix = g.flag(key("add_space_prefix")).value_or(true);
  w->rewritten.reserve(w->tokens.size());
  for (size_t i = 0; i < w->tokens.size(); ++i) {
    if (w->types[i] != kUserDefined || w->tokens[i].find(' ') == std::string_view::npos) continue;
    std::string token;
    for (char c : w->tokens[i]) token += c == ' ' ? std::string("\u2581") : std::string(1, c);
    w->rewritten.push_back(std::move(token));
    w->tokens[i] = w->rewritten.back();
  }
  Json p;
  const Json marked = replace(" ", "\u2581");
  Json decoders = Json::array({replace("\u2581", " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
  if (prefix) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  p["normalizer"] =
      prefix ? sequence("normalizers", Json::array({{{"type", "Prepend"}, {"prepend", "\u2581"}}, marked}))
             : marked;
  p["pre_tokenizer"] = nullptr;
  p["decoder"] = sequence("decoders", decoders);
  p["byte_fallback"] = true;
  return p;
}

std::string base64(std::span<const std::byte> bytes) {
  constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    uint32_t v = 0;
    for (size_t k = 0; k < 3; ++k) v = v << 8 | (k < n ? uint32_t(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) out += k <= n ? kDigits[v >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

// Unigram: the file's table of normalisations, then spaces as U+2581 at the beginning of words.
Json unigram_pipeline(const Gguf& g) {
  const bool prefix = g.flag(key("add_space_prefix")).value_or(true);
  const Json metaspace = {{"type", "Metaspace"},
                          {"replacement", "\u2581"},
                          {"prepend_scheme", prefix ? "always" : "never"},
                          {"split", true}};
  Json normalizers = Json::array();
  const auto it = g.keys().find(key("precompiled_charsmap"));
  if (it != g.keys().end())
    if (const auto* map = std::get_if<Gguf::Array>(&it->second); map && !map->bytes.empty())
      normalizers.push_back({{"type", "Precompiled"}, {"precompiled_charsmap", base64(map->bytes)}});
  Json splits = Json::array();
  if (g.flag(key("remove_extra_whitespaces")).value_or(true)) splits.push_back({{"type", "WhitespaceSplit"}});
  splits.push_back(metaspace);
  return {{"normalizer", sequence("normalizers", normalizers)},
          {"pre_tokenizer", sequence("pretokenizers", splits)},
          {"decoder", metaspace}};
}

struct Kind {
  const char* name;
  Json pipeline;
  bool add_bos, add_eos;
};

Result<Kind> kind_of(const Gguf& g, Words* w, const std::filesystem::path& file) {
  const std::string model(g.text(key("model")).value_or(""));
  if (model == "llama") return Kind{"spm", spm_pipeline(g, w), true, false};
  if (model == "t5") return Kind{"unigram", unigram_pipeline(g), false, true};
  if (model != "gpt2")
    return Error{Code::unsupported,
                 file.string() + ": tokenizer model '" + model + "' is not known; known are gpt2, llama, t5"};
  AUTARK_TRY(Pipeline p, bpe_pipeline(g.text(key("pre")).value_or("default")));
  const Json bytes = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}};
  return Kind{"bpe",
              {{"normalizer", p.normalizer},
               {"pre_tokenizer", p.pre_tokenizer},
               {"decoder", bytes},
               {"ignore_merges", p.ignore_merges}},
              p.add_bos,
              false};
}

// Sets the ids that are added before and after every text.
void add_borders(const Gguf& g, const Words& w, Kind* k) {
  auto border = [&](const char* flag, bool usual, const char* id) {
    Json ids = Json::array();
    if (g.flag(key(flag)).value_or(usual))
      if (auto found = token_id(g, w, id)) ids.push_back(*found);
    return ids;
  };
  k->pipeline["before"] = border("add_bos_token", k->add_bos, "bos_token_id");
  k->pipeline["after"] = border("add_eos_token", k->add_eos, "eos_token_id");
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> open_gguf_tokenizer(const std::filesystem::path& file) {
  AUTARK_TRY(Gguf g, Gguf::open(file));
  if (!g.text(key("model"))) return Error{Code::not_found, file.string() + ": this file holds no tokenizer"};
  AUTARK_TRY(Words w, read_words(g, file));
  type_marks(g, file, &w);
  AUTARK_TRY(Kind k, kind_of(g, &w, file));
  add_borders(g, w, &k);
  k.pipeline["shown"] = shown_ids(w);
  if (auto unk = token_id(g, w, "unknown_token_id"); unk && k.name != std::string_view("bpe"))
    k.pipeline["unk"] = *unk;

  auto borrowed = [](const std::vector<std::string_view>& texts) {
    std::vector<autark_str> out(texts.size());
    std::transform(texts.begin(), texts.end(), out.begin(), borrow);
    return out;
  };
  const std::vector<autark_str> tokens = borrowed(w.tokens), merges = borrowed(w.merges);
  const std::string pipeline = dump_json(k.pipeline);
  const autark_vocabulary v{.kind = k.name,
                            .pipeline = borrow(pipeline),
                            .tokens = tokens.data(),
                            .types = w.types.data(),
                            .scores = w.scores.data(),
                            .token_count = tokens.size(),
                            .merges = merges.data(),
                            .merge_count = merges.size(),
                            .charsmap = borrow("")};
  autark_buffer error;
  CrateTokenizerHandle handle(autark_tokenizer_from_vocabulary(&v, &error));
  if (!handle) return broken(file, take(error));
  return std::unique_ptr<Tokenizer>(std::make_unique<CrateTokenizer>(std::move(handle), names_of(g, w)));
}

}  // namespace autark::text

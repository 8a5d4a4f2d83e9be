// Goal: typed markup stays text, ranges protect it, flags of added tokens work, and bad input is an
// error. Method: properties over small tokenizers written here (and over the real ones that are
// available); examples.
#include "text/tokenizer.h"
#include <gtest/gtest.h>
#include <unistd.h>
#include <fstream>
#include "base/gguf_testing.h"
#include "text/testing.h"

namespace autark::text {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder()
      : path_(fs::temp_directory_path() /
              ("autark_text_" + std::to_string(getpid()) + "_" + std::to_string(++count_))) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }
  const fs::path& path() const { return path_; }

 private:
  static inline int count_ = 0;
  fs::path path_;
};

Json added(int id, const char* content, Json flags = Json::object()) {
  Json t = {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
            {"rstrip", false}, {"normalized", false}, {"special", true}};
  t.update(flags);
  return t;
}

// Letters a, b, c, a space and '<', 't', '>'; the merge "ab".
Json small(Json added_tokens) {
  Json vocab = {{"a", 0}, {"b", 1}, {"c", 2},  {"Ġ", 3},  {"<", 4},
                {"t", 5}, {">", 6}, {"ab", 7}, {"x8", 8}, {"x9", 9}};
  Json merges = Json::array({Json::array({"a", "b"})});
  return {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", std::move(added_tokens)},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}}},
      {"post_processor", nullptr},
      {"decoder",
       {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"continuing_subword_prefix", nullptr},
        {"end_of_word_suffix", nullptr},
        {"fuse_unk", false},
        {"byte_fallback", false},
        {"ignore_merges", false},
        {"vocab", vocab},
        {"merges", merges}}}};
}

std::unique_ptr<Tokenizer> open(const Json& json) {
  Folder folder;
  auto t = Tokenizer::open(folder.write("tokenizer.json", dump_json(json)));
  EXPECT_TRUE(t) << t.error().message;
  return t ? std::move(t).value() : nullptr;
}

using Ids = std::vector<int32_t>;

Ids ids(const Tokenizer& t, std::string_view text, EncodeOptions options = {}) {
  auto r = t.encode(text, options);
  EXPECT_TRUE(r) << r.error().message;
  return r ? *r : Ids{-1};
}

TEST(Tokenizer, RecognisesMarkupOnlyWhenAsked) {
  const auto t = open(small(Json::array({added(10, "<t>")})));
  EXPECT_EQ(ids(*t, "ab<t>c"), (Ids{7, 4, 5, 6, 2}));
  EXPECT_EQ(ids(*t, "ab<t>c", {.parse_special = true}), (Ids{7, 10, 2}));
}

TEST(Tokenizer, ReadsLiteralRangesAsText) {
  const auto t = open(small(Json::array({added(10, "<t>")})));
  const std::string text = "<t>a<t>b<t>";
  const ByteRange middle[] = {{4, 7}};
  EXPECT_EQ(ids(*t, text, {.parse_special = true, .literal = middle}), (Ids{10, 0, 4, 5, 6, 1, 10}));
  const ByteRange touching[] = {{2, 5}};  // one byte of each
  EXPECT_EQ(ids(*t, text, {.parse_special = true, .literal = touching}), (Ids{4, 5, 6, 0, 4, 5, 6, 1, 10}));
  const ByteRange all[] = {{0, 5}, {3, 9}, {9, 100}};
  EXPECT_EQ(ids(*t, text, {.parse_special = true, .literal = all}), ids(*t, text));
}

TEST(Tokenizer, AShorterTokenBeforeALiteralRangeIsStillRecognised) {
  const auto t = open(small(Json::array({added(10, "<t>"), added(11, "<t>a")})));
  const ByteRange last[] = {{3, 4}};
  EXPECT_EQ(ids(*t, "<t>a", {.parse_special = true}), (Ids{11}));
  EXPECT_EQ(ids(*t, "<t>a", {.parse_special = true, .literal = last}), (Ids{10, 0}));
}

TEST(Tokenizer, HonoursTheFlagsOfAddedTokens) {
  const auto stripping = open(small(Json::array({added(10, "<t>", {{"lstrip", true}, {"rstrip", true}})})));
  EXPECT_EQ(ids(*stripping, "a  <t>  b", {.parse_special = true}), (Ids{0, 10, 1}));
  const auto word = open(small(Json::array({added(10, "cc", {{"single_word", true}})})));
  EXPECT_EQ(ids(*word, "cc acc cc", {.parse_special = true}), (Ids{10, 3, 0, 2, 2, 3, 10}));
}

TEST(Tokenizer, RunsOfWhiteSpaceStayTokensInTypedText) {
  const auto t = open(small(Json::array({added(10, "<t>"), added(11, "   ", {{"special", false}})})));
  EXPECT_EQ(ids(*t, "a   <t>"), (Ids{0, 11, 4, 5, 6}));
}

TEST(Tokenizer, AWholeWordModelDoesNotSpellMarkup) {
  Json json = small(Json::array({added(9, "<t>")}));
  json["model"]["ignore_merges"] = true;
  json["model"]["vocab"].erase("x9");
  json["model"]["vocab"]["<t>"] = 9;  // a word of the model itself
  const auto t = open(json);
  EXPECT_EQ(ids(*t, "<t>"), (Ids{4, 5, 6}));
  EXPECT_EQ(ids(*t, "<t>", {.parse_special = true}), (Ids{9}));
}

TEST(Tokenizer, NamesTheByteThatIsNotUtf8) {
  const auto t = open(small(Json::array()));
  const auto r = t->encode("ab\xFF");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::invalid);
  EXPECT_NE(r.error().message.find("byte 2"), std::string::npos) << r.error().message;
}

TEST(Tokenizer, ReadsSpecialTextsAndEndTokensBesideIt) {
  Folder folder;
  folder.write("tokenizer.json", dump_json(small(Json::array({added(10, "<t>"), added(11, "<e>")}))));
  folder.write(
      "tokenizer_config.json",
      R"({"bos_token": {"content": "<t>"}, "eos_token": "<e>", "pad_token": null, "extra_special_tokens": {"image_token": "a"}})");
  folder.write("generation_config.json", R"({"eos_token_id": [10, 4294967296, -1]})");
  auto t = Tokenizer::open(folder.path());
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ((*t)->special_text("bos_token"), "<t>");
  EXPECT_EQ((*t)->special_text("image_token"), "a");
  EXPECT_FALSE((*t)->special_text("pad_token"));
  EXPECT_EQ((*t)->end_tokens(), (Ids{10, 11}));
  EXPECT_EQ((*t)->markup(), (std::vector<std::string>{"<t>", "<e>"}));
  EXPECT_EQ((*t)->id_of("ab"), 7);
  EXPECT_FALSE((*t)->id_of("zz"));
  EXPECT_TRUE((*t)->is_special(10));
  EXPECT_EQ((*t)->bytes_of(3), " ");
  EXPECT_EQ((*t)->bytes_of(99), "");
  EXPECT_EQ((*t)->decode(Ids{7, 10, 3, 2, -5, 99}), "ab c");
  EXPECT_EQ((*t)->decode(Ids{7, 10, 3, 2}, false), "ab<t> c");
}

TEST(F17_Tokenizer, OptionalFilesStopNothing) {
  for (const char* broken : {"", "{", "[1]", "{\"eos_token\": \"<e>\"", "{\"model_max_length\": Infinity}"}) {
    Folder folder;
    folder.write("tokenizer.json", dump_json(small(Json::array({added(10, "<t>"), added(11, "<e>")}))));
    folder.write("special_tokens_map.json", R"({"eos_token": "<e>"})");
    for (const char* file : {"tokenizer_config.json", "generation_config.json", "config.json"})
      folder.write(file, broken);
    const auto t = Tokenizer::open(folder.path());
    ASSERT_TRUE(t) << broken << t.error().message;
    EXPECT_EQ((*t)->end_tokens(), (Ids{11})) << broken;
  }
}

TEST(F05_Tokenizer, FilesAreKnownByTheirContent) {
  Folder folder;
  GgufBytes g;
  g.key("tokenizer.ggml.model", "gpt2").key("tokenizer.ggml.pre", "gpt-2");
  g.key("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b"});
  g.key("tokenizer.ggml.merges", std::vector<std::string>{});
  for (const char* name : {"sha256-ab", "m.gguf?download=true", "M.GGUF", "tokenizer.json", "m.jinja"})
    EXPECT_TRUE(Tokenizer::open(folder.write(name, g.bytes()))) << name;
  Folder blobs;
  blobs.write("sha256-ab", g.bytes());
  EXPECT_TRUE(Tokenizer::open(blobs.path()));
  const auto said = [&](const char* name, const std::string& bytes) {
    const auto t = Tokenizer::open(folder.write(name, bytes));
    return t ? "" : t.error().message;
  };
  EXPECT_NE(said("x.gguf", "<html>").find("is an HTML page"), std::string::npos);
  EXPECT_NE(said("x.safetensors", "").find("give the folder"), std::string::npos);
}

TEST(Tokenizer, BrokenFilesAreErrors) {
  const std::string good = dump_json(small(Json::array({added(10, "<t>")})));
  Folder folder;
  const auto refused = [&](const std::string& text) {
    const auto t = Tokenizer::open(folder.write("tokenizer.json", text));
    return !t && !t.error().message.empty();
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("null"));
  EXPECT_TRUE(refused(std::string(100000, '[')));
  for (size_t n = 1; n < good.size(); n += 7) EXPECT_TRUE(refused(good.substr(0, n))) << n;
  Json lies = small(Json::array());
  lies["model"]["merges"] = Json::array({Json::array({"a", "zz"})});
  EXPECT_TRUE(refused(dump_json(lies)));
  lies = small(Json::array());
  lies["model"]["vocab"]["a"] = 4000000000u;
  EXPECT_TRUE(refused(dump_json(lies)));
  EXPECT_EQ(Tokenizer::open(folder.path() / "absent").error().code, Code::not_found);
  Folder empty;
  EXPECT_EQ(Tokenizer::open(empty.path()).error().code, Code::not_found);
}

// Every spelling of every added token, typed into each real tokenizer that is here.
TEST(Tokenizer, TypedMarkupStaysTextInEveryModel) {
  int checked = 0;
  for (const char* name : {"qwen3", "qwen2.5", "gemma3", "deepseek-v3", "deepseek-v4"}) {
    const auto file = tokenizer_folder(name) / "tokenizer.json";
    if (!fs::exists(file)) continue;
    auto opened = Tokenizer::open(file);
    ASSERT_TRUE(opened) << opened.error().message;
    const Tokenizer& t = **opened;
    ++checked;
    const std::vector<std::string> spellings = t.markup();
    for (size_t i = 0; i < spellings.size(); i += 1 + spellings.size() / 1500) {
      const std::string& spelling = spellings[i];
      const auto markup = t.id_of(spelling);
      ASSERT_TRUE(markup) << spelling;
      const std::string text = "x " + spelling + spelling + "y";
      const ByteRange all[] = {{0, text.size()}};
      const Ids typed = ids(t, text, {.add_special = false});
      EXPECT_EQ(std::count(typed.begin(), typed.end(), *markup), 0) << name << " " << spelling;
      EXPECT_EQ(ids(t, text, {.add_special = false, .parse_special = true, .literal = all}), typed)
          << spelling;
      EXPECT_EQ(t.decode(typed, false), text) << name;
    }
  }
  if (checked == 0) GTEST_SKIP() << "no tokenizer files; run tests/fetch_tokenizers";
}

}  // namespace
}  // namespace autark::text

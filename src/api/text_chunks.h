// The JSON of stream chunks that differ in one text only. What surrounds the text is printed once for each
// choice, because printing it costs several times what the text costs. Not thread-safe.
#pragma once
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include "base/json.h"

namespace autark::api {

class TextChunks {
 public:
  // `key`: the field that holds the text; every chunk has it once.
  explicit TextChunks(std::string_view key) : gap_("\"" + std::string(key) + "\":\"\"") {}
  // The chunk of `choice` with `text`. `empty` returns the same chunk, as a Json, with an empty text.
  template <class Empty>
  std::string with(int choice, const std::string& text, Empty empty) {
    const auto [at, is_new] = around_.try_emplace(choice);
    if (is_new) at->second = cut(dump_json(empty()));
    std::string out;
    out.reserve(at->second.before.size() + text.size() + at->second.after.size() + 16);
    out += at->second.before;
    append_quoted(out, text);
    out += at->second.after;
    return out;
  }

 private:
  struct Around {
    std::string before, after;
  };
  // As dump_json() prints it. Plain ASCII, which is most text, has nothing to escape.
  static void append_quoted(std::string& out, const std::string& text) {
    const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
    if (!std::ranges::all_of(text, is_plain)) return void(out += dump_json(text));
    out.append("\"").append(text).append("\"");
  }
  Around cut(const std::string& whole) const {
    const size_t end = whole.find(gap_) + gap_.size();
    return {whole.substr(0, end - 2), whole.substr(end)};
  }

  std::string gap_;  // the field with an empty text; within a JSON string its quotes would be escaped
  std::map<int, Around> around_;
};

}  // namespace autark::api

// Helpers of the parsers. PieceList collects the pieces of one push and joins neighbours of the same kind and
// call. TextGate removes the newlines that belong to markup. Private to text/.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "text/output_parser.h"

namespace autark::text {

class PieceList {
 public:
  void add(OutputPiece::Kind kind, int call, std::string_view text) {
    const bool joins = kind != OutputPiece::Kind::call && kind != OutputPiece::Kind::call_end;
    if (joins && text.empty()) return;
    if (joins && !pieces_.empty() && pieces_.back().kind == kind && pieces_.back().call == call)
      pieces_.back().text += text;
    else
      pieces_.push_back({kind, call, std::string(text)});
  }
  std::vector<OutputPiece> take() { return std::exchange(pieces_, {}); }

 private:
  std::vector<OutputPiece> pieces_;
};

// A filter for text before it is given out. Drops newlines at the start if begin() says so. Other newlines
// are held back until it is known whether markup follows that removes them (drop). If the text before and
// after removed markup would join to one of `forbidden`, the byte that would complete it is left out.
class TextGate {
 public:
  explicit TextGate(std::span<const std::string_view> forbidden = {}) : forbidden_(forbidden) {}

  void begin(bool drop_leading) { at_start_ = drop_leading, waiting_ = 0; }
  // Begins content after reasoning, or the other way round. The new text does not join with the old one.
  void begin_other_kind() {
    begin(true);
    given_.clear();
  }
  void push(std::string_view text, std::string& out) {
    for (const char c : text) {
      if (c == '\n') {
        waiting_ += at_start_ ? 0 : 1;
        continue;
      }
      at_start_ = false;
      flush(out);
      if (may_follow(c)) out += c;
    }
  }
  // Gives out text unchanged, without the check for `forbidden`.
  void push_verbatim(std::string_view text, std::string& out) {
    if (text.empty()) return;
    at_start_ = false;
    flush(out);
    given_.clear();
    out += text;
  }
  void flush(std::string& out) {
    if (waiting_) given_.clear();
    out.append(std::exchange(waiting_, 0), '\n');
  }
  void drop() { waiting_ = 0; }

 private:
  bool may_follow(char c) {
    given_ += c;
    for (const std::string_view f : forbidden_)
      if (given_.ends_with(f)) return given_.pop_back(), false;
    if (given_.size() > 64) given_.erase(0, given_.size() - 32);
    return true;
  }

  std::span<const std::string_view> forbidden_;
  bool at_start_ = false;
  size_t waiting_ = 0;
  std::string given_;  // the end of the text given out, longer than any of `forbidden`
};

}  // namespace autark::text

// The pieces that one push of an OutputParser gives: neighbours of the same kind and call are joined. Text
// goes through a TextGate first, which knows which newlines belong to the markup around it. Private to
// text/.
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

// Text on its way out. Newlines at its start are dropped if so told; others wait until it is known whether
// markup that takes them along follows. Where the text around something that was dropped would join to one of
// `forbidden`, the byte that completes it is left out.
class TextGate {
 public:
  explicit TextGate(std::span<const std::string_view> forbidden = {}) : forbidden_(forbidden) {}

  void begin(bool drop_leading) { at_start_ = drop_leading, waiting_ = 0; }
  // Content after reasoning, or the other way round: what goes out does not join with what went before.
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
  // As it is, whatever it joins to.
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
  std::string given_;  // the end of what went out: longer than any of `forbidden`
};

}  // namespace autark::text

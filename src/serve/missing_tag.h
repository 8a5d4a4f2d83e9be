// Some models of the Hermes family (Qwen2.5-Coder) write a call without its tag: an answer that begins with
// {"name": "NAME", … where NAME is a tool on offer, perhaps inside ``` fences, one after the other. The tag
// is put back, so that the parser sees a call. Whatever cannot become one passes as soon as that is known.
// Belongs to one answer.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace autark::serve {

class MissingTag {
 public:
  // No names: everything passes.
  explicit MissingTag(std::vector<std::string> names) : names_(std::move(names)), looking_(!names_.empty()) {}

  void push(std::string_view text) { held_ += text; }
  // What the parser is to read next; empty: nothing for now. A piece does not reach beyond a brace that may
  // end a call, so that call_ended() can be told in between.
  std::optional<std::string> next();
  void call_ended();     // the parser saw the end of a call: another may follow
  std::string finish();  // what was held back

 private:
  enum class Match { no, maybe, yes };
  Match match();

  const std::vector<std::string> names_;
  bool looking_, inserted_ = false;
  std::string held_;
  size_t fence_end_ = 0, brace_at_ = 0;  // in held_: behind the first fence; where the call begins
};

}  // namespace autark::serve

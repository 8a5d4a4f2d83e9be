// Some models of the Hermes family (Qwen2.5-Coder) leave the <tool_call> tag out: the answer begins with
// {"name": "NAME", … where NAME is one of the request's tools, possibly inside ``` fences, and more such
// calls may follow. This filter inserts the tag, so that the parser sees a call. Other text passes unchanged
// as soon as it can no longer become such a call. Not thread-safe; one object per answer.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace autark::serve {

class BareCallRepair {
 public:
  // `names`: the request's tools. Without names all text passes unchanged.
  explicit BareCallRepair(std::vector<std::string> names)
      : names_(std::move(names)), looking_(!names_.empty()) {}

  void push(std::string_view text) { held_ += text; }  // adds text of the answer
  // The next piece for the parser; nullopt if more text is needed. A piece ends at each brace and line end,
  // which may end a call, so that the caller can report it with call_ended() before the next piece.
  std::optional<std::string> next();
  void call_ended();     // the parser has read a complete call: look for another one
  std::string finish();  // returns what was held back, at the end of the answer

 private:
  enum class Match { no, maybe, yes };
  Match match();

  const std::vector<std::string> names_;
  bool looking_, inserted_ = false;
  std::string held_;
  size_t fence_end_ = 0, brace_at_ = 0;  // offsets in held_: after the first fence, and of the call's brace
};

}  // namespace autark::serve

// Prompt lookup: finds where the last tokens of a text occurred before in it, to draft what followed there. The
// text is a request's prediction, its prompt and its answer. Answers that edit or quote repeat long passages.
//
//   text:  … a b c d e f … x b c d      match: "b c d" before "e", length 3      drafts: e f …
//
// A match goes on as long as the text does what followed it; else up to kTries earlier places of the last kGram
// tokens are compared, and the longest match is taken, the latest of equal ones. So a token costs a bounded time.
// Deterministic; not thread-safe.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace autark::engine {

class LookupIndex {
 public:
  static constexpr int kGram = 3;                        // tokens of the shortest match
  static constexpr int kLengthMax = 32;                  // longer matches count as so long
  static constexpr int64_t kTextMax = int64_t{1} << 20;  // tokens; a longer text has no matches any more
  // `prediction`: what the answer may repeat; `expected`: about how many tokens the text will have.
  LookupIndex(std::span<const int32_t> prediction, int64_t expected);

  // Takes up the tokens that are new. `tokens`: all of prompt and answer, which only grow.
  void extend(std::span<const int32_t> tokens);
  int match_length() const { return match_.length; }  // 0: the last tokens did not occur before
  // Up to `most` tokens that followed the match. A passage that ends with the text itself is repeated.
  std::vector<int32_t> following(int64_t most) const;

 private:
  static constexpr int kTries = 8;
  struct Match {
    int64_t next = 0;  // place of the token that followed
    int length = 0;
  };
  void push(int32_t token);
  size_t slot_of_last() const;
  Match longest(size_t slot) const;
  int common(int64_t end) const;

  std::vector<int32_t> text_;
  int64_t taken_ = 0;              // of the tokens of extend()
  std::vector<int32_t> latest_;    // by slot: where the last kGram tokens with this hash ended; 0: nowhere
  std::vector<int32_t> previous_;  // by place: the end before it in the same slot
  Match match_;
};

}  // namespace autark::engine

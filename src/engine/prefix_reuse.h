// Reuse of the state of earlier requests: what a request may say about its prompt, and what it is told.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace autark::engine {

// Where the state came from.
enum class Tier : uint8_t { none, memory, disk };
// Why not more was reused.
enum class Why : uint8_t {
  complete,      // all that is possible was reused
  differs,       // the nearest entry of the domain has another token at `at`
  expired,       // it was stored, kept as long as its request had asked for, and then evicted
  evicted,       // it was stored, and its memory was needed
  never_stored,  // the nearest entry of the domain ends before
  other_model    // stored by another model or program (disk only)
};
inline constexpr int kTiers = 3, kWhys = 6;
const char* name_of(Tier t);  // "none" …, as in headers and metrics
const char* name_of(Why w);

// How much of a prompt was reused. All counts are tokens.
struct PrefixReuse {
  int64_t read = 0;      // taken from an entry, not computed
  int64_t possible = 0;  // the prompt less its last token, rounded down to a block
  Tier tier = Tier::none;
  Why why = Why::complete;
  // The first token that the nearest entry of the domain does not have, or whose state is not there. Unset:
  // complete.
  std::optional<int64_t> at;
  // With Why::differs and PrefixHints::diagnostics: the tokens from `at` on, of the prompt and of that entry.
  std::vector<int32_t> own = {}, other = {};
  static constexpr int kShownMax = 40;  // tokens of each
};

// Prompt tokens by what became of them. `none`: those of `possible` that were computed.
struct PrefixTokens {
  uint64_t by[kTiers][kWhys] = {};  // [Tier][Why]
  void add(const PrefixReuse& r) {
    if (r.tier != Tier::none) by[int(r.tier)][int(r.why)] += uint64_t(r.read);
    by[int(Tier::none)][int(r.why)] += uint64_t(r.possible - r.read);
  }
};

// What a request says about its prompt. Times are seconds of one clock of the caller; zero: unknown.
struct PrefixHints {
  // Requests share state only with requests of the same domain. Opaque; empty: the common domain.
  std::string domain;
  // The first tokens of the prompt that requests of all domains may share.
  int64_t public_tokens = 0;
  // Positions in the prompt behind which other texts are likely to follow, for example the end of the last
  // message. At most kMarksMax are used.
  std::vector<int64_t> marks;
  float value = 1;           // 2: as valuable as an entry of twice the size; within [1/16, 16]
  int64_t arrived = 0;       // when the request arrived
  int64_t keep_until = 0;    // until then its entries are worth four times as much
  bool diagnostics = false;  // fill in PrefixReuse::own and other
  static constexpr int kMarksMax = 8;
};

}  // namespace autark::engine

#include "serve/bare_call_repair.h"
#include <algorithm>
#include <cctype>
#include <utility>

namespace autark::serve {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kFence = "```";

// Compares the beginning of a text. `wrong`: it differs; `short_of`: it is too short to decide.
struct Beginning {
  std::string_view text;
  size_t at = 0;
  bool short_of = false, wrong = false;

  void space() { at = std::min(text.size(), text.find_first_not_of(kSpace, at)); }
  void word(std::string_view w) {
    const std::string_view rest = text.substr(at, w.size());
    if (!w.starts_with(rest)) wrong = true;
    if (rest.size() < w.size()) short_of = true;
    at += rest.size();
  }
  void fence() {
    const std::string_view rest = text.substr(at, kFence.size());
    if (rest.empty() || !kFence.starts_with(rest)) return;
    word(kFence);
    while (at < text.size() && std::isalpha(static_cast<unsigned char>(text[at]))) ++at;
    space();
  }
  bool settled() const { return short_of || wrong; }
};

bool only_space_and_fences(std::string_view text) {
  return text.find_first_not_of(" \t\r\n`") == text.npos;
}

}  // namespace

// Whether held_ begins with a call without its tag. Sets fence_end_ and brace_at_.
BareCallRepair::Match BareCallRepair::match() {
  Beginning b{held_};
  b.space();
  b.fence();
  fence_end_ = b.at;
  if (inserted_) b.fence();  // the first fence closed the last call, this one opens the next
  brace_at_ = b.at;
  for (const std::string_view w : {"{", "\"name\"", ":"}) {
    if (!b.settled()) b.word(w);
    b.space();
  }
  if (!b.settled()) b.word("\"");
  if (b.settled()) return b.wrong ? Match::no : Match::maybe;
  const std::string_view name = b.text.substr(b.at);
  Match best = Match::no;
  for (const std::string& n : names_) {
    if (name.starts_with(n + "\"")) return Match::yes;
    if ((n + "\"").starts_with(name)) best = Match::maybe;
  }
  return best;
}

// The tag replaces everything before the brace, so a fence there is removed.
std::optional<std::string> BareCallRepair::next() {
  if (looking_) {
    const Match m = match();
    if (m == Match::maybe) return {};
    looking_ = false;
    if (m == Match::yes)
      held_.replace(0, brace_at_, "<tool_call>\n");
    else if (inserted_)
      held_.erase(0, fence_end_);
    inserted_ |= m == Match::yes;
  }
  if (held_.empty()) return {};
  const size_t end = inserted_ ? held_.find_first_of("}\n") : held_.npos;
  std::string piece = held_.substr(0, end == held_.npos ? end : end + 1);
  held_.erase(0, piece.size());
  return piece;
}

void BareCallRepair::call_ended() {
  looking_ = inserted_;
}

// A closing fence after the last call is dropped.
std::string BareCallRepair::finish() {
  if (looking_ && inserted_ && only_space_and_fences(held_)) held_.clear();
  return std::exchange(held_, {});
}

}  // namespace autark::serve

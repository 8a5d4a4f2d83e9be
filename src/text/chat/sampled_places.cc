#include "text/chat/sampled_places.h"
#include <algorithm>

namespace autark::text {
namespace {

constexpr size_t kScanMost = 64 << 20;  // bytes that are looked at for one prompt

// True if the opening at [from, begin) and the markup at `end` are the template's own, not spelled by a message.
bool is_own(const Prompt& p, size_t from, size_t begin, size_t end) {
  return std::ranges::none_of(p.literal, [&](const ByteRange& r) {
    return (r.begin < begin && r.end > from) || (r.begin <= end && r.end > end);
  });
}

}  // namespace

void place_sampled(Prompt& prompt, const Conversation& c, std::string_view opening, const Spellings& markup) {
  if (opening.empty()) return;
  const std::string_view text = prompt.text;
  size_t at = 0, scanned = 0;
  for (const auto& turn : c.sampled) {
    if (!turn || !turn->reasoning.ids.empty() || turn->answer.ids.empty()) continue;
    const std::string wanted = std::string(opening) + turn->answer.text;
    for (size_t found = at; scanned < kScanMost; ++found) {
      const size_t from = found;
      found = text.find(wanted, from);
      scanned += std::min(found, text.size()) - from + wanted.size();
      if (found == text.npos) break;
      const size_t begin = found + opening.size(), end = found + wanted.size();
      if (end == text.size() || markup.end_at(text, end) == end || !is_own(prompt, found, begin, end))
        continue;
      prompt.sampled.push_back({{begin, end}, turn->answer.ids});
      at = end;
      break;
    }
  }
}

}  // namespace autark::text

#include "engine/lookup_index.h"
#include <algorithm>
#include <bit>

namespace autark::engine {
namespace {

constexpr int32_t kGap = -1;  // between the prediction and the prompt; never drafted
constexpr int64_t kSlotsMin = 1 << 10, kSlotsMax = 1 << 17;

}  // namespace

LookupIndex::LookupIndex(std::span<const int32_t> prediction, int64_t expected)
    : latest_(std::bit_ceil(uint64_t(std::clamp(expected, kSlotsMin, kSlotsMax)))) {
  for (const int32_t token : prediction.first(std::min(prediction.size(), size_t(kTextMax / 2)))) push(token);
  if (!prediction.empty()) push(kGap);
}

void LookupIndex::extend(std::span<const int32_t> tokens) {
  for (; taken_ < std::ssize(tokens) && std::ssize(text_) < kTextMax; ++taken_) push(tokens[taken_]);
  if (taken_ < std::ssize(tokens)) match_ = {};
}

void LookupIndex::push(int32_t token) {
  const bool goes_on = match_.length > 0 && text_[match_.next] == token;
  text_.push_back(token);
  previous_.push_back(0);
  match_ = goes_on ? Match{match_.next + 1, std::min(match_.length + 1, kLengthMax)} : Match{};
  if (std::ssize(text_) < kGram) return;
  const size_t slot = slot_of_last();
  if (!goes_on) match_ = longest(slot);
  previous_.back() = latest_[slot];
  latest_[slot] = int32_t(text_.size());
}

size_t LookupIndex::slot_of_last() const {
  uint64_t hash = 0;
  for (auto t = text_.end() - kGram; t != text_.end(); ++t) hash = (hash ^ uint32_t(*t)) * 0x9e3779b97f4a7c15;
  return (hash >> 32) & (latest_.size() - 1);
}

LookupIndex::Match LookupIndex::longest(size_t slot) const {
  Match best;
  int64_t end = latest_[slot];
  for (int i = 0; i < kTries && end > 0; ++i, end = previous_[end - 1]) {
    const int length = common(end);
    if (length >= kGram && length > best.length) best = {end, length};
  }
  return best;
}

// How many tokens before `end` equal the last ones of the text.
int LookupIndex::common(int64_t end) const {
  const int64_t most = std::min<int64_t>(end, kLengthMax), last = std::ssize(text_) - 1;
  int n = 0;
  while (n < most && text_[end - 1 - n] == text_[last - n]) ++n;
  return n;
}

std::vector<int32_t> LookupIndex::following(int64_t most) const {
  std::vector<int32_t> tokens;
  if (match_.length == 0) return tokens;
  const int64_t period = std::ssize(text_) - match_.next;
  for (int64_t i = 0; i < most; ++i) {
    const int32_t token = text_[match_.next + i % period];
    if (token == kGap) break;
    tokens.push_back(token);
  }
  return tokens;
}

}  // namespace autark::engine

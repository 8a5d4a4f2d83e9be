#include "text/chat/prompt_writer.h"
#include <algorithm>
#include <set>

namespace autark::text {

Spellings::Spellings(std::vector<std::string> all) : sorted_(std::move(all)) {
  std::set<size_t, std::greater<>> lengths;
  std::erase(sorted_, "");
  std::ranges::sort(sorted_);
  for (const std::string& s : sorted_) {
    lengths.insert(s.size());
    begins_[static_cast<unsigned char>(s[0])] = true;
  }
  lengths_.assign(lengths.begin(), lengths.end());
}

size_t Spellings::end_at(std::string_view text, size_t at) const {
  if (!begins_[static_cast<unsigned char>(text[at])]) return at;
  for (const size_t length : lengths_) {
    const std::string_view piece = text.substr(at, length);
    if (piece.size() == length && std::ranges::binary_search(sorted_, piece, std::less<>()))
      return at + length;
  }
  return at;
}

void PromptWriter::typed(std::string_view text) {
  if (text.empty()) return;
  const ByteRange r{text_.size(), text_.size() + text.size()};
  if (!typed_.empty() && typed_.back().end == r.begin)
    typed_.back().end = r.end;
  else
    typed_.push_back(r);
  text_ += text;
}

void PromptWriter::sampled(std::string_view text, std::vector<int32_t> ids) {
  if (ids.empty()) return;
  sampled_.push_back({{text_.size(), text_.size() + text.size()}, std::move(ids)});
  text_ += text;
}

Prompt PromptWriter::take(const Spellings& spellings) {
  Prompt p;
  for (const ByteRange& r : typed_)
    for (size_t at = r.begin; at < r.end; ++at) {
      const size_t end = spellings.end_at(text_, at);
      if (end == at) continue;
      if (!p.literal.empty() && p.literal.back().end > at)
        p.literal.back().end = std::max(p.literal.back().end, end);
      else
        p.literal.push_back({at, end});
    }
  p.text = std::move(text_);
  p.sampled = std::move(sampled_);
  return p;
}

}  // namespace autark::text

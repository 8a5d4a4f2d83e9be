#include "text/tools/heading.h"
#include <algorithm>

namespace autark::text {
namespace {

constexpr std::string_view kChannel = "<|channel|>", kTo = "to=", kEnds = " \t\r\n<";

std::string word_at(std::string_view text, size_t from) {
  return std::string(text.substr(from, std::min(text.find_first_of(kEnds, from), text.size()) - from));
}

}  // namespace

Heading read_heading(std::string_view written) {
  Heading h;
  if (const size_t at = written.find(kChannel); at != written.npos) {
    h.channel = word_at(written, at + kChannel.size());
    h.rest = written.substr(at + kChannel.size() + h.channel.size());
  }
  if (const size_t to = written.find(kTo); to != written.npos) {
    h.recipient = word_at(written, to + kTo.size());
    h.rest.clear();
  }
  if (h.recipient == "assistant" || h.recipient == "user" || h.recipient == "all") h.recipient.clear();
  h.rest.erase(0, h.rest.find_first_not_of(" \n"));
  return h;
}

bool may_be_heading(std::string_view text) {
  constexpr std::string_view kBefore = " to=";
  return kBefore.starts_with(text) || text.starts_with(kBefore);
}

}  // namespace autark::text

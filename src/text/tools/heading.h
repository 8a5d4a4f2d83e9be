// The heading of a harmony message, for example
//   <|start|>assistant<|channel|>commentary to=functions.NAME <|constrain|>json
// with the recipient before or after the channel. Private to text/.
#pragma once
#include <string>
#include <string_view>

namespace autark::text {

struct Heading {
  std::string channel;    // analysis, commentary or final; may be empty
  std::string recipient;  // the tool that is called; empty: the message is for the user
  std::string rest;       // text after the channel that belongs to no heading: a heading without its end
};
Heading read_heading(std::string_view written);

// True if `text` can be the beginning of a heading after "<|start|>assistant", without a marker.
bool may_be_heading(std::string_view text);

}  // namespace autark::text

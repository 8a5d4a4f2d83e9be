// Names of calls as models write them, and how far a name alone makes a call. Private to text/.
#pragma once
#include <string_view>
#include "text/tool_types.h"

namespace autark::text {

enum class Standing {
  offered,  // the name of one of the request's tools
  open,     // the tools are not known
  strange   // none of the request's tools has this name
};
// `types` may be null.
Standing standing_of(std::string_view name, const ToolTypes* types);

// False if it has a character that no name has: white space, a bracket, a quote.
bool is_name(std::string_view text);
// A name that prose would hardly have in this place: letters, digits and _-.:/, not only signs.
bool is_plain_name(std::string_view text);
// True if `begun` may be the beginning of the name of a call.
bool may_begin_name(std::string_view begun, const ToolTypes* types);

// The name in functions.NAME or functions.NAME:INDEX.
std::string_view without_prefix(std::string_view name);

}  // namespace autark::text

// The tool-call and reasoning markup of a model family, as data. A family that only spells its markers in
// another way is another table, not another parser. All texts have static lifetime; immutable, thread-safe.
#pragma once
#include <span>
#include <string_view>
#include "text/output_parser.h"

namespace autark::text {

// What a marker says. `inner` markers count only between the opening and the end of a block of calls;
// elsewhere their spelling is ordinary text.
enum class Mark : uint8_t {
  think,       // reasoning begins
  think_end,   // content begins
  frame,       // begins the content and says nothing
  frame_end,   // ends what `frame` has begun
  turn_end,    // ends the answer
  block,       // calls begin
  block_end,   // calls end
  call,        // one call begins: its name follows, or its JSON object
  call_end,    // one call ends
  call_id,     // the name ends, an id that is not read follows
  separator,   // the name, the id or the word before the name ends
  key,         // a parameter's name begins
  key_end,     // a parameter's name ends
  value,       // a parameter's value begins
  value_end,   // a parameter's value ends
  heading,     // the heading of a message begins or goes on (harmony)
  message,     // the heading ends, the message's text begins (harmony)
  message_end  // the message ends (harmony)
};
struct Marker {
  std::string_view text;
  Mark mark;
  bool inner = false;
};

// How the inside of a call is written.
enum class CallReader : uint8_t {
  none,    // another parser reads this syntax, or there are no calls
  object,  // {"name": …, "arguments": {…}}, or a list of such objects
  named,   // the name, a separator, then the arguments as a JSON object
  tagged   // the name, then a key and a value between markers for each argument
};

// What is written around a call, for prompts that force one and for grammars.
struct CallShape {
  std::string_view any;         // begins a call of any tool: the model goes on with the name or before it
  std::string_view named;       // begins a call whose name follows; empty: calls cannot be forced
  std::string_view after_name;  // from the name to the arguments, or to the first key
  std::string_view key = {}, after_key = {}, after_value = {};  // around an argument of a tagged call
  std::string_view call_end = {};                               // from the arguments to the end of the call
  std::string_view between = {};                                // from there to the next call's name
  std::string_view block_end = {};                              // after the last call
  bool json_name = false;                                       // the name is a JSON string, with its quotes
  bool json_arguments = false;                                  // the arguments are one JSON object
  bool loose_lines = false;                                     // line ends may be left out
};

struct Dialect {
  std::string_view name = {};  // as in `autark text parse`; empty: a variant without a name of its own
  CallReader reader = CallReader::none;
  std::span<const Marker> markers = {};
  CallShape shape = {};
  bool typed_calls = false;         // a word and a separator come before the name: "function"
  bool name_ends_line = false;      // a line end ends the name
  bool name_prefixed = false;       // the name is written as functions.NAME or functions.NAME:INDEX
  bool bare_object = false;         // an object at the start of the answer may be a call without any marker
  bool values_on_lines = false;     // one line end on each side of a value is markup
  bool thoughts_hold_calls = true;  // false: what looks like a call in reasoning is reasoning
  std::string_view evidence = {};   // a text that must be in a template of this dialect; may be empty
};

// The data of a syntax. `plain` has neither markers nor a name.
const Dialect& dialect_of(OutputSyntax syntax);
// The markers, for readers that must keep their tokens.
std::vector<std::string_view> markup_of(OutputSyntax syntax);

}  // namespace autark::text

// GLM 4.5 to 4.7. The later models write no line ends. Strings stand bare, other values as JSON.
//
//   <think>reasoning</think>content<tool_call>NAME
//   <arg_key>KEY</arg_key>
//   <arg_value>VALUE</arg_value>
//   </tool_call>
#include "text/tools/dialects/all.h"

namespace autark::text {
namespace {

constexpr Marker kMarkers[] = {
    {"<think>", Mark::think},         {"</think>", Mark::think_end},     {"<tool_call>", Mark::call},
    {"</tool_call>", Mark::call_end}, {"<arg_key>", Mark::key},          {"</arg_key>", Mark::key_end},
    {"<arg_value>", Mark::value},     {"</arg_value>", Mark::value_end}, {"<|observation|>", Mark::turn_end},
    {"<|user|>", Mark::turn_end}};

}  // namespace

constexpr Dialect kGlm4{.name = "glm4",
                        .reader = CallReader::tagged,
                        .markers = kMarkers,
                        .shape = {.any = "<tool_call>",
                                  .named = "<tool_call>",
                                  .after_name = "\n",
                                  .key = "<arg_key>",
                                  .after_key = "</arg_key>\n<arg_value>",
                                  .after_value = "</arg_value>\n",
                                  .call_end = "</tool_call>",
                                  .between = "\n<tool_call>",
                                  .loose_lines = true},
                        .name_ends_line = true,
                        .evidence = "<arg_key>"};

}  // namespace autark::text

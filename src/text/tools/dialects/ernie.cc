// ERNIE 4.5 Thinking: calls as Hermes models write them, plain answers inside <response>.
//
//   reasoning
//   </think>
//
//   <response>
//   content
//   </response>
//   <tool_call>
//   {"name": "NAME", "arguments": {…}}
//   </tool_call>
#include "text/tools/dialects/all.h"

namespace autark::text {
namespace {

constexpr Marker kMarkers[] = {{"<think>", Mark::think},    {"</think>", Mark::think_end},
                               {"<response>", Mark::frame}, {"</response>", Mark::frame_end},
                               {"<tool_call>", Mark::call}, {"</tool_call>", Mark::call_end}};

}  // namespace

constexpr Dialect kErnie{.name = "ernie",
                         .reader = CallReader::object,
                         .markers = kMarkers,
                         .shape = {.any = "<tool_call>\n{\"name\": ",
                                   .named = "<tool_call>\n{\"name\": ",
                                   .after_name = ", \"arguments\": ",
                                   .call_end = "}\n</tool_call>",
                                   .between = "\n<tool_call>\n{\"name\": ",
                                   .json_name = true,
                                   .json_arguments = true},
                         .evidence = "<response>"};

}  // namespace autark::text

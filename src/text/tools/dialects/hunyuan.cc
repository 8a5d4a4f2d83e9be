// Hunyuan (0.5B to 7B, A13B). What looks like a call in reasoning is none.
//
//   <think>
//   reasoning
//   </think>
//   <answer>
//   content
//   </answer><tool_calls>[{"name": "NAME", "arguments": {…}}, …]</tool_calls>
#include "text/tools/dialects/all.h"

namespace autark::text {
namespace {

constexpr Marker kMarkers[] = {{"<think>", Mark::think},      {"</think>", Mark::think_end},
                               {"<answer>", Mark::frame},     {"</answer>", Mark::frame_end},
                               {"<tool_calls>", Mark::block}, {"</tool_calls>", Mark::block_end}};

}  // namespace

constexpr Dialect kHunyuan{.name = "hunyuan",
                           .reader = CallReader::object,
                           .markers = kMarkers,
                           .shape = {.any = "<tool_calls>[{\"name\": ",
                                     .named = "<tool_calls>[{\"name\": ",
                                     .after_name = ", \"arguments\": ",
                                     .call_end = "}",
                                     .between = ", {\"name\": ",
                                     .block_end = "]</tool_calls>",
                                     .json_name = true,
                                     .json_arguments = true},
                           .thoughts_hold_calls = false};

}  // namespace autark::text

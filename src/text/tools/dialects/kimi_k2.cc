// Kimi K2. The name is a part of the call's id; models also write the block's markers in the singular.
//
//   <think>reasoning</think>content<|tool_calls_section_begin|>
//   <|tool_call_begin|>functions.NAME:INDEX<|tool_call_argument_begin|>{…}<|tool_call_end|>…
//   <|tool_calls_section_end|>
#include "text/tools/dialects/all.h"

namespace autark::text {
namespace {

constexpr Marker kMarkers[] = {{"<think>", Mark::think},
                               {"</think>", Mark::think_end},
                               {"<|tool_calls_section_begin|>", Mark::block},
                               {"<|tool_calls_section_end|>", Mark::block_end},
                               {"<|tool_call_section_begin|>", Mark::block},
                               {"<|tool_call_section_end|>", Mark::block_end},
                               {"<|tool_call_begin|>", Mark::call},
                               {"<|tool_call_end|>", Mark::call_end},
                               {"<|tool_call_argument_begin|>", Mark::separator},
                               {"<|im_end|>", Mark::turn_end}};

}  // namespace

constexpr Dialect kKimiK2{.name = "kimi_k2",
                          .reader = CallReader::named,
                          .markers = kMarkers,
                          .shape = {.any = "<|tool_calls_section_begin|><|tool_call_begin|>functions.",
                                    .named = "<|tool_calls_section_begin|><|tool_call_begin|>functions.",
                                    .after_name = ":0<|tool_call_argument_begin|>",
                                    .call_end = "<|tool_call_end|>",
                                    .between = "<|tool_call_begin|>functions.",
                                    .block_end = "<|tool_calls_section_end|>",
                                    .json_arguments = true},
                          .name_prefixed = true};

}  // namespace autark::text

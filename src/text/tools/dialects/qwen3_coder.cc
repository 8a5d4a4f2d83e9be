// Qwen3-Coder, Qwen3.5 and later. Models leave the outer tag out at times, so <function= also begins a call.
//
//   <think>
//   reasoning
//   </think>
//
//   content
//   <tool_call>
//   <function=NAME>
//   <parameter=KEY>
//   VALUE
//   </parameter>
//   </function>
//   </tool_call>
#include "text/tools/dialects/all.h"

namespace autark::text {
namespace {

constexpr Marker kMarkers[] = {{"<think>", Mark::think},
                               {"</think>", Mark::think_end},
                               {"<tool_call>", Mark::block},
                               {"</tool_call>", Mark::block_end},
                               {"<function=", Mark::call},
                               {"</function>", Mark::call_end, true},
                               {"<parameter=", Mark::key, true},
                               {">", Mark::key_end, true},
                               {"</parameter>", Mark::value_end, true}};

}  // namespace

constexpr Dialect kQwen3Coder{.name = "qwen3_coder",
                              .reader = CallReader::tagged,
                              .markers = kMarkers,
                              .shape = {.any = "<tool_call>\n<function=",
                                        .named = "<tool_call>\n<function=",
                                        .after_name = ">\n",
                                        .key = "<parameter=",
                                        .after_key = ">\n",
                                        .after_value = "\n</parameter>\n",
                                        .call_end = "</function>\n</tool_call>",
                                        .between = "\n<tool_call>\n<function="},
                              .values_on_lines = true,
                              .evidence = "<function="};

}  // namespace autark::text

// MiniMax M2. Only the tags around the block are tokens of their own; <invoke also begins a call without them.
//
//   <think>
//   reasoning
//   </think>
//
//   content
//   <minimax:tool_call>
//   <invoke name="NAME">
//   <parameter name="KEY">VALUE</parameter>
//   </invoke>
//   </minimax:tool_call>
#include "text/tools/dialects/all.h"

namespace autark::text {
namespace {

constexpr Marker kMarkers[] = {{"<think>", Mark::think},
                               {"</think>", Mark::think_end},
                               {"<minimax:tool_call>", Mark::block},
                               {"</minimax:tool_call>", Mark::block_end},
                               {"<invoke name=\"", Mark::call},
                               {"</invoke>", Mark::call_end, true},
                               {"<parameter name=\"", Mark::key, true},
                               {"\">", Mark::key_end, true},
                               {"</parameter>", Mark::value_end, true},
                               {"[e~[", Mark::turn_end}};

}  // namespace

constexpr Dialect kMinimaxM2{.name = "minimax_m2",
                             .reader = CallReader::tagged,
                             .markers = kMarkers,
                             .shape = {.any = "<minimax:tool_call>\n<invoke name=\"",
                                       .named = "<minimax:tool_call>\n<invoke name=\"",
                                       .after_name = "\">\n",
                                       .key = "<parameter name=\"",
                                       .after_key = "\">",
                                       .after_value = "</parameter>\n",
                                       .call_end = "</invoke>\n",
                                       .between = "<invoke name=\"",
                                       .block_end = "</minimax:tool_call>"},
                             .evidence = "<parameter name="};

}  // namespace autark::text

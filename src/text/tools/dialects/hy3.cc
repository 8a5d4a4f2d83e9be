// Hy3. Published files spell the markers with the suffix ":opensource"; both spellings are read.
//
//   <think>reasoning</think>content<tool_calls>
//   <tool_call>NAME<tool_sep>
//   <arg_key>KEY</arg_key>
//   <arg_value>VALUE</arg_value>
//   </tool_call>
//   </tool_calls>
#include "text/tools/dialects/all.h"

namespace autark::text {
namespace {

constexpr Marker kMarkers[] = {{"<think>", Mark::think},
                               {"</think>", Mark::think_end},
                               {"<tool_calls>", Mark::block},
                               {"</tool_calls>", Mark::block_end},
                               {"<tool_call>", Mark::call},
                               {"</tool_call>", Mark::call_end},
                               {"<tool_sep>", Mark::separator},
                               {"<arg_key>", Mark::key},
                               {"</arg_key>", Mark::key_end},
                               {"<arg_value>", Mark::value},
                               {"</arg_value>", Mark::value_end},
                               {"<think:opensource>", Mark::think},
                               {"</think:opensource>", Mark::think_end},
                               {"<tool_calls:opensource>", Mark::block},
                               {"</tool_calls:opensource>", Mark::block_end},
                               {"<tool_call:opensource>", Mark::call},
                               {"</tool_call:opensource>", Mark::call_end},
                               {"<tool_sep:opensource>", Mark::separator},
                               {"<arg_key:opensource>", Mark::key},
                               {"</arg_key:opensource>", Mark::key_end},
                               {"<arg_value:opensource>", Mark::value},
                               {"</arg_value:opensource>", Mark::value_end}};

}  // namespace

constexpr Dialect kHy3{.name = "hy3",
                       .reader = CallReader::tagged,
                       .markers = kMarkers,
                       .shape = {.any = "<tool_calls>\n<tool_call>",
                                 .named = "<tool_calls>\n<tool_call>",
                                 .after_name = "<tool_sep>\n",
                                 .key = "<arg_key>",
                                 .after_key = "</arg_key>\n<arg_value>",
                                 .after_value = "</arg_value>\n",
                                 .call_end = "</tool_call>\n",
                                 .between = "<tool_call>",
                                 .block_end = "</tool_calls>"},
                       .evidence = "<tool_calls>"};

// The spelling of the published checkpoints.
constexpr Dialect kHy3Opensource{.name = {},
                                 .reader = CallReader::tagged,
                                 .markers = kMarkers,
                                 .shape = {.any = "<tool_calls:opensource>\n<tool_call:opensource>",
                                           .named = "<tool_calls:opensource>\n<tool_call:opensource>",
                                           .after_name = "<tool_sep:opensource>\n",
                                           .key = "<arg_key:opensource>",
                                           .after_key = "</arg_key:opensource>\n<arg_value:opensource>",
                                           .after_value = "</arg_value:opensource>\n",
                                           .call_end = "</tool_call:opensource>\n",
                                           .between = "<tool_call:opensource>",
                                           .block_end = "</tool_calls:opensource>"},
                                 .evidence = ":opensource"};

}  // namespace autark::text

// Mistral. Either form is read; a template decides which one its model is made to write.
//
//   [THINK]reasoning[/THINK]content[TOOL_CALLS]NAME[CALL_ID]ID[ARGS]{…}
//   [TOOL_CALLS][{"name": "NAME", "arguments": {…}, "id": "ID"}, …]
#include "text/tools/dialects/all.h"

namespace autark::text {
namespace {

constexpr Marker kMarkers[] = {{"[THINK]", Mark::think},
                               {"[/THINK]", Mark::think_end},
                               {"[TOOL_CALLS]", Mark::call},
                               {"[CALL_ID]", Mark::call_id},
                               {"[ARGS]", Mark::separator}};

}  // namespace

constexpr Dialect kMistral{.name = "mistral",
                           .reader = CallReader::named,
                           .markers = kMarkers,
                           .shape = {.any = "[TOOL_CALLS]",
                                     .named = "[TOOL_CALLS]",
                                     .after_name = "[ARGS]",
                                     .between = "[TOOL_CALLS]",
                                     .json_arguments = true},
                           .evidence = "[ARGS]"};

// The form of the earlier models.
constexpr Dialect kMistralList{.name = {},
                               .reader = CallReader::named,
                               .markers = kMarkers,
                               .shape = {.any = "[TOOL_CALLS][{\"name\": ",
                                         .named = "[TOOL_CALLS][{\"name\": ",
                                         .after_name = ", \"arguments\": ",
                                         .call_end = "}",
                                         .between = ", {\"name\": ",
                                         .block_end = "]",
                                         .json_name = true,
                                         .json_arguments = true}};

}  // namespace autark::text

// Llama 3.1 to 3.3. A call is a bare object at the start of the answer, or one after <|python_tag|>:
//
//   {"name": "NAME", "parameters": {…}}
#include "text/tools/dialects/all.h"

namespace autark::text {
namespace {

constexpr Marker kMarkers[] = {
    {"<|python_tag|>", Mark::block}, {"<|eom_id|>", Mark::block_end}, {"<|eot_id|>", Mark::turn_end}};

}  // namespace

constexpr Dialect kLlama3{.name = "llama3",
                          .reader = CallReader::object,
                          .markers = kMarkers,
                          .shape = {.any = "{\"name\": ",
                                    .named = "{\"name\": ",
                                    .after_name = ", \"parameters\": ",
                                    .call_end = "}",
                                    .between = "; {\"name\": ",
                                    .json_name = true,
                                    .json_arguments = true},
                          .bare_object = true,
                          .evidence = "\"parameters\""};

}  // namespace autark::text

// DeepSeek V3 and R1. Arguments stand in a fenced block of JSON:
//
//   <think>reasoning</think>content<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME
//   ```json
//   {…}
//   ```<｜tool▁call▁end｜>…<｜tool▁calls▁end｜>
//
// V3.1 writes the arguments right behind the name: NAME<｜tool▁sep｜>{…}<｜tool▁call▁end｜>.
#include "text/tools/dialects/all.h"

namespace autark::text {
namespace {

constexpr Marker kMarkers[] = {{"<think>", Mark::think},
                               {"</think>", Mark::think_end},
                               {"<｜tool▁calls▁begin｜>", Mark::block},
                               {"<｜tool▁calls▁end｜>", Mark::block_end},
                               {"<｜tool▁call▁begin｜>", Mark::call},
                               {"<｜tool▁call▁end｜>", Mark::call_end},
                               {"<｜tool▁sep｜>", Mark::separator},
                               {"<｜end▁of▁sentence｜>", Mark::turn_end}};

}  // namespace

constexpr Dialect kDeepseekV3{
    .name = "deepseek_v3",
    .reader = CallReader::named,
    .markers = kMarkers,
    .shape = {.any = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>",
              .named = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>",
              .after_name = "\n```json\n",
              .call_end = "\n```<｜tool▁call▁end｜>",
              .between = "\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
              .block_end = "<｜tool▁calls▁end｜>",
              .json_arguments = true},
    .typed_calls = true,
    .name_ends_line = true,
    .evidence = "```json"};

constexpr Dialect kDeepseekV31{.name = "deepseek_v3_1",
                               .reader = CallReader::named,
                               .markers = kMarkers,
                               .shape = {.any = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>",
                                         .named = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>",
                                         .after_name = "<｜tool▁sep｜>",
                                         .call_end = "<｜tool▁call▁end｜>",
                                         .between = "<｜tool▁call▁begin｜>",
                                         .block_end = "<｜tool▁calls▁end｜>",
                                         .json_arguments = true}};

}  // namespace autark::text

// DeepSeek V3.1:
//
//   <think>reasoning</think>content<｜tool▁calls▁begin｜>
//   <｜tool▁call▁begin｜>NAME<｜tool▁sep｜>{…}<｜tool▁call▁end｜>…<｜tool▁calls▁end｜>
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
                               {"<｜end▁of▁sentence｜>", Mark::frame}};

}  // namespace

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

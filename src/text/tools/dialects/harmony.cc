// gpt-oss. An answer is a sequence of messages; the channel and the recipient in a heading say what a message is:
//
//   <|channel|>analysis<|message|>reasoning<|end|>
//   <|start|>assistant<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{…}<|call|>
//   <|start|>assistant<|channel|>final<|message|>content<|return|>
#include "text/tools/dialects/all.h"

namespace autark::text {
namespace {

constexpr Marker kMarkers[] = {{"<|start|>", Mark::heading},     {"<|channel|>", Mark::heading},
                               {"<|constrain|>", Mark::heading}, {"<|message|>", Mark::message},
                               {"<|end|>", Mark::message_end},   {"<|call|>", Mark::message_end},
                               {"<|return|>", Mark::message_end}};

}  // namespace

constexpr Dialect kHarmony{.name = "harmony",
                           .reader = CallReader::named,
                           .markers = kMarkers,
                           .shape = {.any = "<|channel|>commentary to=functions.",
                                     .named = "<|channel|>commentary to=functions.",
                                     .after_name = " <|constrain|>json<|message|>",
                                     .call_end = "<|call|>",
                                     .between = "<|start|>assistant<|channel|>commentary to=functions.",
                                     .json_arguments = true},
                           .name_prefixed = true};

}  // namespace autark::text

// The table from syntaxes to dialects. Hermes and DSML have parsers of their own; their entries name the markers
// and the forms of calls.
#include "text/dialect.h"
#include "text/tools/dialects/all.h"

namespace autark::text {
namespace {

constexpr Dialect kPlain{};

constexpr Marker kHermesMarkers[] = {{"</think>", Mark::think_end},
                                     {"<think>", Mark::think},
                                     {"<tool_call>", Mark::call},
                                     {"</tool_call>", Mark::call_end}};
constexpr Dialect kHermes{.name = "hermes",
                          .markers = kHermesMarkers,
                          .shape = {.any = "<tool_call>\n{\"name\": ",
                                    .named = "<tool_call>\n{\"name\": ",
                                    .after_name = ", \"arguments\": ",
                                    .call_end = "}\n</tool_call>",
                                    .between = "\n<tool_call>\n{\"name\": ",
                                    .json_name = true,
                                    .json_arguments = true}};

constexpr Marker kDsmlMarkers[] = {
    {"</think>", Mark::think_end}, {"<think>", Mark::think}, {"｜DSML｜", Mark::frame}};
constexpr Dialect kDsml{.name = "dsml",
                        .markers = kDsmlMarkers,
                        .shape = {.any = "\n\n<｜DSML｜tool_calls>\n",
                                  .named = "\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"",
                                  .after_name = "\">\n",
                                  .call_end = "</｜DSML｜invoke>\n",
                                  .between = "<｜DSML｜invoke name=\"",
                                  .block_end = "</｜DSML｜tool_calls>"}};

}  // namespace

const Dialect& dialect_of(OutputSyntax syntax) {
  static constexpr const Dialect* kAll[] = {
      &kPlain,   &kHermes,  &kDsml,    &kDeepseekV3,    &kDeepseekV31, &kKimiK2,
      &kGlm4,    &kHunyuan, &kHy3,     &kHy3Opensource, &kErnie,       &kMinimaxM2,
      &kHarmony, &kLlama3,  &kMistral, &kMistralList,   &kQwen3Coder};
  static_assert(std::size(kAll) == kSyntaxCount);
  return *kAll[static_cast<size_t>(syntax)];
}

std::vector<std::string_view> markup_of(OutputSyntax syntax) {
  std::vector<std::string_view> all;
  for (const Marker& m : dialect_of(syntax).markers) all.push_back(m.text);
  return all;
}

}  // namespace autark::text

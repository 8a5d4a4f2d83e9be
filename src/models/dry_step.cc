#include "models/dry_step.h"

namespace autark {

Cost cost_of_token(const Model& m, int64_t behind) {
  Cost cost;
  const auto dry = make_dry_chip(&cost);
  const Span one{0, 1};
  const int64_t after = behind + 1;
  const Tensor id{nullptr, Format::i32, {1}};
  Step step{*dry, id, id, id, [&](int layer, int stream) {
              const StateSpec s = m.state_specs(layer)[stream];
              return StateView{.stored = s.stored,
                               .width = s.row.numel(),
                               .tokens_per_row = s.tokens_per_row,
                               .window_rows = s.window_rows,
                               .sequences = {&one, 1},
                               .length = {&behind, 1},
                               .settled = {&behind, 1},
                               .settles = {&after, 1}};
            }};
  const Tensor logits = forward(m, step);
  AUTARK_CHECK(logits.cols() == m.vocabulary());
  return cost;
}

}  // namespace autark

// One prompt through a model with everything kept that the model names on its way: what `autark logits` shows
// and what golden tests compare. Runs on the calling thread.
#pragma once
#include <cstdint>
#include <map>
#include <vector>
#include "base/result.h"
#include "engine/loaded_model.h"

namespace autark::engine {

struct TraceOptions {
  std::vector<int64_t> positions;            // rows to keep, negative ones from the end; empty: all
  int greedy = 0;                            // tokens to generate, end tokens included
  int chunk = 128;                           // rows of the prompt in one step
  bool draft = false;                        // the draft head's notes, too; the model was loaded with it
  std::vector<std::vector<int32_t>> beside;  // other prompts in the same steps; they go on generating
};

struct Trace {
  struct Matrix {
    int64_t cols = 0;
    std::vector<float> values;  // [positions, cols]
    std::vector<int64_t> row;   // how the cols lie: {D}, or {streams, D}
  };
  struct Note {
    std::vector<int64_t> shape;
    std::vector<float> values;
    std::vector<int32_t> integers;
    bool whole = false;  // integers, else values
  };
  struct Route {
    int64_t k = 0;
    std::vector<int32_t> ids;  // [positions, k], by falling weight
    Matrix weights;
  };
  std::vector<int32_t> tokens, positions;
  Matrix embed, norm, logits;
  std::vector<Matrix> layers;   // the residual stream after each
  std::map<int, Route> routes;  // of sparse layers
  // What else a model names, "layers.2.attn.out": [positions, …]; and of streams with a row for several
  // tokens all rows that the prompt finished, "layers.2.comp" [rows, width] and "layers.2.comp.ids".
  // Of an index, under the names that the architecture gives (IndexNotes): the chosen ids rising, then −1;
  // the scores [positions, rows], −∞ where a row is not visible; the margin, by which the last chosen score
  // is ahead of the next, ∞ where all are chosen; the standard deviation of the visible scores. A draft
  // head's begin with the architecture's prefix ("mtp.attn.out" …, "mtp.logits"); it reads each position with
  // the token after it, the last one with the greedy token.
  std::map<std::string, Note> notes;
  std::vector<int32_t> greedy;
  std::vector<float> greedy_margin;  // largest logit minus the second
};

Result<Trace> trace(LoadedModel& m, std::vector<int32_t> tokens, const TraceOptions& options = {});

}  // namespace autark::engine

// Runs one prompt through a model and keeps every tensor that the model names. `autark logits` prints a
// trace, golden tests compare it. Runs on the calling thread, without an Engine.
#pragma once
#include <cstdint>
#include <map>
#include <vector>
#include "base/result.h"
#include "engine/loaded_model.h"

namespace autark::engine {

struct TraceOptions {
  std::vector<int64_t> positions;  // rows to keep, negative ones counted from the end; empty: all
  int greedy = 0;                  // tokens to generate; end tokens do not stop it
  int chunk = 128;                 // rows of the prompt in one step
  bool draft = false;              // also keep the draft head's notes. REQUIRES: it was loaded
  // Other prompts that share the steps, to test that they do not change the result. They keep generating.
  std::vector<std::vector<int32_t>> beside;
};

// In the shapes below, `positions` is the number of kept rows of the main prompt.
struct Trace {
  struct Matrix {
    int64_t cols = 0;
    std::vector<float> values;  // [positions, cols]
    std::vector<int64_t> row;   // shape of a row: {D}, or {streams, D}
  };
  struct Note {
    std::vector<int64_t> shape;
    std::vector<float> values;
    std::vector<int32_t> integers;
    bool whole = false;  // `integers` has the data, else `values`
  };
  struct Route {
    int64_t k = 0;             // experts per token
    std::vector<int32_t> ids;  // [positions, k], in the order of the choice
    Matrix weights;
  };
  std::vector<int32_t> tokens, positions;
  Matrix embed, norm, logits;
  std::vector<Matrix> layers;   // the residual stream after each layer
  std::map<int, Route> routes;  // of layers with experts
  // The other tensors, by name:
  //   - "layers.2.attn.out" and others that the model names: [positions, …].
  //   - Streams with one row per several tokens: all rows that the prompt completed, "layers.2.comp"
  //     [rows, width] and their numbers "layers.2.comp.ids".
  //   - A sparse index, under the names in the architecture's IndexNotes: the chosen ids, rising, padded with
  //     −1; the scores [positions, rows], −∞ where a row is not visible; the margin, which is the last chosen
  //     score minus the next one, ∞ where all are chosen; the standard deviation of the visible scores.
  //   - The draft head's, with the architecture's prefix: "mtp.attn.out", "mtp.logits" … At each position
  //     it reads the token after it; at the last position that is the greedy token.
  std::map<std::string, Note> notes;
  std::vector<int32_t> greedy;       // the generated tokens
  std::vector<float> greedy_margin;  // largest logit minus the second
};

// Code::invalid for tokens or positions out of range and for a prompt that is longer than the context;
// Code::io if a model file changed meanwhile.
Result<Trace> trace(LoadedModel& m, std::vector<int32_t> tokens, const TraceOptions& options = {});

}  // namespace autark::engine

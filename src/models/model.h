// The interface between the engine and an architecture: what the engine needs from it, and what it sees
// of the engine.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include "chips/chip.h"
#include "models/config_file.h"
#include "weights/weights.h"

namespace autark {

// What happens to a ring when tokens are taken back, for example rejected drafts. Paged streams need nothing,
// because they keep all rows.
enum class Rewind : uint8_t {
  // The ring has spare rows for as many tokens as can be taken back, so older rows are still there.
  rows,
  // The ring has `window_rows` rows, which represent tokens that cannot be taken back any more. A verb
  // recomputes the later ones from a stream of inputs (ReplayView in chips/state_view.h). For states of
  // megabytes.
  replay
};

// One kind of state that a layer keeps per request. The engine pages, snapshots, rewinds and offloads streams
// without knowing their meaning.
struct StateSpec {
  // record: rows that later tokens read. working: memory from which rows are still being computed.
  enum class Kind : uint8_t { record, working };

  const char* name;  // for messages and traces
  Shape row;
  // The storage format of a row at full speed. Recurrent states and the tails of open blocks must be f32,
  // because their errors accumulate with every token; errors of keys and values do not.
  Format stored = Format::f16;
  int tokens_per_row = 1;  // tokens per row
  int window_rows = 0;     // 0: all rows; n: a ring of the last n
  Rewind rewind = Rewind::rows;
  Kind kind = Kind::record;

  // Rows of the ring if `rewind_tokens` tokens can be taken back; 0: the stream is paged.
  int ring_rows(int rewind_tokens) const {
    if (window_rows == 0 || rewind == Rewind::replay) return window_rows;
    return window_rows + (rewind_tokens + tokens_per_row - 1) / tokens_per_row;
  }
};

struct Step {  // one forward pass over the rows of many sequences, packed
  Chip& on;
  Tensor tokens, positions;                               // i32 [rows]
  Tensor wanted;                                          // i32 [m]: rows whose logits are needed
  std::function<StateView(int layer, int stream)> state;  // of all sequences, and which rows belong to which
  // Sees, and may replace, the tensors that a model names: "stream" after each layer (−1: the embedding),
  // "attn.in", "gate.ids" …. Used by golden tests and `autark logits`. Empty: no probe.
  std::function<Tensor(int layer, const char* name, Tensor x)> probe = {};
  Tensor note(int layer, const char* name, Tensor x) const { return probe ? probe(layer, name, x) : x; }
};

class Model {
 public:
  virtual ~Model() = default;
  virtual int layers() const = 0;
  virtual int64_t vocabulary() const = 0;  // width of the logits
  virtual int64_t context() const = 0;     // positions that the checkpoint supports
  // The streams of a layer; Step::state has their views in the same order.
  virtual std::vector<StateSpec> state_specs(int layer) const = 0;
  virtual Tensor embed(Step& s) const = 0;  // tokens → residual stream
  virtual Tensor layer(Step& s, int i, Tensor x) const = 0;
  virtual Tensor logits(Step& s, Tensor x) const = 0;  // residual stream → [wanted, vocabulary]
};

inline Tensor forward(const Model& m, Step& s) {  // a pipeline stage would run a part of the layers
  Tensor x = s.note(-1, "stream", m.embed(s));
  for (int i = 0; i < m.layers(); ++i) {
    x = s.note(i, "stream", m.layer(s, i, x));
    if (!s.probe) x = s.on.carry(x);  // a probe may hold on to earlier tensors, so their memory is not reused
  }
  return m.logits(s, x);
}

using ModelFactory = Result<std::unique_ptr<Model>> (*)(const Json&, Weights&);
// Makes a model from its Config and its weights. All faults of the config, or else of the weights,
// are the error.
template <class M, class Config>
Result<std::unique_ptr<Model>> make_model(const Json& json, Weights& w) {
  const ConfigFile file(json);
  const Config config(file);
  if (auto e = file.fault()) return *e;
  auto m = std::make_unique<M>(config, w);
  if (auto e = w.fault()) return *e;
  return std::unique_ptr<Model>(std::move(m));
}

}  // namespace autark

// What the engine needs from an architecture, and what an architecture may see
// of the engine. Nothing else crosses this line.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include "chips/chip.h"
#include "models/config_file.h"
#include "weights/weights.h"

namespace autark {

// What happens to a ring when tokens are taken back, as drafts are that did not hold. Paged streams need
// nothing: their rows are all there.
enum class Rewind : uint8_t {
  rows,   // the ring has room for the rows of as many tokens as can be taken back: older rows are still there
  replay  // the ring has `keep` rows and no more. They stand for the tokens that cannot be taken back any
          // more; a verb computes the others again from a stream of inputs (ReplayRows in chips/rows.h). For
          // states of megabytes.
};

// One kind of per-request state a layer keeps. The engine pages, snapshots, rewinds and
// offloads streams without knowing what they mean.
struct Stream {
  // What a stream is for: rows that later tokens read, or working memory that rows are still made of.
  enum class Kind : uint8_t { record, working };

  const char* name;
  Shape row;
  // How a row lies in memory at full speed. A recurrent state and what open blocks are made of are f32: an
  // error there is carried on with every token, one in a key or a value is not.
  Format record = Format::f16;
  int per = 1;   // one row per `per` tokens
  int keep = 0;  // 0: every row; n: a ring of the last n
  Rewind rewind = Rewind::rows;
  Kind kind = Kind::record;

  // Rows of the ring when `slack` tokens can be taken back; 0: the stream is paged.
  int ring_rows(int slack) const {
    if (keep == 0 || rewind == Rewind::replay) return keep;
    return keep + (slack + per - 1) / per;
  }
};

struct Step {  // one forward pass, for the rows of many sequences, packed
  Chip& on;
  Tensor tokens, positions;                          // i32 [rows]
  Tensor wanted;                                     // i32 [m]: rows whose logits are asked for
  std::function<Rows(int layer, int stream)> state;  // of all sequences; says which rows are whose
  // Sees, and may replace, what a model names on its way: "stream" after each layer (−1: the embedding),
  // "attn.in", "gate.ids" … Golden tests and `autark logits` hang here. Empty: nobody looks.
  std::function<Tensor(int layer, const char* name, Tensor x)> probe = {};
  Tensor note(int layer, const char* name, Tensor x) const { return probe ? probe(layer, name, x) : x; }
};

class Model {
 public:
  virtual ~Model() = default;
  virtual int layers() const = 0;
  virtual int64_t vocabulary() const = 0;  // width of the logits
  virtual int64_t context() const = 0;     // positions the checkpoint was made for
  virtual std::vector<Stream> state(int layer) const = 0;
  virtual Tensor embed(Step& s) const = 0;  // tokens → residual
  virtual Tensor layer(Step& s, int i, Tensor x) const = 0;
  virtual Tensor logits(Step& s, Tensor x) const = 0;  // residual → [wanted, vocab]
};

inline Tensor forward(const Model& m, Step& s) {  // a pipeline stage runs a sub-range of this
  Tensor x = s.note(-1, "stream", m.embed(s));
  for (int i = 0; i < m.layers(); ++i) {
    x = s.note(i, "stream", m.layer(s, i, x));
    if (!s.probe) x = s.on.carry(x);  // whoever looks may keep what it saw
  }
  return m.logits(s, x);
}

using ModelFactory = Result<std::unique_ptr<Model>> (*)(const Json&, Weights&);
// A model is made from its Config and its weights; what either lacks is the error, all of it.
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

// The frame around the layers of a decoder: embedding → layers → norm → head. A model derives from it, fills
// `w_` with its layers and implements state_specs() and layer().
#pragma once
#include <string>
#include <vector>
#include "models/attention_config.h"
#include "models/model.h"

namespace autark {

template <class Config, class Layer>  // Config: a DecoderConfig
class Decoder : public Model {
 public:
  int layers() const override { return int(c.layers); }
  int64_t vocabulary() const override { return c.vocab; }
  int64_t context() const override { return c.context; }
  Tensor embed(Step& s) const override { return s.on.embedding(embed_, s.tokens); }
  Tensor logits(Step& s, Tensor x) const override {
    x = s.on.rms_norm(s.on.gather(x, s.wanted), norm_, c.eps);
    return s.on.all_gather(s.on.linear(s.note(int(c.layers), "norm", x), head_), c.vocab);
  }

 protected:
  Decoder(const Config& config, Weights& w)
      : c(config),
        embed_(w.need("model.embed_tokens.weight", {c.vocab, c.dim})),
        head_(load_head(w, embed_, c.tied_head)),
        norm_(w.vector("model.norm.weight", {c.dim})) {}
  // The prefix of the names of layer i's tensors.
  static std::string prefix(int i) { return "model.layers." + std::to_string(i) + "."; }

  Config c;
  Weight embed_, head_;
  Vector norm_;
  std::vector<Layer> w_;
};

}  // namespace autark

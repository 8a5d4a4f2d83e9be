#include "models/layers/decoder_config.h"
#include <cmath>

namespace autark {

DecoderConfig::DecoderConfig(const ConfigFile& f, const Defaults& defaults)
    : layers(f.need_int("num_hidden_layers", 1, kLayersMax)),
      dim(f.need_int("hidden_size")),
      heads(f.need_int("num_attention_heads")),
      kv_heads(f.value("num_key_value_heads", heads)),
      head_dim(f.value("head_dim", defaults.head_dim ? defaults.head_dim : dim / heads)),
      vocab(f.need_int("vocab_size")),
      context(read_context(f, defaults.context)),
      eps(f.value("rms_norm_eps", defaults.eps)),
      scale(1 / std::sqrt(float(head_dim))),
      tied_head(f.value("tie_word_embeddings", defaults.tied_head)),
      rope(read_rope(f, head_dim, defaults.rope)) {
  check_heads(f, heads, kv_heads, head_dim);
}

}  // namespace autark

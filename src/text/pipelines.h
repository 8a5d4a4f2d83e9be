// The pre-tokenizers of byte-level BPE vocabularies by the name in GGUF files (tokenizer.ggml.pre). The file
// has only the name; this is the table of the published patterns. Private to text/.
#pragma once
#include <string_view>
#include "base/json.h"

namespace autark::text {

struct Pipeline {
  Json normalizer;  // in the form of tokenizer.json; null: none
  Json pre_tokenizer;
  bool ignore_merges = false;  // a part that equals a token becomes that token without merging
  bool add_bos = false;        // default if the file does not say
};

// Code::unsupported for an unknown name; the message lists the known ones.
Result<Pipeline> bpe_pipeline(std::string_view name);

// The pre-tokenizers of the families that publish tiktoken files, without the byte-level alphabet.
Json kimi_splits();
Json hunyuan_splits();

}  // namespace autark::text

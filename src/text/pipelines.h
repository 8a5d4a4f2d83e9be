// How a byte-level BPE vocabulary's text is cut before merging, by the name GGUF files give it
// (tokenizer.ggml.pre). The file holds only the name; the published pipeline is known here. Private to text/.
#pragma once
#include <string_view>
#include "base/json.h"

namespace autark::text {

struct Pipeline {
  Json normalizer;  // as tokenizer.json has them; null: none
  Json pre_tokenizer;
  bool ignore_merges = false;  // a part that is a token is taken whole
  bool add_bos = false;        // unless the file says otherwise
};

// Code::unsupported, naming the known ones, for any other name.
Result<Pipeline> bpe_pipeline(std::string_view name);

}  // namespace autark::text

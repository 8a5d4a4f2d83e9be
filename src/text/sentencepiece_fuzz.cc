// Opens a tokenizer.model of arbitrary bytes; encodes and decodes the bytes after the first 0xFF as text.
#include "text/tokenizer_fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return autark::text::fuzz_tokenizer(data, size, ".model");
}

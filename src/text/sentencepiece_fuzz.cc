// Opens a tokenizer.model of arbitrary bytes; encodes and decodes the bytes after the first 0xFF as text.
#include <unistd.h>
#include <cstdio>
#include <fstream>
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace autark::text;
  static const std::string file =
      std::filesystem::temp_directory_path() / ("autark_fuzz_" + std::to_string(getpid()) + ".model");
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t cut = all.find('\xFF');
  std::ofstream(file, std::ios::binary | std::ios::trunc) << all.substr(0, cut);
  auto t = Tokenizer::open(file);
  if (!t) return 0;
  const std::string_view text = cut == all.npos ? std::string_view("a <b> c") : all.substr(cut + 1);
  const ByteRange literal[] = {{1, 3}};
  for (const bool parse : {false, true})
    if (auto ids = (*t)->encode(text, {.parse_special = parse, .literal = literal})) (*t)->decode(*ids);
  return 0;
}

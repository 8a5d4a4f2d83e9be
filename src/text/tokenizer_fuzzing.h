// For fuzz targets: a tokenizer's file of arbitrary bytes, then the text that it encodes and decodes.
#pragma once
#include <unistd.h>
#include <fstream>
#include "text/tokenizer.h"

namespace autark::text {

// The bytes before the first 0xFF are a file with this ending, those after it the text. Returns 0, as targets do.
inline int fuzz_tokenizer(const uint8_t* data, size_t size, const char* ending) {
  static const std::string file =
      std::filesystem::temp_directory_path() / ("autark_fuzz_" + std::to_string(getpid()) + ending);
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

}  // namespace autark::text

// Opens a tiktoken file: all bytes as tokens, then lines of arbitrary bytes. What opens encodes the lines as text,
// and the text comes back.
#include <unistd.h>
#include <cstdlib>
#include <fstream>
#include "text/tokenizer.h"

namespace {

// One line for each byte, as Hunyuan's files have them.
std::string bytes_in_base64() {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string all;
  for (int b = 0; b < 256; ++b) all += {kDigits[b >> 2], kDigits[(b & 3) << 4], '=', '=', ' ', '0', '\n'};
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace autark::text;
  static const auto folder =
      std::filesystem::temp_directory_path() / ("autark_fuzz_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const std::string lines(reinterpret_cast<const char*>(data), size);
  std::ofstream(folder / "hy.tiktoken", std::ios::binary | std::ios::trunc) << bytes_in_base64() << lines;
  auto t = Tokenizer::open(folder / "hy.tiktoken");
  if (!t) return 0;
  for (const bool parse : {false, true}) {
    const auto ids = (*t)->encode(lines, {.parse_special = parse});
    const bool ascii = lines.find_first_not_of(
                           "\t\n !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") == lines.npos;
    if (ids && ascii && (*t)->decode(*ids, false) != lines) std::abort();
  }
  return 0;
}

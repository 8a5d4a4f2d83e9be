// Any bytes as a GGUF file: an error or a directory whose every view lies inside the file.
#include <unistd.h>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include "base/check.h"
#include "base/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const auto path =
      std::filesystem::temp_directory_path() / ("autark_gguf_fuzz_" + std::to_string(::getpid()));
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(reinterpret_cast<const char*>(bytes), size);
  const auto g = autark::Gguf::open(path);
  std::filesystem::remove(path);
  if (!g) return 0;
  size_t sum = 0;
  for (const auto& [key, value] : g.value().keys()) {
    if (const auto words = g.value().texts(key))
      for (const auto word : *words) sum += word.empty() ? 0 : static_cast<unsigned char>(word.back());
    if (const auto numbers = g.value().numbers(key)) sum += numbers->size();
  }
  for (const auto& [name, entry] : g.value().tensors())
    sum += static_cast<size_t>(g.value().bytes_from(entry).front());
  AUTARK_CHECK(sum < SIZE_MAX);
  return 0;
}

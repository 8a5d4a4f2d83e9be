// Any bytes as a safetensors file: an error or a directory whose every tensor lies inside the file.
#include <unistd.h>
#include <cstdint>
#include <fstream>
#include "base/check.h"
#include "weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const auto path =
      std::filesystem::temp_directory_path() / ("autark_safetensors_fuzz_" + std::to_string(::getpid()));
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(reinterpret_cast<const char*>(bytes), size);
  const auto f = autark::Safetensors::open(path);
  std::filesystem::remove(path);
  if (!f) return 0;
  for (const auto& [name, entry] : f.value().tensors()) {
    AUTARK_CHECK(f.value().bytes(entry).size() == entry.bytes);
    if (const auto v = f.value().floats(name)) AUTARK_CHECK(v->size() <= size);
    if (const auto v = f.value().ints(name)) AUTARK_CHECK(v->size() <= size);
  }
  return 0;
}

// Any bytes as a GGUF file give an error, or a directory whose every view is inside the file.
#include "base/gguf.h"
#include "base/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const autark::MemoryFile file({reinterpret_cast<const char*>(bytes), size});
  const auto g = autark::Gguf::open(file.path());
  if (!g) return 0;
  for (const auto& [key, value] : g.value().keys()) {
    if (const auto words = g.value().texts(key))
      for (const auto word : *words) AUTARK_CHECK(std::string(word).size() <= size);  // reads each
    if (const auto numbers = g.value().numbers(key)) AUTARK_CHECK(numbers->size() <= size);
  }
  for (const auto& [name, entry] : g.value().tensors()) {
    const auto from = g.value().bytes_from(entry);
    AUTARK_CHECK(!from.empty() && from.size() <= size);
  }
  return 0;
}

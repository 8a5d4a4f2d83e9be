// Any bytes as a safetensors file give an error, or a directory whose every tensor is inside the file.
#include "base/memory_file.h"
#include "weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const autark::MemoryFile file({reinterpret_cast<const char*>(bytes), size});
  const auto f = autark::Safetensors::open(file.path());
  if (!f) return 0;
  for (const auto& [name, entry] : f.value().tensors()) {
    AUTARK_CHECK(f.value().bytes(entry).size() == entry.bytes);
    if (auto v = f.value().floats(name)) AUTARK_CHECK(v->size() <= size);
    if (auto v = f.value().ints(name)) AUTARK_CHECK(v->size() <= size);
  }
  return 0;
}

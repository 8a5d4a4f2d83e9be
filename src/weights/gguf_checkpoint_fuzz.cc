// Any bytes as a GGUF model give an error, or a checkpoint whose every tensor can be requested and decoded.
#include "base/memory_file.h"
#include "weights/checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const autark::MemoryFile file({reinterpret_cast<const char*>(bytes), size});
  auto c = autark::open_checkpoint(file.path());
  if (!c) return 0;
  for (const auto& t : c.value().tensors) {
    autark::Shape shape;
    for (int64_t d : t.shape) shape.d[shape.rank++] = d;
    AUTARK_CHECK(t.bytes <= static_cast<int64_t>(size));
    const bool stack = t.name.find('*') != t.name.npos;
    if (stack != (shape.rank == 3) || shape.rank == 1) continue;
    const auto w = c.value().weights->find(t.name, shape);
    if (!w || w->parts.empty() || !w->parts.back().codes) continue;
    std::vector<float> row(w->cols());
    decode_row(stack ? w->expert(std::ssize(w->parts) - 1) : *w, w->rows() - 1, row);
  }
  AUTARK_CHECK(!autark::dump_json(c.value().config).empty());
  return 0;
}

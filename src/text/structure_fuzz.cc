// Compiles arbitrary bytes as a schema, regex, choice or grammar over a vocabulary of bytes, and follows an
// answer of up to 32 tokens. The first byte chooses the kind, the second which allowed tokens are taken. A mask
// must allow a token, must not depend on what was asked before, and must allow the end token where the answer
// may end and nowhere else.
#include <cstdlib>
#include <string_view>
#include "text/structure.h"

namespace {

using namespace autark::text;

constexpr int32_t kEnd = 256;

class Bytes final : public Tokenizer {
 public:
  autark::Result<std::vector<int32_t>> encode(std::string_view, EncodeOptions) const override {
    return std::vector<int32_t>{};
  }
  int64_t size() const override { return kEnd + 1; }
  std::string bytes_of(int32_t id) const override { return id < kEnd ? std::string(1, char(id)) : ""; }
  bool is_special(int32_t id) const override { return id == kEnd; }
  std::optional<int32_t> id_of(std::string_view) const override { return {}; }
  std::optional<std::string> special_text(std::string_view) const override { return {}; }
  std::map<std::string, std::string, std::less<>> special_texts() const override { return {}; }
  std::vector<std::string> markup() const override { return {}; }
  std::vector<int32_t> end_tokens() const override { return {kEnd}; }
  std::unique_ptr<StreamDecoder> stream(bool) const override { return nullptr; }
};

const Structures& structures() {
  static const Bytes bytes;
  static const auto made = Structures::make(bytes, bytes.end_tokens());
  if (!made) std::abort();
  return **made;
}

std::vector<int32_t> allowed(const StructureMasks::Mask& mask) {
  std::vector<int32_t> ids;
  for (int32_t id = 0; id <= kEnd; ++id) {
    if (mask.bits[size_t(id) / 32] >> (id % 32) & 1) ids.push_back(id);
  }
  return ids;
}

void follow(StructureMasks& masks, uint32_t random) {
  std::vector<int32_t> answer;
  const auto fresh = masks.another();
  while (answer.size() < 32) {
    const auto mask = masks.after(answer);
    if (!mask) return;  // a limit
    const auto ids = allowed(*mask);
    if (ids.empty() || (ids.back() == kEnd) != mask->finished) std::abort();
    random = random * 1664525 + 1013904223;
    const int32_t id = ids[(random >> 8) % ids.size()];
    if (id == kEnd) break;
    answer.push_back(id);
  }
  const auto last = masks.after(answer), again = fresh->after(answer);
  if (last && again && allowed(*last) != allowed(*again)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  StructureFault fault;
  const auto masks = structures().compile(StructureKind(data[0] % 4), text, fault);
  if (masks) follow(*masks, data[1]);
  return 0;
}

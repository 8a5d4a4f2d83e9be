// Renders arbitrary bytes with DeepSeek V4's encoder, and searches the same bytes for literals.
#include <cstdint>
#include "text/chat/deepseek_v4.h"
#include "text/chat/source_literals.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace autark::text;
  static const auto chat = make_deepseek_v4(
      {.release = DeepseekV4Release::r0731, .where = "x", .spellings = {"<think>", "｜DSML｜"}});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto p = chat->render_json(text))
    for (const ByteRange& r : p->literal)
      if (r.begin >= r.end || r.end > p->text.size()) __builtin_trap();
  source_literals(text);
  return 0;
}

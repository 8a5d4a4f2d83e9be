// Passes arbitrary bytes as the body of every request of the admin API. A reader returns a value or a fault, which can be
// encoded; whatever it takes, it takes again after it was printed.
#include <cstdlib>
#include "api/faults.h"
#include "platform/admin/bodies.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace autark;
  const auto body = parse_json({reinterpret_cast<const char*>(bytes), size}, "request body", {.depth = 8});
  if (!body) return 0;
  const auto printed = parse_json(dump_json(*body), "request body");
  for (const platform::admin::BodyKind& kind : platform::admin::body_kinds()) {
    const auto fault = kind.read(*body);
    if (fault) api::openai_reply(*fault);
    if (!fault && printed && kind.read(*printed)) std::abort();
  }
  return 0;
}

// Passes arbitrary bytes, cut into arbitrary pieces, to the multipart reader. The first byte seeds the cutting,
// the first line is the Content-Type header. The parts must be the same as without cutting.
#include <algorithm>
#include <cstdint>
#include "base/check.h"
#include "http/multipart.h"

namespace {

using namespace autark::http;

constexpr MultipartLimits kLimits{.head_bytes = 256, .part_count = 4};

class Log final : public PartSink {
 public:
  bool begin(PartHead head) override {
    AUTARK_CHECK(!open_ && !head.name.empty() && head.name.size() <= kLimits.head_bytes);
    text += "[" + head.name + "|" + head.filename.value_or("-") + "|" + head.content_type + "]";
    return open_ = true;
  }
  bool put(std::string_view bytes) override {
    AUTARK_CHECK(open_ && !bytes.empty());
    text += bytes;
    return true;
  }
  bool end() override {
    AUTARK_CHECK(open_);
    open_ = false;
    return true;
  }
  std::string text;

 private:
  bool open_ = false;
};

std::string run(const std::string& boundary, std::string_view body, size_t step) {
  Log log;
  MultipartReader reader(boundary, log, kLimits);
  while (!body.empty() && reader.put(body.substr(0, step))) body.remove_prefix(std::min(step, body.size()));
  return log.text + (reader.is_whole() ? "whole" : "") + reader.refusal();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t line = std::min(bytes.find('\n'), bytes.size());
  const std::string boundary = multipart_boundary(bytes.substr(0, line)).value_or("b");
  const std::string_view body = bytes.substr(std::min(line + 1, bytes.size()));
  AUTARK_CHECK(run(boundary, body, bytes.size() + 1) == run(boundary, body, 1 + data[0] % 64));
  return 0;
}

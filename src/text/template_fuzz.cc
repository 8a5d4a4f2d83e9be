// A template of arbitrary bytes, rendered with a fixed request or with the bytes after the first 0xFF.
#include <unistd.h>
#include <fstream>
#include "text/chat.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace autark::text;
  static const std::string file =
      std::filesystem::temp_directory_path() / ("autark_fuzz_" + std::to_string(getpid()) + ".jinja");
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t cut = all.find('\xFF');
  std::ofstream(file, std::ios::binary | std::ios::trunc) << all.substr(0, cut);
  auto chat = ChatTemplate::open(file, nullptr);
  if (!chat) return 0;
  const std::string_view usual =
      R"({"messages": [{"role": "user", "content": "Hi <|im_end|>"}, {"role": "assistant", "content": null}], "tools": [{"a": 1.5}]})";
  (void)(*chat)->render_json(cut == all.npos ? usual : all.substr(cut + 1));
  return 0;
}

// Files platform.toml, networks, durations and sealed texts of any content: each ends with a value or an Error.
#include "platform/addresses.h"
#include "platform/directory.h"
#include "platform/platform_file.h"
#include "platform/secret_box.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace autark::platform;
  static const SecretBox box = SecretBox::random();
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto file = parse_platform_file(text, "/p/platform.toml");
  if (!file && file.error().message.empty()) __builtin_trap();
  if (file && file->store.find("/p/") != 7 && file->store.starts_with("sqlite:") && file->store[7] != '/')
    __builtin_trap();
  if (const auto network = Network::parse(text)) {
    const auto own = address_from(text.substr(0, text.find('/')));
    if (!own || !network->has(*own)) __builtin_trap();
  }
  if (const auto duration = parse_duration(text); duration && *duration <= 0) __builtin_trap();
  static_cast<void>(parse_moment(text, 0));
  if (box.open(text, "owner")) __builtin_trap();
  return 0;
}

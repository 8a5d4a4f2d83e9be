// Price files of any content: parse() ends with a file or an Error, and a file has a price for every moment.
#include "platform/money.h"
#include "platform/prices.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace autark::platform;
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(money_from(text));
  const auto file = PriceFile::parse(text);
  if (!file) return file.error().message.empty() ? __builtin_trap(), 0 : 0;
  for (const Micros time : {INT64_MIN, int64_t{0}, file->valid_from, INT64_MAX})
    for (const char* service : {"standard", "flex"}) {
      const Quote quote = file->quote("model", service, time);
      if (quote.cost({1, 1, 1, 1, 1}) < 0 || quote.cost({INT64_MAX, 1, 1, INT64_MAX, 1}) < 0)
        __builtin_trap();
    }
  return 0;
}

// Names for requests and tool calls: 24 letters and digits, unique, not secret. Any thread.
#pragma once
#include <cstdint>
#include <mutex>
#include <string>

namespace autark::serve {

class Ids {
 public:
  Ids();
  std::string next();

 private:
  std::mutex mutex_;
  uint64_t state_[2];
};

}  // namespace autark::serve

// Random ids for requests and tool calls: 24 hexadecimal digits (96 bits), not guessable. Thread-safe.
#pragma once
#include <mutex>
#include <random>
#include <string>

namespace autark::serve {

class Ids {
 public:
  std::string next();  // a new id

 private:
  std::mutex mutex_;
  std::random_device random_;
};

}  // namespace autark::serve

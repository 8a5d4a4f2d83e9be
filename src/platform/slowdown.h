// Slows down who tries again and again: after some failures within a minute each further try has to wait, longer each time.
// Bounded: of too many names the one that failed longest ago is forgotten. Thread-safe; does not block.
#pragma once
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include "platform/clock.h"

namespace autark::platform {

class Slowdown {
 public:
  struct Options {
    int free = 10;  // failures that cost nothing
    Micros pause_first = kSecond, pause_max = kMinute;
    size_t names_max = 65536;
  };
  explicit Slowdown(Options options) : options_(options) {}

  // How long `name` has to wait yet; 0: it may try now.
  Micros wait(const std::string& name, Micros now);
  void failed(const std::string& name, Micros now);
  void forget(const std::string& name);  // it succeeded
  size_t names() const;

 private:
  struct Record {
    std::string name;
    int failures = 0;
    Micros last = 0, until = 0, pause = 0;
  };
  using Place = std::list<Record>::iterator;

  const Options options_;
  mutable std::mutex mutex_;
  std::list<Record> records_;  // the last to fail first
  std::unordered_map<std::string, Place> by_name_;
};

}  // namespace autark::platform

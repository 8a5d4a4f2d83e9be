// What a request may ask of the queue, and what it is told while it waits. Numbers only, no clock.
#pragma once
#include <cstdint>

namespace autark::engine {

// Of two classes with work, one row of the lower costs its domain as much as eight of the higher.
enum class ServiceClass : uint8_t {
  priority,  // `service_tier` "priority"
  standard,  // "default", "auto", and requests that name none
  flex       // "flex" and "batch": what others leave, and never less than its small share
};
inline constexpr int kServiceClasses = 3;

struct Service {
  ServiceClass tier = ServiceClass::standard;
  // The smallest number first, among requests of one domain and class. A request is overtaken by at most
  // Scheduler::kPassesMax later ones.
  int priority = 0;
  // Seconds after submit() at which the request ends with Finish::deadline; 0: never.
  double seconds_max = 0;
};

// Where a waiting request stands.
struct QueuePlace {
  int position = 1;         // 1: the next to start, if what it needs is free
  int64_t waited_ms = 0;    // since submit(), or since it lost its state
  int64_t expected_ms = 0;  // until it starts, if requests start as often as lately
};

}  // namespace autark::engine

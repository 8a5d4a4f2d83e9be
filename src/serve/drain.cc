#include "serve/drain.h"
#include <thread>

namespace autark::serve {

// How often to check for running requests, and how long to wait for the last bytes to be sent.
constexpr std::chrono::milliseconds kLook{10}, kLastWords{1000};

void drain(Service& service, http::Server& server, std::chrono::milliseconds most) {
  const auto until = std::chrono::steady_clock::now() + most;
  service.drain();
  server.drain();
  while ((service.in_flight() || server.answering()) && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(kLook);
  service.stop();
  server.finish(kLastWords);
}

}  // namespace autark::serve

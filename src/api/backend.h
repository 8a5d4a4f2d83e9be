// Who answers an api::Request. serve/ implements it with an engine in this process; a gateway can with an
// upstream over HTTP; tests with a script.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "api/item.h"

namespace autark::api {

struct ModelEntry {
  std::string id, display_name;
  int64_t created = 0;  // seconds since 1970
  int64_t context = 0;
  bool chat = true;
};

class Backend {
 public:
  using Sink = std::function<void(Event)>;  // called on the backend's thread, must not block
  using Cancel = std::function<void()>;     // from any thread, any number of times

  virtual ~Backend() = default;
  virtual std::vector<ModelEntry> models() const = 0;
  // Changes when something does that may change answers: program, model, chip, rounding. Empty: not known.
  virtual std::string fingerprint() const { return {}; }
  // Why it answers nobody any more, until the process starts anew; empty: it does.
  virtual std::optional<Fault> fault() const { return {}; }
  // Renders and tokenises on the calling thread, then returns without waiting for an answer; never throws. A
  // refusal is a Fault in the sink, possibly before this returns.
  // A request with P prompts and n choices has P·n of them; choice p·n + j is the j-th of prompt p. Every
  // choice starts before any has a delta.
  // The sink receives nothing after every choice is finished, after a fault, or after the cancellation that
  // it sees as Finish::cancelled.
  virtual Cancel submit(Request request, Sink sink) = 0;
  virtual Outcome<int64_t> count_tokens(const Request& request) const = 0;
};

}  // namespace autark::api

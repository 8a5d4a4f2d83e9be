// The gate of a server with accounts. It holds a snapshot of the directory in memory and no secret: a key is found by its
// SHA-256. A thread of its own reads the snapshot again soon after the directory has changed, and writes when keys were
// last used. If the database is away it goes on with what it has.
//
// A key that the snapshot does not have makes it look at once, so that a key counts as soon as a command has made it; not while
// the address is slowed down, and for all addresses together 50 times a second at most.
//
// Wrong keys are slowed down by their address (IPv6: its /64): after 10 within a minute each further one is answered
// rate_limited until a pause has passed, which grows to a minute. The right key always passes.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include "api/caller.h"
#include "platform/clock.h"
#include "platform/rights.h"
#include "store/database.h"

namespace autark::platform {

class Gatekeeper final : public api::Gate {
 public:
  struct Options {
    Clock clock = system_now;
    std::chrono::milliseconds look_every{100};  // how often the directory's version is read
    std::chrono::milliseconds ask_wait{100};    // the longest that an unknown key waits for such a look
    size_t addresses_max = 65536;               // that are watched for wrong keys; the oldest go first
  };
  // Reads the snapshot. An Error if the database cannot be read.
  static Result<std::shared_ptr<Gatekeeper>> open(std::shared_ptr<storage::Database> database,
                                                  Options options);
  ~Gatekeeper() override;

  // A key that is wrong, disabled, expired or of a disabled workspace, account or member is one and the same answer:
  // authentication. A right key on a route, or from an address, that it does not have is forbidden, and says why.
  api::ApiResult<std::shared_ptr<const api::Caller>> enter(const api::Knock& knock) override;
  std::shared_ptr<const api::Caller> find(const std::string& key) override;

  // Follows a change of the directory with what else is read of it, limits and prices. An Error: it could not be read.
  using Follow = std::function<std::optional<Error>()>;
  // Called on the gatekeeper's thread after each change of the directory, before the keys count that came with it; as long as
  // it fails they do not, and it is called again at the next look. Also called once by this call. One function.
  std::optional<Error> on_change(Follow follow);
  // Looks now: for tests, and to see a change of this process at once. Also writes the last uses.
  std::optional<Error> refresh();

 private:
  struct State;
  explicit Gatekeeper(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace autark::platform

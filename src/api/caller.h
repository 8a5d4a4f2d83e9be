// Who sent a request, and the gate that finds it out. A server without accounts has no gate, and its requests have no
// caller.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "api/item.h"

namespace autark::api {

// Ids as they stand in logs and records; never a secret.
struct Caller {
  // What the caller may do beyond its own requests and objects.
  enum class Role : uint8_t {
    developer,  // nothing
    system,     // see and change how the server runs: load, metrics, caches, all running requests
    security,   // nothing of that: its task is members and keys
    audit       // see what `system` sees
  };
  std::string key;        // of the API key; requests of one key may share computed state
  std::string workspace;  // owns what the caller stores: answers, files, batches
  std::string account;
  std::string member;               // who made the key; empty: it belongs to the workspace alone
  std::vector<std::string> models;  // that it may name; empty: all
  Role role = Role::developer;

  bool may_name(std::string_view model) const {
    return models.empty() || std::find(models.begin(), models.end(), model) != models.end();
  }
};

// A request before its body is read. The texts live as long as the call that takes them.
struct Knock {
  std::string_view method, path;
  std::string_view secret;   // the API key; empty: none was sent
  std::string_view address;  // of the client, without the port
};

class Gate {
 public:
  virtual ~Gate() = default;
  // The caller, or the fault to answer with: authentication, forbidden or rate_limited. Called on loop threads, does
  // not block.
  virtual ApiResult<std::shared_ptr<const Caller>> enter(const Knock& knock) = 0;
  // The caller of a key by its id, for work that it left here, such as a batch. Null if the key was disabled, has
  // expired or is not known. Thread-safe, does not block.
  virtual std::shared_ptr<const Caller> find(const std::string& key) = 0;
};

// Asks the gate for each secret that a request carries, or once for none. The first one that opens counts, else the fault
// of the first one. `knock` has no secret.
ApiResult<std::shared_ptr<const Caller>> enter(Gate& gate, Knock knock,
                                               std::span<const std::string_view> secrets);

}  // namespace autark::api

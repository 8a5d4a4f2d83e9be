// Who sent a request, and the gate that finds it out. A server without accounts has no gate, and its requests have no
// caller.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include "api/item.h"

namespace autark::api {

// Ids as they stand in logs and records; never a secret.
struct Caller {
  std::string key;        // of the API key; requests of one key may share computed state
  std::string workspace;  // owns what the caller stores: answers, files, batches
  std::string account;
  std::string member;               // who made the key; empty: it belongs to the workspace alone
  std::vector<std::string> models;  // that it may name; empty: all
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
};

}  // namespace autark::api

// The gate of a server with one API key and no accounts: who has the key may do all.
#pragma once
#include "api/caller.h"

namespace autark::serve {

class KeyGate final : public api::Gate {
 public:
  // REQUIRES: `key` is not empty.
  explicit KeyGate(std::string key);

  api::ApiResult<std::shared_ptr<const api::Caller>> enter(const api::Knock& knock) override;
  std::shared_ptr<const api::Caller> find(const std::string& key) override;

 private:
  const std::string key_;
  // Without an id of a key; its workspace is a hash of the key.
  const std::shared_ptr<const api::Caller> caller_;
};

}  // namespace autark::serve

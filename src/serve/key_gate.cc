#include "serve/key_gate.h"
#include "serve/api_key.h"
#include "serve/callers.h"

namespace autark::serve {

KeyGate::KeyGate(std::string key)
    : key_(std::move(key)),
      caller_(std::make_shared<api::Caller>(
          api::Caller{.workspace = owner_of_key(key_), .role = api::Caller::Role::system})) {}

api::ApiResult<std::shared_ptr<const api::Caller>> KeyGate::enter(const api::Knock& knock) {
  if (same_secret(knock.secret, key_)) return caller_;
  return api::ApiError{
      .kind = api::ApiError::Kind::authentication,
      .message = knock.secret.empty()
                     ? "this server needs an API key, as 'Authorization: Bearer KEY' or 'x-api-key: KEY'"
                     : "the API key is wrong"};
}

std::shared_ptr<const api::Caller> KeyGate::find(const std::string& key) {
  return key.empty() ? caller_ : nullptr;
}

}  // namespace autark::serve

#include "api/caller.h"

namespace autark::api {

ApiResult<std::shared_ptr<const Caller>> enter(Gate& gate, Knock knock,
                                               std::span<const std::string_view> secrets) {
  if (secrets.empty()) return gate.enter(knock);
  std::optional<ApiError> refused;
  for (const std::string_view secret : secrets) {
    knock.secret = secret;
    auto entered = gate.enter(knock);
    auto* fault = std::get_if<ApiError>(&entered);
    if (!fault) return entered;
    if (!refused) refused = std::move(*fault);
  }
  return std::move(*refused);
}

}  // namespace autark::api

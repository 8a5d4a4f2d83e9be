#include "platform/admin/visit.h"
#include "base/log.h"

namespace autark::platform::admin {

using Kind = api::ApiError::Kind;

api::ApiError fault_of(const Error& error) {
  switch (error.code) {
    case Code::invalid:
    case Code::unsupported:
      return {.message = error.message};
    case Code::not_found:
      return {.kind = Kind::not_found, .message = error.message, .code = "not_found"};
    default:
      break;
  }
  log_error("admin: " + error.message);
  if (error.code == Code::internal)
    return {.kind = Kind::internal, .message = "the server could not do this; its log says why"};
  return {.kind = Kind::unavailable, .message = "the database does not answer; try again later"};
}

Page page_of(QueryFields& query) {
  constexpr int64_t kRowsMost = 10'000, kAfterMost = int64_t{1} << 40;
  return {.after = query.integer("after", 0, kAfterMost).value_or(0),
          .limit = query.integer("limit", 1, kRowsMost).value_or(kRowsMost)};
}

api::ApiResult<Account> account_of(const Visit& visit) {
  return visit.directory().account(visit.actor.account);
}

std::optional<api::ApiError> refused(const Visit& visit, Act act) {
  const auto separation = visit.directory().separation();
  if (const auto* fault = std::get_if<api::ApiError>(&separation)) return *fault;
  return refusal(visit.actor, act, {}, std::get<bool>(separation));
}

}  // namespace autark::platform::admin

#include "platform/admin/outside_routes.h"
#include "http/credentials.h"
#include "platform/admin/query_fields.h"
#include "platform/usage_objects.h"

namespace autark::platform::admin {
namespace {

using api::ApiError;
using CallerPtr = std::shared_ptr<const api::Caller>;

CompletionsUsageQuery usage_query(QueryFields& q, const std::string& account) {
  constexpr int64_t kSecondMost = 253'402'300'799;  // the last of the year 9999
  CompletionsUsageQuery query{.account = account};
  const auto start = q.integer("start_time", 0, kSecondMost);
  if (!start && q.text("start_time").empty()) q.fail("start_time", "is missing");
  query.start_time = start.value_or(0);
  query.end_time = q.integer("end_time", 0, kSecondMost);
  if (const std::string width = q.text("bucket_width"); !width.empty()) query.bucket_width = width;
  query.project_ids = q.texts("project_ids");
  query.user_ids = q.texts("user_ids");
  query.api_key_ids = q.texts("api_key_ids");
  query.models = q.texts("models");
  if (!q.text("batch").empty()) query.batch = q.flag("batch");
  query.group_by = q.words("group_by");
  query.limit = q.integer("limit", 1, 10'000);
  query.page = q.text("page");
  return query;
}

// The parameter that the message of usage_objects.h names in quotes at its beginning.
std::string parameter_of(const std::string& message) {
  const size_t end = message.find('\'', 1);
  return message.starts_with('\'') && end != message.npos ? message.substr(1, end - 1) : "";
}

}  // namespace

api::ApiResult<CallerPtr> caller_of(ServerPlatform& platform, const http::Request& request) {
  if (request.context) return std::static_pointer_cast<const api::Caller>(request.context);
  return api::enter(*platform.gatekeeper, {request.method, request.path, {}, http::address_of(request)},
                    http::keys_of(request));
}

std::string two_digits(int64_t nanos) {
  constexpr int64_t kCent = 10'000'000;
  const int64_t cents = nanos / kCent - (nanos % kCent < 0 ? 1 : 0);
  const uint64_t size = cents < 0 ? uint64_t(-cents) : uint64_t(cents);
  std::string text = std::to_string(size % 100);
  if (text.size() < 2) text.insert(0, "0");
  return (cents < 0 ? "-" : "") + std::to_string(size / 100) + "." + text;
}

Answered user_balance(ServerPlatform& platform, const http::Request&, const api::Caller& caller, Micros) {
  const auto balance = platform.ledger->balance(caller.account);
  if (!balance) return fault_of(balance.error());
  const bool available = platform.parts.file.post_paid || balance->total() > 0;
  return Answer{.body = Json{{"is_available", available},
                             {"balance_infos",
                              {{{"currency", balance->currency},
                                {"total_balance", two_digits(balance->total())},
                                {"granted_balance", two_digits(balance->granted)},
                                {"topped_up_balance", two_digits(balance->topped_up)}}}}}};
}

Answered organization_usage(ServerPlatform& platform, const http::Request& request, const api::Caller& caller,
                            Micros now) {
  if (!is_administrative(caller.role))
    return ApiError{.kind = ApiError::Kind::forbidden,
                    .message = "only an API key with an administrative role may read the account's usage"};
  QueryFields q(request.query);
  const CompletionsUsageQuery query = usage_query(q, caller.account);
  if (auto fault = q.fault()) return std::move(*fault);
  auto page = completions_usage(platform.database(), query, now);
  if (page) return Answer{.body = std::move(*page)};
  ApiError fault = fault_of(page.error());
  if (page.error().code == Code::invalid) fault.param = parameter_of(fault.message);
  return fault;
}

}  // namespace autark::platform::admin

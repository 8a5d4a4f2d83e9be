#include "platform/admin/query_fields.h"
#include <algorithm>
#include <charconv>
#include "http/query.h"
#include "platform/directory.h"

namespace autark::platform::admin {
namespace {

constexpr size_t kShownBytes = 40;  // of a name in a message

}  // namespace

QueryFields::QueryFields(std::string_view query) : pairs_(http::query_pairs(query)) {}

std::string QueryFields::text(std::string_view name) {
  known_.emplace(name);
  const auto at = std::ranges::find(pairs_, name, [](const auto& p) { return std::string_view(p.first); });
  return at == pairs_.end() ? std::string() : at->second;
}

std::vector<std::string> QueryFields::texts(std::string_view name) {
  known_.emplace(name);
  std::vector<std::string> all;
  for (const auto& [key, value] : pairs_)
    if ((key == name || key == std::string(name) + "[]") && !value.empty()) all.push_back(value);
  return all;
}

std::vector<std::string> QueryFields::words(std::string_view name) {
  std::vector<std::string> all;
  for (const std::string& value : texts(name))
    for (std::string_view rest = value; !rest.empty();) {
      const std::string_view one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      if (!one.empty()) all.emplace_back(one);
    }
  return all;
}

bool QueryFields::flag(std::string_view name) {
  const std::string given = text(name);
  const bool yes = given == "true" || given == "1";
  if (!yes && !given.empty() && given != "false" && given != "0") fail(name, "must be true or false");
  return yes;
}

std::optional<int64_t> QueryFields::integer(std::string_view name, int64_t least, int64_t most) {
  const std::string given = text(name);
  if (given.empty()) return {};
  int64_t value = 0;
  const auto [end, fault] = std::from_chars(given.data(), given.data() + given.size(), value);
  if (fault == std::errc() && end == given.data() + given.size() && value >= least && value <= most)
    return value;
  fail(name, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return {};
}

std::optional<Micros> QueryFields::time(std::string_view name) {
  const std::string given = text(name);
  if (given.empty()) return {};
  const auto moment = given.find('-') == given.npos ? Result<Micros>(Error{Code::invalid, "not a time"})
                                                    : parse_moment(given, 0);
  if (moment) return *moment;
  fail(name, "must be a time such as 2026-11-29T04:00:00Z or a date such as 2026-11-29");
  return {};
}

void QueryFields::fail(std::string_view name, const std::string& message) {
  if (!fault_)
    fault_ = api::ApiError{.message = std::string(name) + " " + message, .param = std::string(name)};
}

std::optional<api::ApiError> QueryFields::fault() const {
  if (fault_) return fault_;
  for (const auto& [given, value] : pairs_) {
    const std::string name = given.ends_with("[]") ? given.substr(0, given.size() - 2) : given;
    if (known_.contains(name)) continue;
    const std::string shown = name.substr(0, kShownBytes);
    return api::ApiError{.message = "there is no parameter '" + shown + "' here", .param = shown};
  }
  return {};
}

}  // namespace autark::platform::admin

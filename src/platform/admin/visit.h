// One request to the admin API whose sender is known, and what its handler answers.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <vector>
#include "base/json.h"
#include "http/stream.h"
#include "platform/admin/query_fields.h"
#include "platform/directory.h"
#include "platform/server_platform.h"
#include "platform/sessions.h"

namespace autark::platform::admin {

// The answer of a route; without a body it is a 204.
struct Answer {
  int status = 200;
  std::optional<Json> body;
  http::Headers headers = {};
  std::string text = {};  // instead of a body; its content-type is in the headers
};
using Answered = api::ApiResult<Answer>;

struct Visit {
  ServerPlatform& platform;
  const http::Request& request;
  Micros now = 0;
  bool secure = false;                      // the server speaks TLS
  std::vector<std::string> ids;             // the values of the path's parameters
  Json body;                                // of a route that takes JSON; an object or anything else
  Actor actor = {};                         // nobody on routes that are open
  std::optional<OpenSession> session = {};  // of the cookie; unset: the request has a key

  Directory& directory() const { return platform.directory(); }
};

// 200 with what `encode` makes of the value, or the fault.
template <class T, class Encode>
Answered shown(api::ApiResult<T> made, Encode encode, int status = 200) {
  if (auto* fault = std::get_if<api::ApiError>(&made)) return std::move(*fault);
  return Answer{.status = status, .body = encode(std::get<T>(made))};
}
// The part of a list that is answered: rows to skip, and how many follow at most.
struct Page {
  int64_t after = 0, limit = 0;
};
// Reads `after` and `limit`: 1 to 10,000, which it is if it is not given.
Page page_of(QueryFields& query);
// {"data":[…],"has_more":…}
template <class T, class Encode>
Answered listed(api::ApiResult<std::vector<T>> made, const Page& page, Encode encode) {
  return shown(std::move(made), [&](const std::vector<T>& all) {
    const int64_t count = std::ssize(all), first = std::min(page.after, count);
    const int64_t end = std::min(count, first + page.limit);
    Json data = Json::array();
    for (int64_t i = first; i < end; ++i) data.push_back(encode(all[size_t(i)]));
    return Json{{"data", std::move(data)}, {"has_more", end < count}};
  });
}
// Of a route whose query has the page only.
template <class T, class Encode>
Answered listed(const Visit& visit, api::ApiResult<std::vector<T>> made, Encode encode) {
  QueryFields query(visit.request.query);
  const Page page = page_of(query);
  if (auto fault = query.fault()) return std::move(*fault);
  return listed(std::move(made), page, std::move(encode));
}
// 204, or the fault.
inline Answered done(std::optional<api::ApiError> fault) {
  if (fault) return std::move(*fault);
  return Answer{.status = 204};
}

// The fault for an Error of the ledger and the reports. What the database said goes to the log only.
api::ApiError fault_of(const Error& error);
// The account that the actor sees.
api::ApiResult<Account> account_of(const Visit& visit);
// Refuses what rights.h does not allow.
std::optional<api::ApiError> refused(const Visit& visit, Act act);

}  // namespace autark::platform::admin

// One request to the admin API whose sender is known, and what its handler answers.
#pragma once
#include <optional>
#include <string>
#include <vector>
#include "base/json.h"
#include "http/stream.h"
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
  Json body = {};                           // of a route that takes JSON; an object or anything else
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
// {"data":[…],"has_more":false}
template <class T, class Encode>
Answered listed(api::ApiResult<std::vector<T>> made, Encode encode) {
  return shown(std::move(made), [&](const std::vector<T>& all) {
    Json data = Json::array();
    for (const T& one : all) data.push_back(encode(one));
    return Json{{"data", std::move(data)}, {"has_more", false}};
  });
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

#include "platform/admin/credentials.h"
#include <openssl/crypto.h>
#include "http/credentials.h"
#include "http/message.h"

namespace autark::platform::admin {
namespace {

using Kind = api::ApiError::Kind;
using Fault = std::optional<api::ApiError>;

constexpr std::string_view kCookie = "autark_session";

Fault unauthenticated(std::string message) {
  return api::ApiError{
      .kind = Kind::authentication, .message = std::move(message), .code = "unauthenticated"};
}

Fault forbidden(std::string message, std::string code = "forbidden") {
  return api::ApiError{.kind = Kind::forbidden, .message = std::move(message), .code = std::move(code)};
}

bool changes(const http::Request& request) {
  return request.method != "GET" && request.method != "HEAD";
}

// Takes the same time for all texts of one length.
bool same(std::string_view a, std::string_view b) {
  return !a.empty() && a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Fault admit_key(const Operation& operation, Visit& visit, const std::vector<std::string_view>& keys) {
  const http::Request& r = visit.request;
  auto entered = api::enter(*visit.platform.gatekeeper, {r.method, r.path, {}, http::address_of(r)}, keys);
  if (auto* fault = std::get_if<api::ApiError>(&entered)) {
    if (fault->kind == Kind::authentication) fault->code = "unauthenticated";
    return std::move(*fault);
  }
  const api::Caller& caller = *std::get<std::shared_ptr<const api::Caller>>(entered);
  if (operation.access == Access::session || operation.access == Access::early_session)
    return forbidden("this needs a session of the console, not an API key");
  if (!is_administrative(caller.role) && changes(r))
    return forbidden("an API key of a developer only reads here; sign in to the console for changes");
  visit.actor = Directory::actor_of(caller);
  return {};
}

// What a cookie's session is refused for beyond its roles.
Fault refused_session(const Operation& operation, const Visit& visit) {
  if (changes(visit.request)) {
    if (!is_same_origin(visit.request)) return forbidden("this request came from another page", "origin");
    if (!same(visit.request.header("x-autark-csrf"), visit.session->csrf))
      return forbidden("the header x-autark-csrf must have the csrf text of this session", "csrf");
  }
  const bool early = operation.access == Access::early || operation.access == Access::early_session;
  if (visit.session->needs_totp() && !early)
    return forbidden("administrators set up TOTP before they do anything else", "totp_needed");
  return {};
}

Fault admit_session(const Operation& operation, Visit& visit, const std::string& token) {
  auto found = visit.platform.sessions->find(token);
  if (auto* fault = std::get_if<api::ApiError>(&found)) return std::move(*fault);
  visit.session = std::move(std::get<std::optional<OpenSession>>(found));
  if (!visit.session) return unauthenticated("the session has ended; sign in again");
  visit.actor = visit.session->actor;
  return refused_session(operation, visit);
}

}  // namespace

std::string token_of(const http::Request& request) {
  std::string_view rest = request.header("cookie");
  while (!rest.empty()) {
    std::string_view pair = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    pair.remove_prefix(std::min(pair.size(), pair.find_first_not_of(' ')));
    if (pair.starts_with(kCookie) && pair.substr(kCookie.size()).starts_with('='))
      return std::string(pair.substr(kCookie.size() + 1));
  }
  return {};
}

std::pair<std::string, std::string> cookie(const std::string& token, int64_t seconds, bool secure) {
  std::string text = std::string(kCookie) + "=" + token + "; Path=/admin; HttpOnly; SameSite=Strict";
  text += "; Max-Age=" + std::to_string(token.empty() ? 0 : seconds);
  return {"set-cookie", text + (secure ? "; Secure" : "")};
}

bool is_same_origin(const http::Request& request) {
  const std::string origin = http::lower_case(request.header("origin"));
  if (origin.empty()) return true;
  const size_t host = origin.find("://");
  return host != origin.npos && origin.substr(host + 3) == http::lower_case(request.header("host"));
}

std::optional<api::ApiError> admit(const Operation& operation, Visit& visit) {
  if (operation.access == Access::open) {
    if (is_same_origin(visit.request)) return {};
    return forbidden("this request came from another page", "origin");
  }
  const std::vector<std::string_view> keys = http::keys_of(visit.request);
  if (!keys.empty()) return admit_key(operation, visit, keys);
  const std::string token = token_of(visit.request);
  if (token.empty()) return unauthenticated("send an API key, or sign in");
  return admit_session(operation, visit, token);
}

}  // namespace autark::platform::admin

// Sign-in, sessions and what is one's own.
#include "http/credentials.h"
#include "platform/admin/bodies.h"
#include "platform/admin/credentials.h"
#include "platform/admin/operation.h"
#include "platform/directory_json.h"

namespace autark::platform::admin {
namespace {

using api::ApiError;

Json opened_json(const OpenSession& open) {
  return {{"id", open.session.id},
          {"csrf", open.csrf},
          {"member", member_json(open.member)},
          {"expires", time_json(open.session.expires)},
          {"totp_set", open.member.totp_set}};
}

Answered sign_in(Visit& v) {
  auto read = read_sign_in(v.body);
  if (auto* fault = std::get_if<ApiError>(&read)) return std::move(*fault);
  const SignIn& given = std::get<SignIn>(read);
  auto made = v.platform.sessions->sign_in(given.name, given.password, given.totp,
                                           std::string(http::address_of(v.request)));
  if (auto* fault = std::get_if<ApiError>(&made)) return std::move(*fault);
  const SignedIn& in = std::get<SignedIn>(made);
  const int64_t seconds = (in.open.session.expires - v.now) / kSecond;
  return Answer{201, opened_json(in.open), {cookie(in.token, seconds, v.secure)}};
}

Answered list_sessions(Visit& v) {
  const std::string own = v.session ? v.session->session.id : "";
  return listed(v, v.platform.sessions->list(v.actor),
                [&](const Session& s) { return session_json(s, s.id == own); });
}

Answered end_session(Visit& v) {
  return done(v.platform.sessions->end(v.actor, v.ids[0]));
}

Answered sign_out(Visit& v) {
  if (auto fault = v.platform.sessions->end(v.actor, v.session->session.id)) return std::move(*fault);
  return Answer{.status = 204, .headers = {cookie("", 0, v.secure)}};
}

// Sets a member of `me` to what was found; the caller itself is always there, unless it was just disabled.
template <class T, class Encode>
std::optional<ApiError> put(Json& me, const char* name, api::ApiResult<T> found, Encode encode) {
  if (auto* fault = std::get_if<ApiError>(&found)) return std::move(*fault);
  me[name] = encode(std::get<T>(found));
  return {};
}

Json account_json(const Account& account) {
  return {{"id", account.id}, {"name", account.name}, {"currency", account.currency}};
}

std::optional<ApiError> put_caller(Json& me, const Visit& v) {
  Directory& directory = v.directory();
  if (!v.actor.member.empty())
    if (auto fault = put(me, "member", directory.member(v.actor, v.actor.member), member_json)) return fault;
  if (v.actor.key.empty()) return {};
  return put(me, "key", directory.key(v.actor, v.actor.key),
             [](const Key& key) { return key_json(key, Json::array()); });
}

Answered me(Visit& v) {
  Json all{{"member", nullptr}, {"key", nullptr}, {"roles", Json::array()}};
  if (auto fault = put_caller(all, v)) return std::move(*fault);
  for (const Role role : v.actor.roles) all["roles"].push_back(name_of(role));
  if (auto fault = put(all, "account", account_of(v), account_json)) return std::move(*fault);
  if (auto fault = put(all, "separation", v.directory().separation(), [](bool on) { return on; }))
    return std::move(*fault);
  all["csrf"] = v.session ? Json(v.session->csrf) : Json(nullptr);
  all["totp_set"] = v.session ? Json(v.session->member.totp_set) : Json(nullptr);
  return Answer{.body = std::move(all)};
}

Answered change_password(Visit& v) {
  auto read = read_password_change(v.body);
  if (auto* fault = std::get_if<ApiError>(&read)) return std::move(*fault);
  const PasswordChange& given = std::get<PasswordChange>(read);
  return done(v.platform.sessions->change_password(*v.session, given.old_password, given.new_password));
}

Answered offer_totp(Visit& v) {
  return shown(v.platform.sessions->offer_totp(*v.session), [](const TotpOffer& offer) {
    return Json{{"secret", offer.secret}, {"uri", offer.uri}};
  });
}

Answered confirm_totp(Visit& v) {
  auto code = read_code(v.body);
  if (auto* fault = std::get_if<ApiError>(&code)) return std::move(*fault);
  return done(v.platform.sessions->confirm_totp(*v.session, std::get<std::string>(code)));
}

}  // namespace

std::vector<Operation> session_operations() {
  return {{"POST", "/sessions", "Signs in and sets the cookie", "", sign_in, "SignedIn", 201, "SignIn",
           Takes::json, Access::open, true},
          {"GET", "/sessions", "Open sessions: one's own, for security administrators all", kAll,
           list_sessions, "SessionList"},
          {"DELETE", "/sessions/current", "Signs out", kAll, sign_out, "", 204, "", Takes::nothing,
           Access::early_session},
          {"DELETE", "/sessions/{id}", "Ends a session", kAll, end_session, "", 204},
          {"GET", "/me", "Who calls", kAll, me, "Me", 200, "", Takes::nothing, Access::early},
          {"POST", "/me/password", "Changes one's password and ends one's other sessions", kAll,
           change_password, "", 204, "PasswordChange", Takes::json, Access::session, true},
          {"POST", "/me/totp", "A new TOTP secret, which counts once it is confirmed", kAll, offer_totp,
           "TotpOffer", 200, "Nothing", Takes::json, Access::early_session},
          {"POST", "/me/totp/confirm", "Confirms the new TOTP secret by a code of it", kAll, confirm_totp, "",
           204, "Code", Takes::json, Access::early_session}};
}

}  // namespace autark::platform::admin

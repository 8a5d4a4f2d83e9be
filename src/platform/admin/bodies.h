// The request bodies of the admin API. Each is read by one function, which checks every field and refuses unknown ones; the
// schemas in /admin/openapi.json are made of what these functions look up.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include "api/item.h"
#include "platform/directory.h"
#include "platform/ledger.h"
#include "platform/money.h"

namespace autark::platform::admin {

template <class T>
using Read = api::ApiResult<T>;

struct SignIn {
  std::string name, password, totp;
};
Read<SignIn> read_sign_in(const Json& body);

struct PasswordChange {
  std::string old_password, new_password;
};
Read<PasswordChange> read_password_change(const Json& body);
Read<std::string> read_code(const Json& body);            // {"code"}
Read<std::string> read_name(const Json& body);            // {"name"}
Read<std::string> read_password_reset(const Json& body);  // {"password"?}; empty if there is none
Read<std::string> read_rotation(const Json& body);        // {"overlap"?}; empty if there is none
Read<std::monostate> read_nothing(const Json& body);      // {}

Read<MemberDraft> read_member(const Json& body);
struct MemberChange {
  std::optional<std::vector<Role>> roles;
  std::optional<std::vector<std::string>> workspaces;
};
Read<MemberChange> read_member_change(const Json& body);

// `now` and `currency` are for the moments and sums in them.
Read<KeyDraft> read_key(const Json& body, Micros now, const std::string& currency);

struct LimitChange {
  Limit limit;
  bool remove = false;
};
Read<LimitChange> read_limit(const Json& body, const std::string& currency);
Read<Limit> read_raise(const Json& body, Micros now, const std::string& currency);

struct Deposit {
  Money amount;
  std::string id;  // empty: one is made
};
Read<Deposit> read_deposit(const Json& body);
// Without an account.
Read<Credit> read_credit(const Json& body, Micros now);

// For the description and the tests: a body by its name, and valid examples, small ones first.
struct BodyKind {
  const char* name;
  std::function<std::optional<api::ApiError>(const Json&)> read;
  std::vector<Json> examples;
};
std::span<const BodyKind> body_kinds();

}  // namespace autark::platform::admin

// The routes of the admin API as one table: the router, the description in /admin/openapi.json and the tests of who may
// do what are made of it.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "platform/admin/visit.h"

namespace autark::platform::admin {

inline constexpr std::string_view kBase = "/admin/v1";

// Who may call, apart from the roles.
enum class Access : uint8_t {
  open,           // everybody
  early_session,  // a console session, also one that still needs TOTP
  early,          // keys and all sessions, also those that still need TOTP
  session,        // a console session
  normal          // keys and sessions; a developer's key only reads
};

// What the request has as its body.
enum class Takes : uint8_t { nothing, json, toml };

struct Parameter {
  const char* name;
  const char* type = "text";  // in the notation of schemas.h
  const char* about = "";
};

// The roles that may call, between spaces. The handlers do not read them: they ask rights.h, and a test compares.
inline constexpr const char *kAll = "system security audit developer", *kAdmins = "system security audit",
                            *kSystem = "system", *kSecurity = "security",
                            *kKeys = "system security developer", *kMembers = "system security";

struct Operation {
  const char *method, *path;  // the path below kBase; "{id}" stands for one segment
  const char* summary;
  const char* roles;
  Answered (*handler)(Visit&);
  const char* answer = "";  // the name of its schema; none: 204
  int status = 200;
  const char* body = "";  // the name of its schema
  Takes takes = Takes::nothing;
  Access access = Access::normal;
  bool slow = false;  // computes a password
  std::vector<Parameter> parameters = {};
};

// All of them; immutable. Of two that match a path the first one counts.
std::span<const Operation> operations();

// The parts.
std::vector<Operation> session_operations();
std::vector<Operation> workspace_operations();
std::vector<Operation> member_operations();
std::vector<Operation> key_operations();
std::vector<Operation> limit_operations();
std::vector<Operation> usage_operations();
std::vector<Operation> money_operations();
std::vector<Operation> price_operations();

// The operation for a method and a path, and the values of the path's parameters.
struct Match {
  const Operation* operation = nullptr;
  std::vector<std::string> ids;
  std::string allowed;  // the methods of this path, if it is there, "GET, HEAD, POST"
};
Match match(std::string_view method, std::string_view path);

}  // namespace autark::platform::admin

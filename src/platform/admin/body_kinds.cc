#include "base/check.h"
#include "platform/admin/bodies.h"

namespace autark::platform::admin {
namespace {

using Fault = std::optional<api::ApiError>;

// A reader that keeps the fault only.
template <class Reader>
auto faults_of(Reader read) {
  return [read](const Json& body) -> Fault {
    auto made = read(body);
    if (auto* fault = std::get_if<api::ApiError>(&made)) return std::move(*fault);
    return {};
  };
}

template <class Reader>
BodyKind kind(const char* name, Reader read, std::initializer_list<const char*> examples) {
  BodyKind made{name, faults_of(read), {}};
  for (const char* text : examples) {
    auto parsed = parse_json(text, name);
    AUTARK_CHECK(parsed);
    made.examples.push_back(std::move(*parsed));
  }
  return made;
}

constexpr const char* kCurrency = "CNY";  // of the examples

std::vector<BodyKind> session_kinds() {
  return {kind("SignIn", read_sign_in,
               {R"({"name":"ada","password":"correct horse battery"})",
                R"({"name":"ada","password":"correct horse battery","totp":"123456"})"}),
          kind("PasswordChange", read_password_change,
               {R"({"old":"correct horse battery","new":"another horse battery"})"}),
          kind("Code", read_code, {R"({"code":"123456"})"}), kind("Nothing", read_nothing, {"{}"})};
}

std::vector<BodyKind> directory_kinds() {
  return {
      kind("NewWorkspace", read_name, {R"({"name":"research"})"}),
      kind("NewMember", read_member,
           {R"({"name":"bo"})",
            R"({"name":"bo","roles":["developer"],"workspaces":["default"],"password":"a long password"})"}),
      kind("MemberChange", read_member_change,
           {"{}", R"({"roles":["developer","audit"],"workspaces":["default"]})"}),
      kind("PasswordReset", read_password_reset, {"{}", R"({"password":"a long password"})"}),
      kind("NewKey", [](const Json& body) { return read_key(body, 0, kCurrency); },
           {R"({"workspace":"default","name":"app"})",
            R"({"workspace":"default","name":"app","models":["qwen"],"routes":["/v1/*"],"ips":["10.0.0.0/8"],
                "expires":"30d","role":"developer","rpm":60,"tpm":100000,"concurrency":4,"burst":5,"budget":"5CNY/day"})"}),
      kind("Rotation", read_rotation, {"{}", R"({"overlap":"24h"})"})};
}

std::vector<BodyKind> money_kinds() {
  return {
      kind(
          "NewLimit", [](const Json& body) { return read_limit(body, kCurrency); },
          {R"({"level":"workspace","subject":"default","kind":"rpm","amount":60})",
           R"({"level":"account","subject":"default","model":"qwen","kind":"tpm","amount":null})",
           R"({"level":"workspace","subject":"default","kind":"budget","amount":"100CNY","period":"month"})",
           R"({"level":"workspace","subject":"default","kind":"budget","amount":{"currency":"CNY","amount":"100"}})"}),
      kind("NewRaise", [](const Json& body) { return read_raise(body, 0, kCurrency); },
           {R"({"level":"workspace","subject":"default","kind":"rpm","amount":120,"until":"2h"})",
            R"({"level":"workspace","subject":"default","kind":"budget","amount":"200CNY","until":"2h"})"}),
      kind("NewDeposit", read_deposit, {R"({"amount":"100CNY"})", R"({"amount":"100CNY","id":"invoice 7"})"}),
      kind(
          "NewCredit", [](const Json& body) { return read_credit(body, 0); },
          {R"({"kind":"free","amount":"5CNY"})",
           R"({"kind":"pack","amount":1000000,"unit":"tokens","model":"qwen","expires":"30d","id":"pack 1"})"})};
}

std::vector<BodyKind> all_kinds() {
  std::vector<BodyKind> all;
  for (auto part : {session_kinds, directory_kinds, money_kinds})
    for (BodyKind& made : part()) all.push_back(std::move(made));
  return all;
}

}  // namespace

std::span<const BodyKind> body_kinds() {
  static const std::vector<BodyKind> kKinds = all_kinds();
  return kKinds;
}

}  // namespace autark::platform::admin

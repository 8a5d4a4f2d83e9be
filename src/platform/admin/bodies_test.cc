// Goal: request bodies of the admin API are read as their descriptions say, and whatever is wrong with one is a fault that
// names the field. Method: the examples are read; then every field of every example is left out, replaced by values of all
// other types, and joined by a field that nobody knows.
#include "platform/admin/bodies.h"
#include <gtest/gtest.h>
#include "api/bodies.h"

namespace autark::platform::admin {
namespace {

TEST(AdminBodies, EveryExampleIsValid) {
  for (const BodyKind& kind : body_kinds())
    for (const Json& example : kind.examples) {
      const auto fault = kind.read(example);
      EXPECT_FALSE(fault) << kind.name << ": " << fault->message << "\n" << dump_json(example);
    }
}

TEST(AdminBodies, UnknownFieldsAreNamed) {
  for (const BodyKind& kind : body_kinds())
    for (Json example : kind.examples) {
      example["surprise"] = 1;
      const auto fault = kind.read(example);
      ASSERT_TRUE(fault) << kind.name;
      EXPECT_EQ(fault->param, "surprise") << kind.name;
    }
}

// Whether the schema of a field allows a value of this type.
bool allows(const Json& field, const Json& value) {
  if (!field.contains("type")) return true;
  const Json& types = field["type"];
  const auto has = [&](const char* type) {
    return std::find(types.begin(), types.end(), type) != types.end();
  };
  if (value.is_number()) return has("integer") || has("number");
  return has(value.is_null()      ? "null"
             : value.is_string()  ? "string"
             : value.is_boolean() ? "boolean"
             : value.is_array()   ? "array"
                                  : "object");
}

TEST(AdminBodies, AFieldOfAnotherTypeIsAFaultThatNamesIt) {
  const Json values[] = {
      1.5,          "text", true, Json::array({1}), Json::object({{"a", 1}}), Json::array({nullptr}),
      uint64_t(-1), ""};
  for (const BodyKind& kind : body_kinds()) {
    const Json schema = api::schema_of(kind.examples, kind.read);
    for (const Json& example : kind.examples)
      for (const auto& [name, old] : example.items())
        for (const Json& value : values) {
          if (allows(schema["properties"][name], value)) continue;
          Json body = example;
          body[name] = value;
          const auto fault = kind.read(body);
          ASSERT_TRUE(fault) << kind.name << " " << dump_json(body);
          EXPECT_EQ(fault->param.substr(0, name.size()), name) << kind.name << " " << dump_json(body);
        }
  }
}

TEST(AdminBodies, RequiredFieldsAreThoseThatTheDescriptionSays) {
  for (const BodyKind& kind : body_kinds()) {
    const Json required = api::schema_of(kind.examples, kind.read)["required"];
    for (const auto& [name, value] : kind.examples.front().items()) {
      Json body = kind.examples.front();
      body.erase(name);
      const auto fault = kind.read(body);
      const bool needed = std::find(required.begin(), required.end(), name) != required.end();
      EXPECT_EQ(fault.has_value(), needed) << kind.name << "." << name;
      EXPECT_EQ(fault ? fault->param : name, name) << kind.name;
    }
  }
}

TEST(AdminBodies, WhatIsNoObjectIsAFault) {
  for (const BodyKind& kind : body_kinds())
    for (const Json& body : {Json(), Json(1), Json("x"), Json::array()}) EXPECT_TRUE(kind.read(body));
}

KeyDraft key(const char* text) {
  auto read = read_key(*parse_json(text, "test"), 1000 * kSecond, "CNY");
  if (const auto* fault = std::get_if<api::ApiError>(&read)) {
    ADD_FAILURE() << fault->message;
    return {};
  }
  return std::get<KeyDraft>(read);
}

TEST(AdminBodies, AKeyHasLimitsOfItsOwn) {
  const KeyDraft draft =
      key(R"({"workspace":"w","name":"n","rpm":6,"burst":0,"budget":"2.5CNY/month","expires":"1h",
                                 "role":"audit","models":["a","b"],"member":"m"})");
  ASSERT_EQ(draft.limits.size(), 3u);
  EXPECT_EQ(draft.limits[0].kind, LimitKind::rpm);
  EXPECT_EQ(draft.limits[0].amount, 6);
  EXPECT_EQ(draft.limits[1].kind, LimitKind::burst);
  EXPECT_EQ(draft.limits[2].kind, LimitKind::budget);
  EXPECT_EQ(draft.limits[2].amount, 2'500'000'000);
  EXPECT_EQ(draft.limits[2].period, "month");
  EXPECT_EQ(draft.expires, 4600 * kSecond);
  EXPECT_EQ(draft.role, Role::audit);
  EXPECT_EQ(draft.models, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(draft.member, "m");
}

std::string param_of_limit(const char* text) {
  const auto read = read_limit(*parse_json(text, "test"), "CNY");
  const auto* fault = std::get_if<api::ApiError>(&read);
  return fault ? fault->param : "";
}

TEST(AdminBodies, ALimitIsRemovedByNullAndNotByForgetting) {
  const auto read =
      read_limit(*parse_json(R"({"level":"account","kind":"rpm","amount":null})", "test"), "CNY");
  EXPECT_TRUE(std::get<LimitChange>(read).remove);
  EXPECT_EQ(param_of_limit(R"({"level":"account","kind":"rpm"})"), "amount");
  EXPECT_EQ(param_of_limit(R"({"level":"key","kind":"rpm","amount":1})"), "subject");
  EXPECT_EQ(param_of_limit(R"({"level":"account","kind":"rpm","amount":1,"period":"day"})"), "period");
  EXPECT_EQ(param_of_limit(R"({"level":"account","kind":"budget","amount":1})"), "amount");
  EXPECT_EQ(param_of_limit(R"({"level":"account","kind":"budget","amount":"1USD"})"), "amount");
  EXPECT_EQ(param_of_limit(R"({"level":"account","kind":"budget","amount":{"currency":"CNY"}})"),
            "amount.amount");
  EXPECT_EQ(param_of_limit(R"({"level":"account","kind":"budget","amount":"-1CNY"})"), "amount");
  EXPECT_EQ(param_of_limit(R"({"level":"account","kind":"tpm","amount":-1})"), "amount");
}

TEST(AdminBodies, CreditsAreSumsOrTokens) {
  const auto credit = [](const char* text) { return read_credit(*parse_json(text, "test"), 0); };
  const auto money = credit(R"({"kind":"free","amount":"0.5CNY"})");
  EXPECT_EQ(std::get<Credit>(money).unit, "CNY");
  EXPECT_EQ(std::get<Credit>(money).amount, 500'000'000);
  const auto pack = credit(R"({"kind":"pack","amount":7,"unit":"tokens"})");
  EXPECT_EQ(std::get<Credit>(pack).amount, 7);
  for (const char* wrong :
       {R"({"kind":"pack","amount":7})", R"({"kind":"pack","amount":"7CNY","unit":"tokens"})",
        R"({"kind":"pack","amount":"7CNY","unit":"USD"})", R"({"kind":"pack","amount":"0CNY"})",
        R"({"kind":"gift","amount":"7CNY"})"})
    EXPECT_TRUE(std::holds_alternative<api::ApiError>(credit(wrong))) << wrong;
}

}  // namespace
}  // namespace autark::platform::admin

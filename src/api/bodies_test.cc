// Goal: the description of request bodies has every field that the decoders know, with types and bounds. Method:
// the examples decode; a field that a decoder looks up is in the schema; what the log says of hand-made look-ups.
#include "api/bodies.h"
#include <gtest/gtest.h>
#include "api/field_log.h"
#include "api/fields.h"

namespace autark::api {
namespace {

const Body& body(std::string_view name) {
  for (const Body& b : bodies())
    if (b.name == name) return b;
  throw std::out_of_range(std::string(name));
}

TEST(BodiesTest, EveryExampleIsValid) {
  for (const Body& b : bodies())
    for (const Json& example : b.examples) {
      const auto decoded = b.decode(example);
      const auto* fault = std::get_if<ApiError>(&decoded);
      EXPECT_FALSE(fault) << b.name << ": " << (fault ? fault->message : "") << "\n" << dump_json(example);
    }
}
// Every member of the examples, at any depth, is known to the schema, except where any member is allowed.
void expect_known(const Json& value, const Json& schema, const std::string& path) {
  if (value.is_array() && schema.contains("items"))
    for (const Json& element : value) expect_known(element, schema["items"], path + "[]");
  if (!value.is_object() || !schema.contains("properties")) return;
  for (const auto& [name, member] : value.items()) {
    ASSERT_TRUE(schema["properties"].contains(name)) << path << "." << name;
    expect_known(member, schema["properties"][name], path + "." + name);
  }
}
TEST(BodiesTest, TheSchemaKnowsWhatTheExamplesHave) {
  for (const Body& b : bodies()) {
    const Json schema = schema_of(b);
    for (const Json& example : b.examples) expect_known(example, schema, b.name);
  }
}
TEST(BodiesTest, FieldsHaveTypesAndBounds) {
  const Json chat = schema_of(body("ChatRequest"))["properties"];
  EXPECT_EQ(chat["temperature"], Json::parse(R"({"type":["number","null"],"minimum":0.0,"maximum":2.0})"));
  EXPECT_EQ(chat["n"]["maximum"], 128);
  EXPECT_EQ(chat["stream"]["type"], Json::parse(R"(["boolean","null"])"));
  EXPECT_FALSE(chat["seed"].contains("maximum"));  // all integers of 64 bits
  EXPECT_TRUE(chat["audio"].contains("description"));
  const Json& function = chat["tools"]["items"]["properties"]["function"]["properties"];
  EXPECT_EQ(function["strict"]["type"][0], "boolean");
}
TEST(BodiesTest, RequiredFieldsAreThoseWithoutWhichABodyIsRefused) {
  EXPECT_EQ(schema_of(body("ChatRequest"))["required"], Json::parse(R"(["messages"])"));
  EXPECT_EQ(schema_of(body("MessagesRequest"))["required"], Json::parse(R"(["max_tokens","messages"])"));
  EXPECT_EQ(schema_of(body("CountTokensRequest"))["required"], Json::parse(R"(["messages"])"));
  EXPECT_EQ(schema_of(body("ResponsesRequest"))["required"], Json::parse(R"(["input"])"));
}
TEST(BodiesTest, TheServersOwnFieldIsNotShown) {
  EXPECT_EQ(dump_json(schema_of(body("ResponsesRequest"))).find("previous_items"), std::string::npos);
}
TEST(BodiesTest, ALogSeesTheFieldsOfItsLifeOnly) {
  const Json object{{"a", {{{"b", 1}}}}};
  Json schema;
  {
    FieldLog log;
    Fields f(object);
    f.array("a");
    Fields inner(object["a"][0], "a[0].");
    inner.integer("b", 1, 5);
    inner.find("any");
    schema = log.schema();
  }
  Fields(object).text("later");
  EXPECT_EQ(schema, Json::parse(R"({"type":"object","properties":{"a":{"type":["array","null"],"items":
      {"properties":{"any":{},"b":{"type":["integer","null"],"minimum":1.0,"maximum":5.0}}}}}})"));
}
TEST(BodiesTest, ATextOfAListIsOneOfItOrAFault) {
  constexpr std::string_view kUnits[] = {"day", "month"};
  const auto read = [&](const Json& body) {
    Fields f(body);
    f.one_of("unit", kUnits);
    return f.fault();
  };
  EXPECT_FALSE(read({{"unit", "day"}}) || read({{"unit", nullptr}}) || read(Json::object()));
  const auto fault = read({{"unit", "week"}});
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->param, "unit");
  EXPECT_EQ(fault->message, "unit must be one of day, month, not 'week'");
  const Json examples[] = {{{"unit", "day"}}};
  EXPECT_EQ(schema_of(examples, read)["properties"]["unit"]["enum"], Json::parse(R"(["day","month",null])"));
}

}  // namespace
}  // namespace autark::api

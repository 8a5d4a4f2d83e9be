// Goal: the model listings of both dialects. Method: a fixed list against exact JSON; pages by id and limit.
#include "api/models.h"
#include "api/testing.h"

namespace autark::api {
namespace {

const std::vector<ModelEntry> kThree{{"a", "A", 0, 10}, {"b", "B", 86400, 20}, {"c", "C", 0, 30}};

TEST(Models, OpenAiList) {
  EXPECT_EQ(dump_json(openai_models({kThree[1]})),
            R"({"object":"list","data":[{"id":"b","object":"model","created":86400,"owned_by":"autark"}]})");
}

TEST(Models, AnthropicPages) {
  const auto page = [](std::string_view query) { return std::get<Json>(anthropic_models(kThree, query)); };
  const Json one = page("limit=1&after_id=a");
  EXPECT_TRUE(dump_json(one).starts_with(
      R"({"data":[{"type":"model","id":"b","display_name":"B","created_at":"1970-01-02T00:00:00Z","max_input_tokens":20,"max_tokens":20,"capabilities":{)"));
  EXPECT_EQ(one["has_more"], true);
  EXPECT_EQ(one["first_id"], "b");
  EXPECT_EQ(one["last_id"], "b");
  EXPECT_EQ(page("")["data"].size(), 3u);
  EXPECT_EQ(page("before_id=c&limit=1000")["last_id"], "b");
  EXPECT_TRUE(page("after_id=c")["first_id"].is_null());
  for (const char* bad : {"limit=0", "limit=x", "limit=1001", "limit=-1"})
    EXPECT_EQ(std::get<ApiError>(anthropic_models(kThree, bad)).param, "limit");
}

TEST(Models, CapabilitiesAreThoseOfTheModel) {
  ModelEntry m{"a", "A", 0, 10};
  EXPECT_EQ(anthropic_model(m)["capabilities"]["thinking"]["supported"], false);
  m.thinks = true;
  const Json c = anthropic_model(m)["capabilities"];
  EXPECT_EQ(c["thinking"]["types"]["adaptive"]["supported"], true);
  EXPECT_EQ(c["effort"]["max"]["supported"], true);
  EXPECT_EQ(c["image_input"]["supported"], false);
}

}  // namespace
}  // namespace autark::api

// Goal:   the attribution line is removed where Claude Code puts it, and nowhere else.
// Method: requests with the line alone, before other text, and in places where it is somebody's text.
#include "serve/attribution.h"
#include <gtest/gtest.h>

namespace autark::serve {
namespace {

constexpr const char* kLine = "x-anthropic-billing-header: cc_version=2.1.332.407; cc_entrypoint=sdk-cli;";

api::Request request(std::vector<std::string> system, std::string user = "hello") {
  api::Request r;
  if (!system.empty()) r.items.push_back({.role = api::Role::system});
  for (std::string& text : system) r.items[0].parts.push_back(api::Text{std::move(text)});
  r.items.push_back({.role = api::Role::user, .parts = {api::Text{std::move(user)}}});
  return r;
}

std::vector<std::string> left(api::Request r) {
  drop_attribution(r);
  std::vector<std::string> texts;
  for (const api::Item& i : r.items)
    for (const api::Part& p : i.parts) texts.push_back(std::get<api::Text>(p).text);
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Attribution, ABlockOfItsOwnIsDropped) {
  EXPECT_EQ(left(request({kLine, "You are"})), (Texts{"You are", "hello"}));
  EXPECT_EQ(left(request({kLine})), (Texts{"hello"}));
}

TEST(Attribution, ALineBeforeOtherTextIsDropped) {
  EXPECT_EQ(left(request({std::string(kLine) + "\nYou are\nhere"})), (Texts{"You are\nhere", "hello"}));
}

TEST(Attribution, OtherTextStays) {
  EXPECT_EQ(left(request({"You are", kLine})), (Texts{"You are", kLine, "hello"}));
  EXPECT_EQ(left(request({std::string("See ") + kLine})), (Texts{std::string("See ") + kLine, "hello"}));
  EXPECT_EQ(left(request({}, kLine)), (Texts{kLine}));
  EXPECT_EQ(left(request({"", "a"})), (Texts{"", "a", "hello"}));
}

}  // namespace
}  // namespace autark::serve

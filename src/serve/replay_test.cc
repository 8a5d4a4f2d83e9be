// Goal: what a model wrote is put back into the next prompt, only for its user and within limits. Method:
// turns remembered and items restored, by hand.
#include "serve/replay.h"
#include <gtest/gtest.h>

namespace autark::serve {
namespace {

api::Request with(const std::string& user, std::vector<api::Part> parts) {
  api::Request r{.items = {{api::Role::assistant, std::move(parts)}}};
  r.user = user;
  return r;
}

std::string restored(const Replay& replay, api::Request r) {
  replay.restore(r);
  std::string out;
  for (const api::Part& p : r.items[0].parts) {
    if (const auto* t = std::get_if<api::Reasoning>(&p)) out += "(" + t->text + ")";
    if (const auto* c = std::get_if<api::ToolCall>(&p)) out += c->name + c->arguments;
  }
  return out;
}

Replay::Turn turn(const std::string& id) {
  Replay::Turn t;
  t.add(api::Event::Reasoned{"h"});
  t.add(api::Event::Reasoned{"m"});
  t.add(api::Event::CallBegun{0, id, "f"});
  t.add(api::Event::CallArguments{0, "{\"x\":  "});
  t.add(api::Event::CallArguments{0, "1e2}"});
  t.add(api::Event::CallEnded{0});
  return t;
}

TEST(Replay, RestoresWhatClientsLose) {
  Replay replay;
  replay.remember("ann", ConversationHash("ann"), turn("1"));
  for (const char* id : {"call_1", "toolu_1"}) {
    const api::ToolCall call{id, "f", "{\"x\":100.0}"};
    EXPECT_EQ(restored(replay, with("ann", {call})), "(hm)f{\"x\":  1e2}");
    EXPECT_EQ(restored(replay, with("ann", {api::Reasoning{"own"}, call})), "(own)f{\"x\":  1e2}");
    EXPECT_EQ(restored(replay, with("bob", {call})), "f{\"x\":100.0}") << "another user's";
  }
  EXPECT_EQ(restored(replay, with("ann", {api::ToolCall{"call_1", "f", "{\"x\":3}"}})), "(hm)f{\"x\":3}")
      << "what the client changed stays changed";
  EXPECT_EQ(restored(replay, with("ann", {api::ToolCall{"call_2", "f", "{}"}})), "f{}");
  EXPECT_EQ(restored(replay, with("ann", {api::ToolCall{"1", "f", "no"}})), "(hm)fno");
}

TEST(Replay, TheOrderOfKeysSaysNothing) {
  Replay replay;
  Replay::Turn t;
  t.add(api::Event::CallBegun{0, "1", "f"});
  t.add(api::Event::CallArguments{0, R"({"b": {"y": 1, "x": [1, 2]}, "a": 2})"});
  t.add(api::Event::CallEnded{0});
  replay.remember("", ConversationHash(""), t);
  const auto back = [&](const char* arguments) {
    return restored(replay, with("", {api::ToolCall{"call_1", "f", arguments}}));
  };
  EXPECT_EQ(back(R"({"a":2,"b":{"x":[1,2],"y":1}})"), "f" + t.calls[0].arguments);
  EXPECT_EQ(back(R"({"a":2,"b":{"x":[2,1],"y":1}})"), R"(f{"a":2,"b":{"x":[2,1],"y":1}})") << "a list's does";
}

TEST(Replay, ATurnThatNobodyChangedStandsAsItWasSampled) {
  Replay replay;
  Replay::Turn t = turn("1");
  t.add(api::Event::Delta{"so"});
  t.sampled = {{"hm</think>", {7, 8}}, {"so<call>", {9}}, true};
  replay.remember("", ConversationHash(""), t);
  const api::ToolCall call{"call_1", "f", "{\"x\":100.0}"};
  const auto sampled = [&](std::vector<api::Part> parts) {
    api::Request r = with("", std::move(parts));
    replay.restore(r);
    return r.items[0].sampled ? r.items[0].sampled->answer.text : "";
  };
  EXPECT_EQ(sampled({api::Text{"so"}, call}), "so<call>");
  EXPECT_EQ(sampled({api::Reasoning{"hm"}, api::Text{"so"}, call}), "so<call>");
  EXPECT_EQ(sampled({call}), "") << "its text is gone";
  EXPECT_EQ(sampled({api::Reasoning{"own"}, api::Text{"so"}, call}), "");
  EXPECT_EQ(sampled({api::Text{"so"}, call, call}), "");
  EXPECT_EQ(sampled({api::Text{"so"}, api::ToolCall{"call_1", "g", "{\"x\":100.0}"}}), "");
  EXPECT_EQ(sampled({api::Text{"so"}, api::ToolCall{"call_1", "f", "{\"x\":2}"}}), "");
}

// A turn without calls has no id; it is found by the conversation.
TEST(Replay, ATurnWithoutCallsBelongsToItsConversation) {
  const api::Item question{api::Role::user, {api::Text{"why?"}}}, other{api::Role::user, {api::Text{"how?"}}};
  Replay replay;
  Replay::Turn t;
  t.add(api::Event::Reasoned{"hm"});
  t.add(api::Event::Delta{"so"});
  t.sampled = {{"hm</think>", {7, 8}}, {"so", {9}}, true};
  ConversationHash conversation("ann");
  conversation.add(question);
  replay.remember("ann", conversation, t);
  const auto back = [&](const std::string& user, std::vector<api::Item> before,
                        std::vector<api::Part> parts) {
    api::Request r{.items = std::move(before)};
    r.user = user;
    r.items.push_back({api::Role::assistant, std::move(parts)});
    r.items.push_back(other);
    replay.restore(r);
    const api::Item& answer = r.items[r.items.size() - 2];
    const auto* reasoning = std::get_if<api::Reasoning>(&answer.parts[0]);
    return (reasoning ? reasoning->text : "") + (answer.sampled ? "+" : "-");
  };
  EXPECT_EQ(back("ann", {question}, {api::Text{"so"}}), "hm+");
  EXPECT_EQ(back("ann", {question}, {api::Text{"s"}, api::Text{"o"}}), "hm+") << "cut into parts";
  EXPECT_EQ(back("ann", {question}, {api::Reasoning{"own"}, api::Text{"so"}}), "own-");
  EXPECT_EQ(back("ann", {question}, {api::Text{"else"}}), "-");
  EXPECT_EQ(back("ann", {other}, {api::Text{"so"}}), "-") << "another conversation";
  EXPECT_EQ(back("ann", {question, question}, {api::Text{"so"}}), "-");
  EXPECT_EQ(back("bob", {question}, {api::Text{"so"}}), "-") << "another user's";
  replay.remember("ann", conversation, t);
  EXPECT_EQ(back("ann", {question}, {api::Text{"so"}}), "hm+") << "said twice";
}

TEST(Replay, ForgetsTheOldest) {
  for (const Replay::Limits limits : {Replay::Limits{.turns = 2}, Replay::Limits{.bytes = 1000}}) {
    Replay replay(limits);
    for (const char* id : {"1", "2", "3", "4", "5", "6", "7", "8"})
      replay.remember("", ConversationHash(""), turn(id));
    EXPECT_EQ(restored(replay, with("", {api::ToolCall{"call_1", "f", "{}"}})), "f{}");
    EXPECT_EQ(restored(replay, with("", {api::ToolCall{"call_8", "f", "{}"}})), "(hm)f{}");
  }
}

TEST(Replay, IdsDiffer) {
  Replay replay;
  EXPECT_NE(replay.new_call_id(), replay.new_call_id());
}

}  // namespace
}  // namespace autark::serve

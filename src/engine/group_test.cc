// Goal: requests of a group with the same prompt compute its full blocks once, and each gets the tokens it
// would get alone. Method: small models with whole streams, windows and pooled rows on ref and cpu, with and
// without draft heads. Groups in large and small steps, with little memory and with cancellations, are compared with
// the same requests one by one; the engine's counters show what was computed.
#include <gtest/gtest.h>
#include <future>
#include <latch>
#include "engine/cache.h"
#include "engine/engine.h"
#include "engine/testing.h"

namespace autark::engine {
namespace {

struct Place {
  const char *architecture, *chip;
  int drafts = 0;
  Rounding::Cache cache = Rounding::Cache::f32;
};
std::ostream& operator<<(std::ostream& to, const Place& p) {
  return to << p.architecture << "_" << p.chip << "_drafts" << p.drafts << "_" << int(p.cache);
}

LoadedModel model_at(const Place& p) {
  auto chip = make_chip(p.chip, {.threads = 1});
  AUTARK_CHECK(chip);
  const bool dspark = p.architecture == std::string("dspark");
  if (!dspark && p.architecture != std::string("deepseek_v4"))
    return test_model(p.architecture, std::move(*chip));
  LoadedModel m =
      toy_v4_model(std::move(*chip), dspark ? toy_dspark_config() : toy_v4_config(), p.drafts > 0);
  m.rounding.cache = p.cache;
  return m;
}

class GroupTest : public ::testing::TestWithParam<Place> {
 protected:
  std::unique_ptr<Engine> engine(Options options = {}) const {
    options.drafts = GetParam().drafts;
    return test_engine(model_at(GetParam()), options);
  }
  Request request(int length, int prompt_seed, int seed, int64_t answer = 12) {
    Request r{.prompt = test_prompt(length, prompt_seed), .max_tokens = answer};
    const int64_t vocabulary = reference().card().vocabulary;
    for (int32_t& t : r.prompt) t %= std::min<int64_t>(vocabulary, 90);
    r.sampling = {.temperature = seed % 4 ? 1.f : 0.f, .seed = uint64_t(seed)};
    r.ignore_end = true;
    return r;
  }
  std::vector<Request> choices(int n, int length, int64_t answer = 12) {
    std::vector<Request> all;
    for (int i = 0; i < n; ++i) all.push_back(request(length, 3, i, answer + i));
    return all;
  }
  Engine& reference() {  // without drafts
    if (!reference_) {
      Place plain = GetParam();
      plain.drafts = 0;
      reference_ = test_engine(model_at(plain), {.cache_bytes_max = 0});
    }
    return *reference_;
  }
  std::vector<int32_t> alone(const Request& r) {
    Heard heard;
    EXPECT_TRUE(reference().submit(r, heard.sink()));
    EXPECT_EQ(heard.wait(), Finish::length);
    EXPECT_EQ(heard.usage.prefix.read, 0);
    return heard.ids;
  }
  // The events of each request of the group.
  std::vector<Heard> answers(Engine& engine, const std::vector<Request>& group) {
    std::vector<Heard> heard(group.size());
    std::vector<Sink> sinks;
    for (Heard& h : heard) sinks.push_back(h.sink());
    const auto ids = engine.submit(group, [sinks](int i, Event e) { sinks[i](std::move(e)); });
    AUTARK_CHECK(ids && ids->size() == group.size());
    for (Heard& h : heard) h.wait();
    while (engine.stats().running > 0) std::this_thread::yield();
    EXPECT_EQ(engine.stats().pages_used, 0);
    return heard;
  }
  void expect_as_alone(const std::vector<Heard>& heard, const std::vector<Request>& group) {
    for (size_t i = 0; i < group.size(); ++i) {
      EXPECT_EQ(heard[i].finish, Finish::length);
      EXPECT_EQ(heard[i].ids, alone(group[i])) << "request " << i;
    }
  }
  std::unique_ptr<Engine> reference_;
};

TEST_P(GroupTest, ChoicesComputeTheirPromptOnce) {
  const bool fast = GetParam().architecture == std::string("gemma3");  // others: three pages and a part
  const int length = fast ? 2000 : 430;
  const int64_t shared = (length - 1) / kPageTokens * kPageTokens;
  const auto group = choices(4, length);
  auto e = engine();
  const auto heard = answers(*e, group);
  expect_as_alone(heard, group);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(heard[i].usage.prefix.read, i == 0 ? 0 : shared);
    EXPECT_EQ(heard[i].usage.prompt_tokens, length);
    EXPECT_EQ(heard[i].prompt_done, length);
  }
  EXPECT_EQ(e->stats().prompt_tokens, uint64_t(length + 3 * (length - shared)));
  EXPECT_EQ(e->stats().prefix_tokens.by[int(Tier::memory)][int(Why::complete)], uint64_t(3 * shared));
}

TEST_P(GroupTest, SeveralPromptsInSmallSteps) {
  std::vector<Request> group;
  for (int i : {0, 1, 2}) group.push_back(request(150, 3, i));
  group.push_back(request(40, 5, 3));
  for (int i : {4, 5}) group.push_back(request(129, 7, i));
  for (int i : {6, 7}) group.push_back(request(1, 9, i));
  group.push_back(group[0]);
  group.back().prompt_logprobs = true, group.back().logprobs = 1;
  for (const Options& o : {Options{.batch_rows_max = 7, .running_max = 2}, Options{.batch_rows_max = 150}}) {
    auto e = engine(o);
    const auto heard = answers(*e, group);
    expect_as_alone(heard, group);
    EXPECT_EQ(e->stats().prompt_tokens, uint64_t(150 + 2 * 22 + 40 + 129 + 1 + 2 + 150));
    EXPECT_EQ(heard.back().prompt.size(), 149u) << "log-probabilities of a prompt are computed with it";
    EXPECT_EQ(heard.back().usage.prefix.read, 0);
  }
}

// Three choices that need more memory than there is: one that loses its pages continues from what is kept.
TEST_P(GroupTest, PagesThatRunOut) {
  const auto group = choices(3, 250, 20);
  const auto m = model_at(GetParam());
  const auto layout = layout_of(*m.model, GetParam().cache, GetParam().drafts, m.drafter.get());
  auto e = engine({.state_bytes_max = 4 * layout.page_bytes + 3 * layout.ring_bytes,
                   .cache_bytes_max = 4 * layout.page_bytes + 3 * layout.ring_bytes,
                   .running_max = 3});
  expect_as_alone(answers(*e, group), group);
  EXPECT_GE(e->stats().prompt_tokens, 250u + 2 * 122);
  EXPECT_LE(e->stats().prompt_tokens, 250u + 2 * 250) << "they share no page of the prompt";
}

// The first is cancelled while it computes the prompt for all, the third while it generates.
TEST_P(GroupTest, CancelOfOneLeavesTheOthers) {
  const auto group = choices(4, 200);
  std::vector<Heard> heard(4);
  auto e = engine({.batch_rows_max = 32, .running_max = 4});
  std::promise<std::vector<RequestId>> ids;
  auto known = ids.get_future().share();
  std::vector<Sink> sinks;
  for (int i = 0; i < 4; ++i) {
    sinks.push_back(heard[i].sink([&, i](const Event& event) {
      const bool now = i == 0 ? event.prompt_done > 0 : i == 2 && event.usage.completion_tokens > 0;
      if (now && !event.finish) e->cancel(known.get()[i]);
    }));
  }
  const auto submitted = e->submit(group, [sinks](int i, Event event) { sinks[i](std::move(event)); });
  ASSERT_TRUE(submitted);
  ids.set_value(*submitted);
  EXPECT_EQ(heard[0].wait(), Finish::cancelled);
  EXPECT_EQ(heard[2].wait(), Finish::cancelled);
  for (int i : {1, 3}) {
    EXPECT_EQ(heard[i].wait(), Finish::length);
    EXPECT_EQ(heard[i].ids, alone(group[i]));
  }
  while (e->stats().running > 0) std::this_thread::yield();
  EXPECT_EQ(e->stats().pages_used, 0);
}

INSTANTIATE_TEST_SUITE_P(Places, GroupTest,
                         ::testing::Values(Place{"gemma3", "ref"}, Place{"gemma3", "cpu"},
                                           Place{"qwen3_moe", "cpu"}, Place{"deepseek_v4", "cpu"},
                                           Place{"deepseek_v4", "cpu", 3, Rounding::Cache::native},
                                           Place{"dspark", "cpu", 5}),
                         ::testing::PrintToStringParamName());

TEST(GroupQueueTest, TakesAllOrNone) {
  Heard first, none;
  std::atomic<int> ended = 0, refused = 0;
  auto e = test_engine(test_model("gemma3", ref_chip()), {.running_max = 1, .waiting_max = 3});
  Request r{.prompt = {1, 2, 3}, .max_tokens = 2};
  std::latch entered(1), release(1);
  bool held = false;
  ASSERT_TRUE(e->submit(r, first.sink([&](const Event&) {
    if (std::exchange(held, true)) return;
    entered.count_down();
    release.wait();
  })));
  entered.wait();  // the engine thread is inside the sink
  const auto count = [&](std::atomic<int>& what) {
    return [&what](int, const Event& event) { what += event.finish.has_value(); };
  };
  const auto four = e->submit(std::vector<Request>(4, r), count(refused));
  EXPECT_TRUE(!four && four.error().code == Code::exhausted);
  EXPECT_EQ(e->stats().rejected, 4u);
  std::vector<Request> faulty(3, r);
  faulty[2].prompt = {-1};
  const auto invalid = e->submit(faulty, count(refused));
  EXPECT_TRUE(!invalid && invalid.error().code == Code::invalid);
  EXPECT_EQ(e->stats().waiting, 0);
  EXPECT_TRUE(e->submit(std::vector<Request>(3, r), count(ended)));
  EXPECT_FALSE(e->submit(r, none.sink())) << "the queue is full";
  release.count_down();
  first.wait();
  while (ended < 3) std::this_thread::yield();
  EXPECT_EQ(refused, 0);
}

}  // namespace
}  // namespace autark::engine

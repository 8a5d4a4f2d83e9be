// Goal: the tokens of a request do not depend on other requests, and every request ends once, with a reason.
// Method: small random models on ref and cpu. The greedy or seeded answer of a request alone is the reference
// for the same request with others, in other chunks and with little memory. Then the ways a request can end.
#include "engine/engine.h"
#include <gtest/gtest.h>
#include <future>
#include <latch>
#include "engine/batch.h"
#include "engine/cache.h"
#include "engine/testing.h"

namespace autark::engine {
namespace {

struct Place {
  const char *architecture, *chip;
  int threads;
};
std::ostream& operator<<(std::ostream& to, const Place& p) {
  return to << p.architecture << "_" << p.chip << p.threads;
}

LoadedModel model_at(const Place& p) {
  auto chip = make_chip(p.chip, {.threads = p.threads});
  AUTARK_CHECK(chip);
  return test_model(p.architecture, std::move(*chip));
}

Request request_of(int length, int seed, int64_t answer = 12) {
  Request r{.prompt = test_prompt(length, seed), .max_tokens = answer};
  r.sampling = {.temperature = seed % 2 ? 1.f : 0.f, .seed = uint64_t(seed)};
  r.ignore_end = true;
  return r;
}

class AnswersTest : public ::testing::TestWithParam<Place> {
 protected:
  std::vector<int32_t> alone(const Request& r) {
    if (!reference_) reference_ = test_engine(model_at({GetParam().architecture, GetParam().chip, 1}));
    Heard heard;
    EXPECT_TRUE(reference_->submit(r, heard.sink()));
    EXPECT_EQ(heard.wait(), Finish::length);
    return heard.ids;
  }
  void expect_same_in_company(const Options& options, int requests) {
    auto engine = test_engine(model_at(GetParam()), options);
    std::vector<Heard> heard(requests);
    std::vector<Request> asked;
    for (int i = 0; i < requests; ++i) asked.push_back(request_of(1 + 17 * i % 90, i, 5 + i % 11));
    for (int i = 0; i < requests; ++i) ASSERT_TRUE(engine->submit(asked[i], heard[i].sink()));
    for (int i = 0; i < requests; ++i) {
      EXPECT_EQ(heard[i].wait(), Finish::length);
      EXPECT_EQ(heard[i].ids, alone(asked[i])) << "request " << i;
      EXPECT_EQ(heard[i].usage.completion_tokens, asked[i].max_tokens);
    }
    engine->cancel(999);  // unknown ids: nothing
    while (engine->stats().running > 0) std::this_thread::yield();
    EXPECT_EQ(engine->stats().pages_used, 0);
  }
  std::unique_ptr<Engine> reference_;
};

TEST_P(AnswersTest, DoNotDependOnCompany) {
  expect_same_in_company({}, 9);
}
TEST_P(AnswersTest, DoNotDependOnChunks) {
  expect_same_in_company({.batch_rows_max = 7, .running_max = 4}, 9);
}
TEST_P(AnswersTest, DoNotDependOnPagesThatRanOut) {
  const auto m = model_at(GetParam());
  const auto layout = layout_of(*m.model, Rounding::Cache::f32, 0);
  const int64_t two_pages = 2 * layout.page_bytes + 3 * layout.ring_bytes;
  auto engine = test_engine(model_at(GetParam()),
                            {.state_bytes_max = two_pages, .cache_bytes_max = 1, .running_max = 3});
  const Request a = request_of(100, 1, 60), b = request_of(90, 2, 60);  // both outgrow their page
  Heard first, second;
  ASSERT_TRUE(engine->submit(a, first.sink()));
  ASSERT_TRUE(engine->submit(b, second.sink()));
  EXPECT_EQ(first.wait(), Finish::length);
  EXPECT_EQ(second.wait(), Finish::length);
  EXPECT_EQ(first.ids, alone(a));
  EXPECT_EQ(second.ids, alone(b));
}

INSTANTIATE_TEST_SUITE_P(Places, AnswersTest,
                         ::testing::Values(Place{"gemma3", "ref", 1}, Place{"qwen3_moe", "ref", 1},
                                           Place{"gemma3", "cpu", 1}, Place{"gemma3", "cpu", 2},
                                           Place{"qwen3_moe", "cpu", 2}, Place{"gemma3", "far", 1},
                                           Place{"qwen3_moe", "far", 1}),
                         ::testing::PrintToStringParamName());

class EngineTest : public ::testing::Test {
 protected:
  std::unique_ptr<Engine> make(const Options& options = {}) {
    return test_engine(test_model("gemma3", ref_chip()), options);
  }
};

TEST_F(EngineTest, CancelInAPromptEndsItWithinOneStep) {
  auto engine = make({.batch_rows_max = 16, .running_max = 4});
  Heard heard;
  int64_t done = 0;
  std::promise<RequestId> id;
  auto known = id.get_future().share();
  const auto submitted = engine->submit(request_of(400, 1), heard.sink([&](const Event& e) {
    if (e.finish || done || e.prompt_done == 0) return;
    done = e.prompt_done;
    engine->cancel(known.get());
  }));
  ASSERT_TRUE(submitted);
  id.set_value(*submitted);
  EXPECT_EQ(heard.wait(), Finish::cancelled);
  EXPECT_GT(done, 0);
  EXPECT_EQ(heard.prompt_done, done);  // no step ran in between
  EXPECT_TRUE(heard.ids.empty());
}

TEST_F(EngineTest, CancelWhileGeneratingLeavesTheOthersAlone) {
  auto engine = make();
  Heard first, second;
  std::promise<RequestId> id;
  auto known = id.get_future().share();
  const auto submitted = engine->submit(request_of(10, 1, 500), first.sink([&](const Event& e) {
    if (!e.finish && e.usage.completion_tokens == 3) engine->cancel(known.get());
  }));
  id.set_value(*submitted);
  ASSERT_TRUE(engine->submit(request_of(20, 2, 30), second.sink()));
  EXPECT_EQ(first.wait(), Finish::cancelled);
  EXPECT_EQ(first.ids.size(), 3u);
  EXPECT_EQ(second.wait(), Finish::length);
  EXPECT_EQ(second.ids.size(), 30u);
}

TEST_F(EngineTest, AFullQueueRefusesAndGoesOn) {
  auto engine = make({.running_max = 1, .waiting_max = 2});
  std::latch entered(1), release(1);
  bool held = false;
  Heard first, second, third, refused;
  ASSERT_TRUE(engine->submit(request_of(5, 1), first.sink([&](const Event&) {
    if (std::exchange(held, true)) return;
    entered.count_down();
    release.wait();
  })));
  entered.wait();  // the engine thread is inside the sink
  EXPECT_TRUE(engine->submit(request_of(5, 2), second.sink()));
  EXPECT_TRUE(engine->submit(request_of(5, 3), third.sink()));
  const auto r = engine->submit(request_of(5, 4), refused.sink());
  EXPECT_TRUE(!r && r.error().code == Code::exhausted);
  EXPECT_EQ(engine->stats().rejected, 1u);
  EXPECT_EQ(engine->stats().waiting, 2);
  release.count_down();
  for (Heard* h : {&first, &second, &third}) EXPECT_EQ(h->wait(), Finish::length);
  EXPECT_FALSE(refused.finish);
}

TEST_F(EngineTest, DestructionCancelsEverybody) {
  Heard running, waiting;  // with all that the sinks touch, they outlive the engine
  std::latch busy(1);
  bool counted = false;
  {
    auto engine = make({.running_max = 1});
    ASSERT_TRUE(engine->submit(request_of(50, 1, 1900), running.sink([&](const Event& e) {
      if (!e.tokens.empty() && !std::exchange(counted, true)) busy.count_down();
    })));
    ASSERT_TRUE(engine->submit(request_of(50, 2), waiting.sink()));
    busy.wait();
  }
  EXPECT_EQ(running.finish, Finish::cancelled);
  EXPECT_EQ(waiting.finish, Finish::cancelled);
}

TEST_F(EngineTest, ANumberThatIsNoneFailsItsRequestAlone) {
  auto engine = test_engine(test_model("qwen3_moe", ref_chip(), broken_tensor));
  Heard good, bad, worse;
  Request broken = request_of(9, 2), sound = request_of(9, 2);
  sound.sampling.logit_bias = {{kBrokenToken, -1000.f}};
  broken.prompt[4] = kBrokenToken;
  ASSERT_TRUE(engine->submit(sound, good.sink()));
  ASSERT_TRUE(engine->submit(broken, bad.sink()));
  broken.prompt_logprobs = true;
  ASSERT_TRUE(engine->submit(broken, worse.sink()));
  EXPECT_EQ(bad.wait(), Finish::failed);
  ASSERT_TRUE(bad.error);
  EXPECT_EQ(bad.error->code, Code::internal);
  EXPECT_EQ(worse.wait(), Finish::failed);
  EXPECT_EQ(good.wait(), Finish::length);
  EXPECT_EQ(engine->stats().finished.at("failed"), 2u);
}

TEST_F(EngineTest, WhatCanNeverRunIsRefusedAtOnce) {
  auto engine = make({.context_max = 64});
  Heard none;
  for (Request r : {Request{}, Request{.prompt = {96}}, Request{.prompt = {-1}}, request_of(64, 1)}) {
    const auto got = engine->submit(r, none.sink());
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::invalid);
  }
  Request r = request_of(4, 1);
  r.sampling.temperature = -1;
  EXPECT_FALSE(engine->submit(r, none.sink()));
  EXPECT_EQ(engine->card().context, 64);
}

TEST_F(EngineTest, TheContextEndsAnAnswer) {
  auto engine = make({.context_max = 64});
  Heard heard;
  ASSERT_TRUE(engine->submit(request_of(60, 1, -1), heard.sink()));
  EXPECT_EQ(heard.wait(), Finish::context);
  EXPECT_EQ(heard.ids.size(), 4u);
}

TEST_F(EngineTest, AnEndTokenEndsUnlessIgnored) {
  auto engine = make();
  Request r = request_of(8, 2, 40);
  r.ignore_end = false;
  r.sampling.logit_bias = {{kEndToken, 1000.f}};
  r.min_tokens = 5;
  Heard ends, ignores;
  ASSERT_TRUE(engine->submit(r, ends.sink()));
  EXPECT_EQ(ends.wait(), Finish::stop);
  ASSERT_EQ(ends.ids.size(), 6u);
  EXPECT_EQ(ends.ids.back(), kEndToken);
  r.ignore_end = true;
  r.min_tokens = 0;
  ASSERT_TRUE(engine->submit(r, ignores.sink()));
  EXPECT_EQ(ignores.wait(), Finish::length);
  EXPECT_EQ(ignores.ids, std::vector<int32_t>(40, kEndToken));
}

TEST_F(EngineTest, EndTokensOfTheOptionsEndLikeTheCheckpoints) {
  Request r = request_of(8, 2, 40);
  r.ignore_end = false;
  r.sampling.logit_bias = {{17, 1000.f}};
  for (const std::vector<int32_t>& ends : {std::vector<int32_t>{}, {17, -1, kTestVocabulary}}) {
    auto engine = make({.end_tokens = ends});
    Heard heard;
    ASSERT_TRUE(engine->submit(r, heard.sink()));
    EXPECT_EQ(heard.wait(), ends.empty() ? Finish::length : Finish::stop);
    EXPECT_EQ(heard.ids.size(), ends.empty() ? 40u : 1u);
  }
}

// The reader finishes the request after the third token, while another request is in the batch.
TEST_F(EngineTest, FinishFromTheSinkEndsAtOnceForItsReason) {
  for (const Finish why : {Finish::stop_string, Finish::stop}) {
    auto engine = make();
    Heard whole, heard, other;
    ASSERT_TRUE(engine->submit(request_of(8, 2, 20), whole.sink()));
    whole.wait();
    std::promise<RequestId> id;
    auto known = id.get_future().share();
    bool counted = false;
    const auto submitted = engine->submit(request_of(8, 2, 500), heard.sink([&](const Event& e) {
      if (e.finish) counted = engine->stats().finished.contains(name_of(why));
      if (!e.finish && e.usage.completion_tokens == 3) engine->finish(known.get(), why);
    }));
    ASSERT_TRUE(submitted);
    id.set_value(*submitted);
    ASSERT_TRUE(engine->submit(request_of(20, 2, 30), other.sink()));
    EXPECT_EQ(heard.wait(), why);
    EXPECT_EQ(heard.ids, std::vector<int32_t>(whole.ids.begin(), whole.ids.begin() + 3));
    EXPECT_EQ(heard.usage.completion_tokens, 3);
    EXPECT_TRUE(counted) << "whoever hears of an end finds it counted";
    EXPECT_EQ(other.wait(), Finish::length);
    engine->finish(*submitted, Finish::stop);  // it has finished: nothing
    EXPECT_EQ(engine->stats().generation_tokens, 20u + 3u + 30u);
    EXPECT_EQ(engine->stats().finished.at(name_of(why)), 1u);
    EXPECT_FALSE(engine->stats().finished.contains("cancelled"));
  }
}

TEST_F(EngineTest, LogprobsOfPromptAndAnswerDoNotDependOnChunks) {
  const auto ask = [&](const Options& options) {
    auto engine = make(options);
    Request r = request_of(40, 1, 5);
    r.prompt_logprobs = true;
    r.logprobs = 3;
    Heard heard;
    EXPECT_TRUE(engine->submit(r, heard.sink()));
    EXPECT_EQ(heard.wait(), Finish::length);
    EXPECT_EQ(heard.prompt.size(), 39u);
    EXPECT_EQ(heard.logprobs.size(), 5u);
    std::vector<float> all;
    for (const auto* list : {&heard.prompt, &heard.logprobs}) {
      for (const Logprobs& l : *list) {
        EXPECT_EQ(l.top.size(), 3u);
        EXPECT_LE(l.chosen.logprob, l.top[0].logprob);
        all.push_back(l.chosen.logprob);
      }
    }
    for (int i = 0; i < 39; ++i) EXPECT_EQ(heard.prompt[i].chosen.id, r.prompt[i + 1]);
    return all;
  };
  EXPECT_EQ(ask({}), ask({.batch_rows_max = 4, .running_max = 1}));
}

TEST_F(EngineTest, ZeroTokensReadThePromptOnly) {
  auto engine = make();
  Request r = request_of(12, 1, 0);
  r.prompt_logprobs = true;
  Heard heard;
  ASSERT_TRUE(engine->submit(r, heard.sink()));
  EXPECT_EQ(heard.wait(), Finish::length);
  EXPECT_EQ(heard.prompt.size(), 11u);
  EXPECT_TRUE(heard.ids.empty());
}

TEST_F(EngineTest, ManyThreadsSubmitAndCancel) {
  auto engine = make({.batch_rows_max = 8, .running_max = 3, .waiting_max = 1000});
  std::vector<std::vector<Heard>> heard(4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    heard[t] = std::vector<Heard>(8);
    threads.emplace_back([&, t] {
      for (int i = 0; i < 8; ++i) {
        const auto id = engine->submit(request_of(3 + i, t + i, 6), heard[t][i].sink());
        ASSERT_TRUE(id);
        if (i % 3 == t % 3) engine->cancel(*id);
        engine->stats();
      }
    });
  }
  for (auto& t : threads) t.join();
  for (int t = 0; t < 4; ++t) {
    for (int i = 0; i < 8; ++i) {
      const Finish f = heard[t][i].wait();
      EXPECT_TRUE(f == Finish::length || (f == Finish::cancelled && i % 3 == t % 3));
    }
  }
}

}  // namespace
}  // namespace autark::engine

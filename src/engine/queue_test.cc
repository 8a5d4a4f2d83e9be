// Goal: a request hears its place in the queue and ends at its deadline, waiting or running; both are counted.
// Method: a batch whose clock the test moves, and an engine with room for one request.
#include <gtest/gtest.h>
#include <deque>
#include <optional>
#include <utility>
#include <vector>
#include "engine/batch.h"
#include "engine/testing.h"

namespace autark::engine {
namespace {

Request request(int seed, int64_t tokens) {
  return {.prompt = test_prompt(8, seed), .max_tokens = tokens, .ignore_end = true};
}

class QueueTest : public testing::Test {
 protected:
  QueueTest() : model_(test_model("qwen3_moe", ref_chip())) {
    auto cache = Cache::make(*model_.model, *model_.chip, {.bytes_max = 1 << 20, .context = 256});
    AUTARK_CHECK(cache);
    cache_ = std::move(*cache);
    limits_ = {.context = cache_->context(), .vocabulary = model_.model->vocabulary()};
    batch_.emplace(
        *model_.model, *model_.chip, *cache_,
        Limits{.rows_max = 64, .running_max = 1, .pages_total = cache_->pages_total()}, PrefixTree::Options{},
        [this] { return now_; }, [] { return std::nullopt; });
  }
  Heard& add(Request r) {
    Heard& heard = heard_.emplace_back();
    batch_->add(std::make_unique<Session>(heard_.size(), std::move(r), heard.sink(), limits_));
    return heard;
  }
  void step(double now) {
    now_ = now;
    if (batch_->schedule()) batch_->run();
    batch_->publish();
  }

  LoadedModel model_;
  std::unique_ptr<Cache> cache_;
  SessionLimits limits_;
  double now_ = 0;
  std::deque<Heard> heard_;
  std::optional<Batch> batch_;
};

TEST_F(QueueTest, ADeadlineEndsARunningAndAWaitingRequest) {
  Request first = request(1, 100), second = request(2, 100);
  first.service.seconds_max = 5;
  second.service.seconds_max = 2;
  Heard &runs = add(first), &waits = add(second), &stays = add(request(3, 2));
  step(1), step(1.9);
  EXPECT_FALSE(runs.finish || waits.finish);
  step(2);
  EXPECT_EQ(waits.finish, Finish::deadline);
  EXPECT_TRUE(waits.ids.empty());
  step(4.9);
  EXPECT_FALSE(runs.finish);
  step(5);
  EXPECT_EQ(runs.finish, Finish::deadline);
  EXPECT_EQ(runs.ids.size(), 4u) << "what it had until then was delivered";
  step(6), step(7);
  EXPECT_EQ(stays.finish, Finish::length);
  EXPECT_EQ(batch_->counters().finished.at("deadline"), 2u);
  EXPECT_EQ(batch_->pages_used(), 0);
}

TEST_F(QueueTest, ThePlaceFallsAndTheWaitGrows) {
  add(request(1, 3)), add(request(2, 2)), add(request(3, 2));
  step(1.5);
  auto queue = batch_->queue();
  ASSERT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue[0].id, 2u);
  EXPECT_EQ(queue[0].place.position, 1);
  EXPECT_EQ(queue[1].id, 3u);
  EXPECT_EQ(queue[1].place.position, 2);
  EXPECT_EQ(queue[1].place.waited_ms, 1500);
  step(2), step(3), step(4);
  queue = batch_->queue();
  ASSERT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue[0].id, 3u);
  EXPECT_EQ(queue[0].place.position, 1);
  EXPECT_EQ(queue[0].place.waited_ms, 4000);
}

TEST(EngineQueueTest, TheEngineTellsThePlace) {
  const auto engine = test_engine(test_model("qwen3_moe", ref_chip()), {.running_max = 1});
  std::deque<Heard> heard(3);
  std::vector<std::optional<QueuePlace>> places;
  std::vector<Sink> sinks;
  for (int i = 0; i < 3; ++i) {
    sinks.push_back(heard[i].sink([&, i](const Event& e) {
      if (i != 0 || e.tokens.empty() || !places.empty()) return;
      for (int j = 0; j < 3; ++j) places.push_back(engine->queued(e.id + j));
    }));
  }
  const auto ids = engine->submit({request(1, 4), request(2, 4), request(3, 4)},
                                  [&](int i, Event e) { sinks[i](std::move(e)); });
  ASSERT_TRUE(ids);
  for (Heard& h : heard) EXPECT_EQ(h.wait(), Finish::length);
  ASSERT_EQ(places.size(), 3u);
  EXPECT_FALSE(places[0]) << "it runs";
  ASSERT_TRUE(places[1] && places[2]);
  EXPECT_EQ(places[1]->position, 1);
  EXPECT_EQ(places[2]->position, 2);
  EXPECT_FALSE(engine->queued(ids->at(2)) || engine->queued(999)) << "ended, unknown";
  EXPECT_EQ(engine->stats().waited_ms_max, 0);
}

}  // namespace
}  // namespace autark::engine

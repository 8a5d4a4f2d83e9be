// Goal: engines that get the same requests and cancellations in the same order stay equal bit for bit,
// whatever their clocks and speeds, and so do the ranks of a group. Method: batches and engines side by side;
// groups of 1, 2 and 4 threads, each a rank with its share of the weights, driven by one script of arrivals
// and cancellations.
#include <gtest/gtest.h>
#include <chrono>
#include <cmath>
#include <thread>
#include "cluster/thread_comm.h"
#include "engine/batch.h"
#include "engine/golden_testing.h"
#include "engine/testing.h"
#include "engine/trace.h"

namespace autark::engine {
namespace {

std::unique_ptr<Chip> cpu_chip(Comm* comm = nullptr) {
  auto chip = make_chip("cpu", {.threads = 1, .comm = comm});
  AUTARK_CHECK(chip);
  return std::move(*chip);
}

// What reaches an engine before each of its steps.
struct Mail {
  std::vector<Request> requests;
  std::vector<RequestId> cancels;
};

Request request(int prompt, int seed, int64_t tokens, Sampling sampling) {
  sampling.seed = uint64_t(seed);
  return {.prompt = test_prompt(prompt, seed),
          .max_tokens = tokens,
          .sampling = sampling,
          .ignore_end = true,
          .logprobs = 3};
}

// Ids are given in the order of arrival, from 1. Long prompts, so that pages run out.
std::vector<Mail> script() {
  Request stops = request(20, 4, 12, {.temperature = 1.5f});
  for (int32_t id = 0; id < kTestVocabulary; ++id)
    if (id % 10 == 7 || id / 10 == 7) stops.stop_tokens.push_back(id);
  Request prompt = request(40, 6, 3, {.temperature = 0});
  prompt.prompt_logprobs = true;
  std::vector<Mail> mail(45);
  mail[0].requests = {request(100, 1, 60, {.temperature = 1}), request(110, 2, 60, {.top_p = 0.9f})};
  mail[1].requests = {request(90, 3, 40, {.repetition_penalty = 1.3f, .frequency_penalty = 0.2f})};
  mail[3].requests = {stops,
                      request(70, 5, 30, {.temperature = 0.7f, .top_k = 20, .logit_bias = {{5, 2.f}}})};
  mail[40].cancels = {2, 99};
  mail[7].requests = {prompt};
  mail[44].cancels = {5};
  return mail;
}

// Two requests at once, for the slower model.
std::vector<Mail> short_script() {
  return {{{request(25, 1, 16, {.temperature = 1}), request(9, 2, 12, {.temperature = 0})}, {}}};
}

// Everything that a run shows except times.
struct Outcome {
  std::vector<std::vector<int32_t>> ids;  // of each request
  std::vector<Finish> finishes;
  std::vector<float> logprobs;              // of all requests in turn: chosen, then the best
  std::vector<int32_t> best;                // ids of the best
  std::vector<std::vector<int64_t>> plans;  // of each step: running, waiting, pages
  bool operator==(const Outcome&) const = default;
};

void add(Outcome* to, const std::vector<Logprobs>& of) {
  for (const Logprobs& l : of) {
    to->logprobs.push_back(l.chosen.logprob);
    for (const auto& t : l.top) to->logprobs.push_back(t.logprob), to->best.push_back(t.id);
  }
}

void add(Outcome* to, const Heard& h) {
  to->ids.push_back(h.ids);
  to->finishes.push_back(*h.finish);
  add(to, h.prompt);
  add(to, h.logprobs);
}

std::unique_ptr<Cache> small_cache(const LoadedModel& m, int rewind_tokens) {
  const StateLayout l = layout_of(*m.model, Rounding::Cache::f32, rewind_tokens, m.drafter.get());
  auto cache = Cache::make(*m.model, *m.chip,
                           {.bytes_max = 4 * l.ring_bytes + 3 * l.page_bytes,
                            .context = 2 * l.page_tokens,
                            .sequences_max = 4,
                            .rewind_tokens = rewind_tokens,
                            .drafter = m.drafter.get()});
  AUTARK_CHECK(cache);
  return std::move(*cache);
}

// Gives a batch its mail before each step, until all requests have ended.
Outcome drive(LoadedModel m, Batch::Clock clock, const std::vector<Mail>& mail = script(), int drafts = 0) {
  const auto cache = small_cache(m, drafts);
  const SessionLimits limits{.context = cache->context(), .vocabulary = m.model->vocabulary()};
  const Limits budget{
      .rows_max = 64, .mixed_rows_max = 16, .running_max = 4, .pages_total = cache->pages_total()};
  Batch batch(*m.model, *m.chip, *cache, budget, {}, std::move(clock), [] { return std::nullopt; },
              {.head = m.drafter.get(), .lookup = drafts > 0, .most = drafts, .always = true});
  std::deque<Heard> heard;
  Outcome out;
  bool busy = true;
  for (size_t step = 0; busy || step < mail.size(); ++step) {
    const Mail now = step < mail.size() ? mail[step] : Mail{};
    for (Request r : now.requests) {
      for (int32_t& id : r.prompt) id %= int32_t(limits.vocabulary);
      AUTARK_CHECK(!fault_of(r, limits));
      Heard& to = heard.emplace_back();
      batch.add(std::make_unique<Session>(heard.size(), std::move(r), to.sink(), limits));
    }
    for (RequestId id : now.cancels) batch.end(id, Finish::cancelled);
    if ((busy = batch.schedule())) batch.run();
    batch.publish();
    out.plans.push_back({batch.running(), batch.waiting(), batch.pages_used()});
  }
  for (const Heard& h : heard) add(&out, h);
  return out;
}

Outcome drive_ranks(int ranks, const std::function<LoadedModel(std::unique_ptr<Chip>)>& make,
                    const std::vector<Mail>& mail = script(), int drafts = 0) {
  std::vector<Outcome> all(ranks);
  run_ranks(ranks, [&](Comm& comm) {
    double now = 0;  // clocks of ranks are never equal
    all[comm.rank()] = drive(
        make(cpu_chip(&comm)), [&now, r = comm.rank()] { return now += 1 + 10 * r; }, mail, drafts);
  });
  for (int r = 1; r < ranks; ++r) EXPECT_EQ(all[r], all[0]) << "rank " << r << " of " << ranks;
  return all[0];
}

void expect_near(const Outcome& got, const Outcome& want) {
  EXPECT_EQ(got.ids, want.ids);
  EXPECT_EQ(got.finishes, want.finishes);
  EXPECT_EQ(got.plans, want.plans);
  EXPECT_EQ(got.best, want.best);
  ASSERT_EQ(got.logprobs.size(), want.logprobs.size());
  for (size_t i = 0; i < got.logprobs.size(); ++i)
    ASSERT_NEAR(got.logprobs[i], want.logprobs[i], 1e-5f * std::max(1.f, std::abs(want.logprobs[i])));
}

// Measured times move the ends of slices, and no token.
TEST(RanksTest, NoTokenDependsOnTheClock) {
  for (const char* architecture : {"gemma3", "qwen3_moe"}) {
    SCOPED_TRACE(architecture);
    double ticks = 0;
    const auto still = drive(test_model(architecture, ref_chip()), [] { return 0.; });
    const auto wild = drive(test_model(architecture, ref_chip()), [&] { return ticks = ticks * 1.7 + 1e-3; });
    for (size_t i = 0; i < still.ids.size(); ++i) {
      if (still.finishes[i] == Finish::cancelled) continue;  // at a step, so after another number of tokens
      EXPECT_EQ(still.ids[i], wild.ids[i]) << i;
      EXPECT_EQ(still.finishes[i], wild.finishes[i]) << i;
    }
    const bool waited = std::ranges::any_of(still.plans, [](const auto& p) { return p[1] > 0; });
    EXPECT_TRUE(waited);  // else the script tests no queue
    EXPECT_EQ(still.finishes[1], Finish::cancelled);
    EXPECT_EQ(still.finishes[3], Finish::stop);
  }
}

TEST(RanksTest, RanksDrawTheTokensOfOne) {
  for (const char* architecture : {"gemma3", "qwen3_moe"}) {
    for (int key_heads : {2, 1}) {
      SCOPED_TRACE(std::string(architecture) + ", key heads: " + std::to_string(key_heads));
      const auto make = [&](std::unique_ptr<Chip> chip) {
        return test_model(architecture, std::move(chip), random_tensor, {{"num_key_value_heads", key_heads}});
      };
      const Outcome alone = drive_ranks(1, make);
      for (int ranks : {2, 4}) expect_near(drive_ranks(ranks, make), alone);
    }
  }
}

TEST(RanksTest, DraftsHoldOnRanksAsOnOne) {
  const auto make = [](std::unique_ptr<Chip> chip) {
    return toy_v4_model(std::move(chip), toy_v4_config(), true);
  };
  expect_near(drive_ranks(2, make, short_script(), 2), drive_ranks(1, make, short_script(), 2));
}

// The same requests and cancellations, once as fast as possible, once with a slow sink and late requests:
// other steps, the same tokens.
TEST(RanksTest, PaceChangesNoToken) {
  const auto run = [](std::chrono::milliseconds pause) {
    const auto engine =
        test_engine(test_model("gemma3", ref_chip()), {.batch_rows_max = 32, .running_max = 3});
    std::deque<Heard> heard;
    for (const Mail& m : script()) {
      for (const Request& r : m.requests) {
        const RequestId id = heard.size() + 1;
        const auto cancel_second = [&engine = *engine, id, pause, n = 0](const Event& e) mutable {
          std::this_thread::sleep_for(pause / 10);
          n += int(e.tokens.size());
          if (id == 2 && n == 7) engine.cancel(id);
        };
        const auto got = engine->submit(r, heard.emplace_back().sink(cancel_second));
        AUTARK_CHECK(got && *got == id);
        std::this_thread::sleep_for(pause);
      }
    }
    Outcome out;
    for (Heard& h : heard) h.wait(), add(&out, h);
    return out;
  };
  const Outcome fast = run(std::chrono::milliseconds(0));
  EXPECT_EQ(fast, run(std::chrono::milliseconds(3)));
  EXPECT_EQ(fast.finishes[1], Finish::cancelled);
  EXPECT_EQ(fast.ids[1].size(), 7u);
}

// Logits of a short prompt, or the error why the weights cannot be divided.
Result<std::vector<float>> logits_of_file(const std::filesystem::path& path, int ranks) {
  std::vector<std::optional<Result<std::vector<float>>>> all(ranks);
  run_ranks(ranks, [&](Comm& comm) {
    auto& mine = all[comm.rank()];
    auto m = load_model(path, {.rounding = Rounding{}, .threads = 1, .comm = &comm});
    if (!m) return void(mine = m.error());
    mine = trace(*m, {1, 5, 2, 7, 3, 11})->logits.values;
  });
  for (const auto& r : all) {
    EXPECT_EQ(bool(*r), bool(*all[0]));
    if (*r && *all[0]) {
      EXPECT_EQ(**r, **all[0]);
    }
  }
  return std::move(*all[0]);
}

TEST(RanksTest, FilesLoadAsShares) {
  int agreed = 0, refused = 0;
  for (const char* folder : {"models", "models/gguf"}) {
    for (const auto& path : files_in(golden(folder))) {
      if (path.extension() != ".gguf" && !std::filesystem::exists(path / "config.json")) continue;
      SCOPED_TRACE(path);
      const auto want = logits_of_file(path, 1);
      ASSERT_TRUE(want) << want.error().message;
      const auto got = logits_of_file(path, 2);
      if (!got) {
        ++refused;
        EXPECT_NE(got.error().message.find("use fewer ranks"), std::string::npos) << got.error().message;
        continue;
      }
      ++agreed;
      EXPECT_LE(worst_difference(*got, *want), 1e-5 * std::abs(*std::ranges::max_element(*want)));
    }
  }
  EXPECT_GE(agreed, 8);
  EXPECT_GE(refused, 2);  // three key heads; blocks of Q8_0 that are wider than a share
}

TEST(RanksTest, RanksAgreeOnTheirPages) {
  std::vector<int64_t> pages(4);
  run_ranks(4, [&](Comm& comm) {
    const auto engine = start({.model = test_model("qwen3_moe", cpu_chip(&comm))},
                              {.state_bytes_max = (comm.rank() + 8) << 20, .running_max = 2});
    ASSERT_TRUE(engine) << engine.error().message;
    pages[comm.rank()] = (*engine)->stats().pages_total;
  });
  EXPECT_EQ(pages, std::vector(4, pages[0]));
}

}  // namespace
}  // namespace autark::engine

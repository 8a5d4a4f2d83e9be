// Goal: a request that starts behind the state of an earlier one gets the same tokens and log-probabilities, bit
// for bit, as one that computes everything; it is told what was reused before its first token; nothing of a
// domain shows in another one. Method: small models with whole streams, windows, pooled rows and draft heads;
// conversations, edited prompts and random workloads with little memory are compared with an engine that keeps
// nothing.
#include <gtest/gtest.h>
#include <cstdlib>
#include <random>
#include "engine/cache.h"
#include "engine/prefix_testing.h"

namespace autark::engine {
namespace {

struct Place {
  const char* architecture;
  int drafts = 0;
  Rounding::Cache cache = Rounding::Cache::f32;
};
std::ostream& operator<<(std::ostream& to, const Place& p) {
  return to << p.architecture << "_drafts" << p.drafts << "_" << int(p.cache);
}

class PrefixTest : public ::testing::TestWithParam<Place> {
 protected:
  static LoadedModel model(bool drafter) {
    const Place& p = GetParam();
    const bool dspark = p.architecture == std::string("dspark");
    if (!dspark && p.architecture != std::string("deepseek_v4"))
      return test_model(p.architecture, chip_named("cpu"));
    LoadedModel m = toy_v4_model(chip_named("cpu"), dspark ? toy_dspark_config() : toy_v4_config(), drafter);
    m.rounding.cache = p.cache;
    return m;
  }
  static std::unique_ptr<Engine> engine(Options o = {}) {
    o.drafts = GetParam().drafts;
    o.drafting.always = true;
    return test_engine(model(o.drafts > 0), o);
  }
  static bool rings() {
    const auto m = model(false);
    return GetParam().drafts > 0 || layout_of(*m.model, GetParam().cache, 0).ring_bytes > 0;
  }
  static Request request(Tokens prompt, int seed, int64_t answer = 9) {
    Request r{.prompt = std::move(prompt), .max_tokens = answer, .ignore_end = true, .logprobs = 2};
    r.sampling = {.temperature = seed % 2 ? 1.f : 0.f, .seed = uint64_t(seed)};
    return r;
  }
  static void run(Engine& e, const Request& r, Heard* heard) {
    ASSERT_TRUE(e.submit(r, heard->sink()));
    ASSERT_EQ(heard->wait(), Finish::length);
  }
  static void expect_equal(const Heard& got, const Heard& want) {
    EXPECT_EQ(got.ids, want.ids);
    ASSERT_EQ(got.logprobs.size(), want.logprobs.size());
    for (size_t i = 0; i < got.logprobs.size(); ++i) {
      EXPECT_EQ(got.logprobs[i].chosen.logprob, want.logprobs[i].chosen.logprob);
      for (size_t k = 0; k < 2; ++k)
        EXPECT_EQ(got.logprobs[i].top[k].logprob, want.logprobs[i].top[k].logprob);
    }
  }
  // Runs it, compares it with a cold run, and returns what it was told.
  PrefixReuse check(Engine& e, const Request& r, Tokens* answer = nullptr) {
    Heard got, want;
    const uint64_t before = e.stats().prompt_tokens;
    run(e, r, &got);
    EXPECT_EQ(e.stats().prompt_tokens - before, r.prompt.size() - got.usage.prefix.read)
        << "read is not exact";
    run(*cold_, r, &want);
    EXPECT_EQ(want.usage.prefix.read, 0);
    expect_equal(got, want);
    if (answer) *answer = got.ids;
    return got.usage.prefix;
  }
  std::unique_ptr<Engine> cold_ = test_engine(model(false), {.cache_bytes_max = 0});
};

// Every turn sends the whole conversation and reads at least 95 % of what it could.
TEST_P(PrefixTest, AConversationReadsItsPast) {
  for (int rows : {512, 48}) {
    auto e = engine({.batch_rows_max = rows, .running_max = 2});
    Tokens said = text(300, 1);
    int64_t sent = 0;
    for (int turn = 0; turn < 5; ++turn) {
      Tokens answer;
      const auto reuse = check(*e, request(said, turn, 60 + 31 * turn), &answer);
      EXPECT_EQ(reuse.possible, (std::ssize(said) - 1) / kPageTokens * kPageTokens);
      EXPECT_GE(reuse.read, 0.95 * double(sent / kPageTokens * kPageTokens)) << "turn " << turn;
      if (turn > 0) {
        EXPECT_EQ(reuse.tier, Tier::memory);
      }
      answer.pop_back();  // its state was not computed
      said = said + answer;
      sent = std::ssize(said);
      said = said + text(40 + turn, turn);
    }
  }
}

// A + B, then A + C plants A, then A + D finds it.
TEST_P(PrefixTest, ABeginningThatWasSeenTwiceIsFound) {
  auto e = engine();
  const Tokens a = text(280, 1);
  auto reuse = check(*e, request(a + text(300, 3), 0));
  EXPECT_EQ(reuse.why, Why::never_stored);
  EXPECT_EQ(reuse.at, 0);
  Tokens c = a + text(300, 4), d = a + text(300, 5);
  c[280] = 61, d[280] = 62;
  reuse = check(*e, request(c, 1));
  EXPECT_EQ(reuse.read, rings() ? 0 : 256);
  EXPECT_EQ(reuse.why, Why::differs);
  EXPECT_EQ(reuse.at, 280);
  reuse = check(*e, request(d, 2));
  EXPECT_EQ(reuse.read, 256);
  EXPECT_EQ(reuse.why, Why::differs);
  EXPECT_EQ(reuse.at, 280);
  EXPECT_EQ(reuse.tier, Tier::memory);
  reuse = check(*e, request(d, 3));
  EXPECT_EQ(reuse.why, Why::complete);
  EXPECT_EQ(reuse.read, reuse.possible);
  EXPECT_FALSE(reuse.at);
}

TEST_P(PrefixTest, AMarkIsAPlaceToStart) {
  auto e = engine();
  Tokens a = text(500, 1);
  Request r = request(a, 0);
  r.prefix.marks = {-1, 5, 200, 1000};
  check(*e, r);
  a[210] = 61;
  const auto reuse = check(*e, request(a, 1));
  EXPECT_EQ(reuse.read, 128);
  EXPECT_EQ(reuse.at, 210);
}

// Requests that arrive together compute their common beginning once.
TEST_P(PrefixTest, WhoArrivesTogetherComputesItOnce) {
  auto e = engine({.batch_rows_max = 64});
  const Tokens a = text(270, 1);
  std::vector<Request> asked;
  for (int i = 0; i < 4; ++i) asked.push_back(request(a + text(20 + i, 9 + i), i, 5));
  std::vector<Heard> got(4);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(e->submit(asked[i], got[i].sink()));
  for (int i = 0; i < 4; ++i) {
    Heard want;
    got[i].wait();
    run(*cold_, asked[i], &want);
    expect_equal(got[i], want);
    EXPECT_EQ(got[i].usage.prefix.read, i == 0 ? 0 : 256);
  }
}

// Random requests of several domains with little memory, some cancelled.
TEST_P(PrefixTest, RandomWorkloadsAreAsCold) {
  const auto m = model(GetParam().drafts > 0);
  const auto layout = layout_of(*m.model, GetParam().cache, GetParam().drafts, m.drafter.get());
  std::mt19937 gen(5);
  const auto pick = [&](int from, int to) { return std::uniform_int_distribution(from, to)(gen); };
  auto e = engine({.state_bytes_max = 7 * layout.page_bytes + 3 * layout.ring_bytes,
                   .cache_bytes_max = 6 * layout.page_bytes + 3 * layout.ring_bytes,
                   .batch_rows_max = 96,
                   .running_max = 3});
  int64_t read = 0;
  for (int round = 0; round < 7; ++round) {
    std::vector<Request> asked;
    std::vector<Heard> got(5);
    for (Heard& h : got) {
      Tokens t = text(pick(1, 300), pick(1, 3));
      if (pick(0, 1)) t = t + text(pick(1, 200), pick(4, 5));
      asked.push_back(request(t, pick(0, 9), pick(1, 30)));
      asked.back().prefix.domain = pick(0, 3) ? "a" : "b";
      const auto id = e->submit(asked.back(), h.sink());
      ASSERT_TRUE(id);
      if (pick(0, 5) == 0) e->cancel(*id);
    }
    for (int i = 0; i < 5; ++i) {
      if (got[i].wait() != Finish::length) continue;
      Heard want;
      run(*cold_, asked[i], &want);
      expect_equal(got[i], want);
      read += got[i].usage.prefix.read;
    }
  }
  while (e->stats().running > 0) std::this_thread::yield();
  EXPECT_EQ(e->stats().pages_used, 0);
  EXPECT_LE(e->stats().pages_kept, e->stats().pages_total);
  EXPECT_LE(e->stats().copies, e->stats().copies_total);
  EXPECT_GT(read, 256);  // there are few copies of rings
}

INSTANTIATE_TEST_SUITE_P(Places, PrefixTest,
                         ::testing::Values(Place{"gemma3"}, Place{"qwen3_moe"}, Place{"llama"},
                                           Place{"deepseek_v4"},
                                           Place{"deepseek_v4", 3, Rounding::Cache::native},
                                           Place{"dspark", 5}),
                         ::testing::PrintToStringParamName());

class PrefixEngineTest : public ::testing::Test {
 protected:
  static std::unique_ptr<Engine> engine(const Options& o = {}) {
    return test_engine(test_model("gemma3", chip_named("cpu"), random_tensor,
                                  {{"num_hidden_layers", 3}, {"hidden_size", 16}}),
                       o);
  }
  static PrefixReuse ask(Engine& e, const Tokens& prompt, const PrefixHints& hints = {}) {
    Heard heard;
    Request r;
    r.prompt = prompt, r.max_tokens = 1, r.prefix = hints;
    EXPECT_TRUE(e.submit(r, heard.sink()));
    heard.wait();
    return heard.usage.prefix;
  }
};

TEST_F(PrefixEngineTest, TellsAtAdmissionBeforeTheFirstStep) {
  auto e = engine();
  ask(*e, text(300, 1));
  Heard heard;
  std::vector<Event> events;
  Request r{.prompt = text(300, 1), .max_tokens = 3};
  ASSERT_TRUE(e->submit(r, heard.sink([&](const Event& event) { events.push_back(event); })));
  heard.wait();
  ASSERT_GE(events.size(), 2u);
  EXPECT_TRUE(events[0].tokens.empty());
  EXPECT_FALSE(events[0].finish);
  EXPECT_EQ(events[0].usage.prefix.read, 256);
  EXPECT_EQ(events[0].usage.prefix.why, Why::complete);
  EXPECT_EQ(events[0].prompt_done, 256);
  EXPECT_EQ(events.back().usage.prefix.read, 256);
}

// A warm engine answers a stranger's probes (AUTARK_PROBES of them, else 300) exactly as a cold one: words and
// counters.
TEST_F(PrefixEngineTest, ProbesOfAnotherDomainFindNothing) {
  auto warm = engine(), cold = engine();
  const PrefixHints victim{.domain = "victim"}, stranger{.domain = "stranger"};
  std::vector<Tokens> secrets;
  for (int i = 0; i < 20; ++i) ask(*warm, secrets.emplace_back(text(140 + i, i)), victim);
  const Stats before = warm->stats();
  const char* asked = std::getenv("AUTARK_PROBES");
  for (int i = 0; i < (asked ? std::atoi(asked) : 300); ++i) {
    Tokens probe = secrets[i % 20];
    probe.resize(130 + i % 10);
    probe[129 - i / 1200] = i / 20 % 60;  // guesses of a token at the end, then of earlier ones
    const auto a = ask(*warm, probe, stranger), b = ask(*cold, probe, stranger);
    ASSERT_EQ(std::tuple(a.read, a.possible, a.tier, a.why, a.at),
              std::tuple(b.read, b.possible, b.tier, b.why, b.at));
    ASSERT_EQ(warm->stats().rows_computed - before.rows_computed, cold->stats().rows_computed)
        << "probe " << i;
    ASSERT_EQ(warm->stats().nodes_visited - before.nodes_visited, cold->stats().nodes_visited)
        << "probe " << i;
  }
  EXPECT_EQ(ask(*warm, secrets[0], victim).read, 128) << "the secrets were there all the time";
}

TEST_F(PrefixEngineTest, SessionsThatFitDoNotEvictEachOther) {
  const auto m =
      test_model("gemma3", nullptr, random_tensor, {{"num_hidden_layers", 3}, {"hidden_size", 16}});
  const auto layout = layout_of(*m.model, Rounding::Cache::f32, 0);
  // Two sessions of up to 8 pages need 40 % of 40 pages.
  auto e = engine({.state_bytes_max = 20 * layout.page_bytes + layout.ring_bytes,
                   .cache_bytes_max = 20 * layout.page_bytes + 20 * layout.ring_bytes,
                   .running_max = 1});
  Tokens said[2] = {text(600, 1), text(600, 2)};
  for (int turn = 0; turn < 8; ++turn) {
    for (int s : {0, 1}) {
      const auto reuse = ask(*e, said[s]);
      EXPECT_GE(reuse.read, turn == 0 ? 0 : (std::ssize(said[s]) - 60) / 128 * 128) << "turn " << turn;
      said[s] = said[s] + text(50, turn);
    }
  }
  const auto& by = e->stats().prefix_tokens.by;
  EXPECT_EQ(by[int(Tier::none)][int(Why::evicted)] + by[int(Tier::memory)][int(Why::evicted)], 0u);
}

TEST_F(PrefixEngineTest, WhatIsClearedIsGone) {
  auto e = engine();
  ask(*e, text(300, 1));
  EXPECT_GT(e->stats().pages_kept, 0);
  e->clear_prefixes();
  const auto reuse = ask(*e, text(300, 1));
  EXPECT_EQ(reuse.read, 0);
  EXPECT_EQ(reuse.why, Why::never_stored);
}

TEST_F(PrefixEngineTest, PromptLogprobsComputeAll) {
  auto e = engine();
  ask(*e, text(300, 1));
  Heard heard;
  Request r{.prompt = text(300, 1), .max_tokens = 1, .logprobs = 1, .prompt_logprobs = true};
  ASSERT_TRUE(e->submit(r, heard.sink()));
  heard.wait();
  EXPECT_EQ(heard.prompt.size(), 299u);
  EXPECT_EQ(heard.usage.prefix.read, 0);
}

}  // namespace
}  // namespace autark::engine

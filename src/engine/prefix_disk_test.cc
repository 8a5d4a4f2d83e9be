// Goal: a request that starts behind state from the disk gets the tokens and log-probabilities of one that computes
// everything, bit for bit: after a restart, with little memory, with damaged files and after processes that were
// killed while they wrote (AUTARK_KILLS of them, else 10); and nothing passes from one domain or program to
// another. Method: toy models and golden checkpoints; each answer is compared with that of an engine that keeps
// nothing.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdlib>
#include <fstream>
#include <random>
#include "engine/cache.h"
#include "engine/golden_testing.h"
#include "engine/prefix_testing.h"
#include "weights/checkpoint.h"

namespace autark::engine {
namespace {

namespace fs = std::filesystem;
Request request(Tokens prompt, int seed = 0) {
  Request r{.prompt = std::move(prompt), .max_tokens = 7, .ignore_end = true, .logprobs = 2};
  r.sampling = {.temperature = seed % 2 ? 1.f : 0.f, .seed = uint64_t(seed)};
  return r;
}

class Folder {
 public:
  Folder() : path(fs::path(::testing::TempDir()) / ("prefix_disk_" + std::to_string(::getpid()))) {
    fs::remove_all(path);
  }
  ~Folder() { fs::remove_all(path); }
  std::vector<fs::path> entries() const {
    std::vector<fs::path> all;
    for (const auto& f : fs::recursive_directory_iterator(path))
      if (f.path().extension() == ".page" || f.path().extension() == ".copy") all.push_back(f.path());
    std::ranges::sort(all);
    return all;
  }
  const fs::path path;
};

Options with_disk(const fs::path& folder, Options o = {}) {
  o.disk = {.folder = folder, .bytes_max = int64_t{1} << 30, .free_least = 0};
  return o;
}

void wait_for_disk(Engine& e) {
  while (e.stats().disk.queued_bytes > 0) std::this_thread::yield();
}

std::unique_ptr<Heard> run(Engine& e, const Request& r) {
  auto heard = std::make_unique<Heard>();
  EXPECT_TRUE(e.submit(r, heard->sink()));
  EXPECT_EQ(heard->wait(), Finish::length);
  return heard;
}

void expect_equal(const Heard& got, const Heard& want) {
  EXPECT_EQ(got.ids, want.ids);
  ASSERT_EQ(got.logprobs.size(), want.logprobs.size());
  for (size_t i = 0; i < got.logprobs.size(); ++i) {
    EXPECT_EQ(got.logprobs[i].chosen.logprob, want.logprobs[i].chosen.logprob);
    for (size_t k = 0; k < 2; ++k) EXPECT_EQ(got.logprobs[i].top[k].logprob, want.logprobs[i].top[k].logprob);
  }
}

// Runs it, compares it with a cold run, and returns what it was told.
PrefixReuse check(Engine& e, Engine& cold, const Request& r) {
  const uint64_t before = e.stats().prompt_tokens;
  const auto got = run(e, r), want = run(cold, r);
  EXPECT_EQ(e.stats().prompt_tokens - before, r.prompt.size() - got->usage.prefix.read);
  EXPECT_EQ(want->usage.prefix.read, 0);
  expect_equal(*got, *want);
  return got->usage.prefix;
}

struct Toy {
  const char* architecture;
  int drafts = 0;
  Rounding::Cache cache = Rounding::Cache::f32;
};
std::ostream& operator<<(std::ostream& to, const Toy& t) {
  return to << t.architecture << "_drafts" << t.drafts << "_" << int(t.cache);
}

LoadedModel toy_model(const Toy& toy, const Json& more = Json::object()) {
  const bool dspark = toy.architecture == std::string("dspark");
  if (!dspark && toy.architecture != std::string("deepseek_v4"))
    return test_model(toy.architecture, chip_named("cpu"), random_tensor, more);
  LoadedModel m =
      toy_v4_model(chip_named("cpu"), dspark ? toy_dspark_config() : toy_v4_config(), toy.drafts > 0);
  m.rounding.cache = toy.cache;
  return m;
}
std::unique_ptr<Engine> toy_engine(const Toy& toy, const Options& options,
                                   const Json& more = Json::object()) {
  Options o = options;
  o.drafts = toy.drafts;
  o.drafting.always = true;
  return test_engine(toy_model(toy, more), o);
}

class PrefixDiskTest : public ::testing::TestWithParam<Toy> {
 protected:
  static std::unique_ptr<Engine> engine(const Options& o) { return toy_engine(GetParam(), o); }
  Folder folder_;
  std::unique_ptr<Engine> cold_ = engine({.cache_bytes_max = 0});
};

TEST_P(PrefixDiskTest, AHitAfterARestartIsAsCold) {
  const Tokens a = text(400, 1);
  auto e = engine(with_disk(folder_.path));
  EXPECT_EQ(check(*e, *cold_, request(a, 1)).read, 0);
  wait_for_disk(*e);
  EXPECT_GT(e->stats().disk.entries, 0);
  for (int restart = 0; restart < 2; ++restart) {
    e = engine(with_disk(folder_.path));
    auto reuse = check(*e, *cold_, request(a + text(150, 2 + restart), restart));
    EXPECT_EQ(reuse.tier, Tier::disk);
    EXPECT_GE(reuse.read, 384);
    reuse = check(*e, *cold_, request(a + text(150, 2 + restart), 3));
    EXPECT_EQ(reuse.tier, Tier::memory) << "its second use";
    EXPECT_EQ(reuse.why, Why::complete);
    wait_for_disk(*e);
  }
  const auto& by = e->stats().prefix_tokens.by;
  uint64_t from_disk = 0;
  for (const uint64_t n : by[int(Tier::disk)]) from_disk += n;
  EXPECT_GE(from_disk, 384u);
}

// Requests that come together while their prefix is read, and some that are cancelled.
TEST_P(PrefixDiskTest, ManyWaitForOneRead) {
  const Tokens a = text(300, 1);
  {
    auto e = engine(with_disk(folder_.path));
    run(*e, request(a));
    run(*e, request(text(300, 9)));
    wait_for_disk(*e);
  }
  auto e = engine(with_disk(folder_.path));
  std::vector<Request> asked;
  std::vector<Heard> got(8);
  for (int i = 0; i < 8; ++i) asked.push_back(request((i % 3 ? a : text(300, 9)) + text(10 + i, i), i));
  for (int i = 0; i < 8; ++i) {
    const auto id = e->submit(asked[i], got[i].sink());
    ASSERT_TRUE(id);
    if (i % 4 == 0) e->cancel(*id);
  }
  int from_disk = 0;
  for (int i = 0; i < 8; ++i) {
    if (got[i].wait() != Finish::length) continue;
    expect_equal(got[i], *run(*cold_, asked[i]));
    EXPECT_EQ(got[i].usage.prefix.read, 256);
    from_disk += got[i].usage.prefix.tier == Tier::disk;
  }
  EXPECT_GT(from_disk, 0);
}

// Little memory: state goes and comes back from the disk, also while requests run.
TEST_P(PrefixDiskTest, RandomWorkloadsAreAsCold) {
  const auto m = toy_model(GetParam());
  const auto layout = layout_of(*m.model, m.rounding.cache, GetParam().drafts, m.drafter.get());
  std::mt19937 gen(3);
  const auto pick = [&](int from, int to) { return std::uniform_int_distribution(from, to)(gen); };
  int64_t from_disk = 0;
  for (int restart = 0; restart < 3; ++restart) {
    auto e = engine(with_disk(folder_.path, {.state_bytes_max = 7 * layout.page_bytes + 3 * layout.ring_bytes,
                                             .cache_bytes_max = 6 * layout.page_bytes + 3 * layout.ring_bytes,
                                             .batch_rows_max = 96,
                                             .running_max = 3}));
    for (int round = 0; round < 3; ++round) {
      std::vector<Request> asked;
      std::vector<Heard> got(4);
      for (Heard& h : got) {
        Tokens t = text(pick(1, 300), pick(1, 3));
        if (pick(0, 1)) t = t + text(pick(1, 200), pick(4, 5));
        asked.push_back(request(t, pick(0, 9)));
        asked.back().prefix.domain = pick(0, 3) ? "a" : "b";
        const auto id = e->submit(asked.back(), h.sink());
        ASSERT_TRUE(id);
        if (pick(0, 6) == 0) e->cancel(*id);
      }
      for (int i = 0; i < 4; ++i) {
        if (got[i].wait() != Finish::length) continue;
        expect_equal(got[i], *run(*cold_, asked[i]));
        if (got[i].usage.prefix.tier == Tier::disk) from_disk += got[i].usage.prefix.read;
      }
      wait_for_disk(*e);
    }
    while (e->stats().running > 0) std::this_thread::yield();
    EXPECT_EQ(e->stats().pages_used, 0);
  }
  EXPECT_GT(from_disk, 0);
}

// Half of the files have a changed byte. What is read is then less, never something else.
TEST_P(PrefixDiskTest, DamageIsNeverServed) {
  {
    auto e = engine(with_disk(folder_.path));
    for (int i = 0; i < 4; ++i) run(*e, request(text(300, i)));
    wait_for_disk(*e);
  }
  std::mt19937 gen(7);
  int damaged = 0;
  for (const fs::path& path : folder_.entries()) {
    if (gen() % 2) continue;
    const auto at = int64_t(gen() % fs::file_size(path));
    std::fstream f(path, std::ios::in | std::ios::out | std::ios::binary);
    f.seekg(at);
    const int was = f.get();
    f.seekp(at);
    f.put(char(was ^ 0x40));
    ++damaged;
  }
  auto e = engine(with_disk(folder_.path));
  for (int i = 0; i < 4; ++i) check(*e, *cold_, request(text(300, i), i));
  EXPECT_GT(damaged, 0);
  EXPECT_GT(e->stats().disk.damaged, 0u);
  for (int i = 0; i < 4; ++i) check(*e, *cold_, request(text(300, i) + text(20, 5), i));
}

INSTANTIATE_TEST_SUITE_P(Toys, PrefixDiskTest,
                         ::testing::Values(Toy{"gemma3"}, Toy{"qwen3_moe"}, Toy{"llama"}, Toy{"deepseek_v4"},
                                           Toy{"deepseek_v4", 3, Rounding::Cache::native}, Toy{"dspark", 5}),
                         ::testing::PrintToStringParamName());

// The first two of each architecture, or all of them with AUTARK_COLD=all.
TEST(PrefixDisk, GoldenCheckpointsAreAsCold) {
  const auto checkpoints = golden_checkpoints(2, "AUTARK_COLD");
  if (checkpoints.empty()) GTEST_SKIP() << "lacks reference models in " << golden("models");
  for (const auto& path : checkpoints) {
    SCOPED_TRACE(path);
    const Folder folder;
    const auto open = [&](Options o) {
      o.context_max = 512, o.threads = 1, o.state_bytes_max = 64 << 20;
      auto e = Engine::open(path, o);
      EXPECT_TRUE(e) << (e ? "" : e.error().message);
      return e ? std::move(*e) : nullptr;
    };
    auto cold = open({.cache_bytes_max = 0}), e = open(with_disk(folder.path));
    ASSERT_TRUE(cold && e);
    const int most = int(e->card().context) - 20;
    const Tokens a = text(std::min(260, most - 30), 1);
    check(*e, *cold, request(a));
    wait_for_disk(*e);
    e = open(with_disk(folder.path));
    for (const int seed : {2, 3}) {
      const auto reuse = check(*e, *cold, request(a + text(30, seed), seed));
      EXPECT_EQ(reuse.tier, seed == 2 ? Tier::disk : Tier::memory);
      EXPECT_GE(reuse.read, 128);
    }
  }
}

class PrefixDiskRules : public ::testing::Test {
 protected:
  static std::unique_ptr<Engine> engine(const Options& o, const Json& more = Json::object()) {
    return toy_engine({"qwen3_moe"}, o, more);
  }
  static PrefixReuse ask(Engine& e, const Tokens& prompt, const PrefixHints& hints = {}) {
    Request r = request(prompt);
    r.prefix = hints;
    const auto heard = run(e, r);
    wait_for_disk(e);
    return heard->usage.prefix;
  }
  Folder folder_;
};

TEST_F(PrefixDiskRules, NothingPassesFromOneDomainToAnother) {
  const Tokens a = text(300, 1);
  const PrefixHints victim{.domain = "victim"}, stranger{.domain = "stranger"};
  {
    auto e = engine(with_disk(folder_.path));
    ask(*e, a, victim);
    PrefixHints sharing = victim;
    sharing.public_tokens = 140;
    ask(*e, text(300, 2), sharing);
  }
  auto e = engine(with_disk(folder_.path));
  for (const PrefixHints& other : {stranger, PrefixHints{}}) {
    const auto reuse = ask(*e, a, other);
    EXPECT_EQ(reuse.read, 0);
    EXPECT_EQ(reuse.tier, Tier::none);
    EXPECT_EQ(reuse.why, Why::never_stored);
  }
  PrefixHints sharing = stranger;
  sharing.public_tokens = 140;
  EXPECT_EQ(ask(*e, text(300, 2), sharing).read, 128) << "the block that everybody may share";
  EXPECT_EQ(ask(*e, a, victim).tier, Tier::disk);
}

TEST_F(PrefixDiskRules, AnotherModelsStateIsNotUsed) {
  const Tokens a = text(300, 1);
  ask(*engine(with_disk(folder_.path)), a);
  const Json other{{"rope_theta", 2e4}};
  auto e = engine(with_disk(folder_.path), other), cold = engine({.cache_bytes_max = 0}, other);
  auto reuse = check(*e, *cold, request(a));
  EXPECT_EQ(reuse.read, 0);
  EXPECT_EQ(reuse.why, Why::other_model);
  EXPECT_NE(ask(*e, text(300, 2)).why, Why::other_model) << "that one never had it";
  EXPECT_EQ(ask(*engine(with_disk(folder_.path)), a).tier, Tier::disk) << "its own is still there";
}

// State without windows is the same however many tokens may be taken back.
TEST_F(PrefixDiskRules, OtherDraftsFindTheSameState) {
  const Tokens a = text(300, 1);
  ask(*toy_engine({"llama"}, with_disk(folder_.path)), a);
  const Toy drafts{"llama", 5};
  auto e = toy_engine(drafts, with_disk(folder_.path)), cold = toy_engine(drafts, {.cache_bytes_max = 0});
  EXPECT_EQ(check(*e, *cold, request(a + text(30, 2))).tier, Tier::disk);
}

TEST_F(PrefixDiskRules, WhatIsClearedIsGoneFromTheDisk) {
  const Tokens a = text(300, 1);
  auto e = engine(with_disk(folder_.path));
  ask(*e, a);
  wait_for_disk(*e);
  e->clear_prefixes();
  EXPECT_EQ(e->stats().disk.entries, 0) << "when it returns";
  EXPECT_EQ(ask(*e, text(300, 2)).read, 0);
  wait_for_disk(*e);
  e = engine(with_disk(folder_.path));
  EXPECT_EQ(ask(*e, a).read, 0);
  EXPECT_EQ(ask(*e, text(300, 2)).tier, Tier::disk);
}

TEST_F(PrefixDiskRules, AQueueThatIsFullLosesSpeedOnly) {
  const Tokens a = text(300, 1);
  Options o = with_disk(folder_.path);
  o.disk.queue_bytes_max = 0;
  auto e = engine(o);
  ask(*e, a);
  EXPECT_GT(e->stats().disk.skipped, 0u);
  EXPECT_EQ(e->stats().disk.entries, 0);
  EXPECT_EQ(ask(*e, a).tier, Tier::memory);
}

// A path of many pages does not pass the limit of the queue, and what did not fit is offered again.
TEST_F(PrefixDiskRules, ALongPromptKeepsToTheQueue) {
  Options o = with_disk(folder_.path);
  const auto m = toy_model({"qwen3_moe"});
  const int64_t page = layout_of(*m.model, m.rounding.cache, 0).page_bytes;
  o.disk.queue_bytes_max = 3 * page;
  auto e = engine(o);
  int64_t queued = 0;
  std::atomic<bool> done = false;
  std::thread watch([&] {
    while (!done) queued = std::max(queued, e->stats().disk.queued_bytes);
  });
  Tokens a = text(1000, 1);
  ask(*e, a);
  EXPECT_GT(e->stats().disk.skipped, 0u);
  for (int i = 2; i < 8; ++i) {
    wait_for_disk(*e);
    ask(*e, a = a + text(130, i));
  }
  wait_for_disk(*e);
  done = true;
  watch.join();
  EXPECT_LE(queued, 3 * page);
  EXPECT_EQ(e->stats().disk.entries, std::ssize(a) / 128);
}

TEST_F(PrefixDiskRules, AFolderThatCannotBeWrittenIsAnError) {
  std::ofstream(folder_.path) << "a file";
  const auto e = start({.model = test_model("llama", chip_named("cpu"))}, with_disk(folder_.path));
  ASSERT_FALSE(e);
  EXPECT_EQ(e.error().code, Code::io);
}

// The process that the next test kills: asks one prompt after another, and writes the number of each to descriptor 3
// when its state is reported as stored.
TEST(PrefixDiskWriter, DISABLED_UntilItIsKilled) {
  const char* folder = std::getenv("AUTARK_TEST_FOLDER");
  const char* first = std::getenv("AUTARK_TEST_FIRST");
  if (!folder || !first) GTEST_SKIP() << "is run by AKilledWriter";
  auto e = toy_engine({"gemma3"}, with_disk(folder));
  for (int i = std::atoi(first);; ++i) {
    run(*e, request(text(280, i), i));
    wait_for_disk(*e);
    if (::write(3, &i, sizeof i) != sizeof i) return;
  }
}

pid_t start_writer(const fs::path& folder, int first, int to) {
  ::setenv("AUTARK_TEST_FOLDER", folder.c_str(), 1);
  ::setenv("AUTARK_TEST_FIRST", std::to_string(first).c_str(), 1);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::dup2(to, 3);
  ::execl("/proc/self/exe", "engine_tests", "--gtest_filter=PrefixDiskWriter.*",
          "--gtest_also_run_disabled_tests", nullptr);
  ::_exit(127);
}

TEST(PrefixDisk, AKilledWriterLeavesWhatItReportedAndNothingWrong) {
  const char* asked = std::getenv("AUTARK_KILLS");
  const int kills = asked ? std::atoi(asked) : 10;
  const Folder folder;
  std::mt19937 gen(11);
  auto cold = toy_engine({"gemma3"}, {.cache_bytes_max = 0});
  int next = 0;
  for (int kill = 0; kill < kills; ++kill) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t writer = start_writer(folder.path, next, ends[1]);
    ::close(ends[1]);
    std::vector<int> reported;
    for (int i = 0; reported.size() < 2 && ::read(ends[0], &i, sizeof i) == sizeof i;) reported.push_back(i);
    ::usleep(useconds_t(gen() % 20'000));
    ::kill(writer, SIGKILL);
    for (int i = 0; ::read(ends[0], &i, sizeof i) == sizeof i;) reported.push_back(i);
    ::close(ends[0]);
    ::waitpid(writer, nullptr, 0);
    ASSERT_GE(reported.size(), 2u);
    auto e = toy_engine({"gemma3"}, with_disk(folder.path));
    for (int i : reported) {
      const auto reuse = check(*e, *cold, request(text(280, i), i));
      EXPECT_EQ(reuse.tier, Tier::disk) << "kill " << kill << ", prompt " << i;
      EXPECT_EQ(reuse.read, 256);
    }
    next = reported.back() + 1;
    check(*e, *cold, request(text(280, next), next));  // may be there in part
    EXPECT_EQ(e->stats().disk.damaged, 0u);
    ++next;
  }
}

}  // namespace
}  // namespace autark::engine

// Goal: no token that was computed from damaged weights is delivered, and the engine survives. Method: copies
// of the golden checkpoints, in both formats, are truncated, rewritten or replaced between two tokens and
// while they load; the delivered tokens must be a prefix of the answer of the undamaged file.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <fstream>
#include <thread>
#include "engine/golden_testing.h"
#include "engine/testing.h"
#include "engine/trace.h"

namespace autark::engine {
namespace {

namespace fs = std::filesystem;

struct Case {
  const char* model;    // below tests/golden/models
  const char* weights;  // the file that is changed; none: the model itself
};
std::ostream& operator<<(std::ostream& to, const Case& c) {
  return to << c.model;
}

void age(const fs::path& path) {  // a write within one tick of the file system's clock would not be noticed
  const timespec times[] = {{1'000'000, 0}, {1'000'000, 0}};
  ::utimensat(AT_FDCWD, path.c_str(), times, 0);
}

class F11_Engine : public ::testing::TestWithParam<Case> {
 protected:
  F11_Engine()
      : dir_(fs::path(::testing::TempDir()) / ("changed_" + std::to_string(::getpid()))),
        from_(golden("models") / GetParam().model),
        model_(dir_ / from_.filename()),
        file_(GetParam().weights ? model_ / GetParam().weights : model_) {
    fs::create_directories(dir_);
    restore();
  }
  ~F11_Engine() override { fs::remove_all(dir_); }

  void restore() {
    fs::remove_all(model_);
    fs::copy(from_, model_, fs::copy_options::recursive);
    fs::permissions(file_, fs::perms::owner_write, fs::perm_options::add);
    age(file_);
  }
  std::unique_ptr<Engine> open() {
    auto m = load_model(model_, {.threads = 2});
    EXPECT_TRUE(m) << (m ? "" : m.error().message);
    return test_engine(std::move(*m), {.context_max = 128, .batch_rows_max = 16, .running_max = 2});
  }
  static Request request(int seed, int64_t tokens = 8) {
    Request r{.prompt = test_prompt(20, seed), .max_tokens = tokens};
    r.sampling.temperature = 0;
    r.ignore_end = true;
    return r;
  }
  // Zeros for the second half, in place.
  void rewrite_half() {
    const size_t half = fs::file_size(file_) / 2;
    std::fstream(file_, std::ios::binary | std::ios::in | std::ios::out).seekp(long(half))
        << std::string(half, '\0');
  }
  // An answer during which `change` happens once `tokens` of it are there, and whether it ended in time.
  void expect_prefix(const std::function<void()>& change, size_t tokens) {
    restore();
    Heard whole, cut, beside, waits;  // declared first: the engine sends them events until it is destroyed
    size_t heard = 0;
    auto engine = open();
    ASSERT_TRUE(engine->submit(request(1), whole.sink()));
    ASSERT_EQ(whole.wait(), Finish::length);
    const auto sink = cut.sink([&](const Event& e) {
      const size_t before = heard;
      heard += e.tokens.size();
      if (!e.finish && before < tokens && heard >= tokens) change();
    });
    ASSERT_TRUE(engine->submit(request(1), sink));
    (void)engine->submit(request(2, 90), beside.sink());
    EXPECT_EQ(cut.wait(), Finish::failed);
    EXPECT_EQ(cut.error->code, Code::io);
    EXPECT_EQ(cut.ids, std::vector<int32_t>(whole.ids.begin(), whole.ids.begin() + long(tokens)));
    const auto late = engine->submit(request(3), waits.sink());
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Code::io);
    ASSERT_TRUE(engine->fault());
    EXPECT_EQ(engine->stats().pages_used, 0);
  }

  const fs::path dir_, from_, model_, file_;
};

TEST_P(F11_Engine, NothingIsHeardOfATruncatedFile) {
  expect_prefix([&] { fs::resize_file(file_, 0); }, 1);
  expect_prefix([&] { fs::resize_file(file_, fs::file_size(file_) / 3); }, 5);
}

TEST_P(F11_Engine, NothingIsHeardOfARewrittenFile) {
  expect_prefix([&] { rewrite_half(); }, 3);
  expect_prefix(
      [&] { fs::copy_file(golden("models") / "README.md", file_, fs::copy_options::overwrite_existing); }, 2);
}

TEST_P(F11_Engine, NothingIsHeardWheneverItHappens) {
  std::vector<int32_t> whole;
  for (int round = 0; round < 6; ++round) {
    restore();
    Heard first, heard;
    auto engine = open();
    if (whole.empty()) {
      ASSERT_TRUE(engine->submit(request(1, 90), first.sink()));
      first.wait();
      whole = first.ids;
    }
    std::thread other([&] { round % 2 ? rewrite_half() : fs::resize_file(file_, 0); });
    const bool taken = engine->submit(request(1, 90), heard.sink()).has_value();
    if (taken) heard.wait();
    other.join();
    ASSERT_LE(heard.ids.size(), whole.size());
    EXPECT_TRUE(std::equal(heard.ids.begin(), heard.ids.end(), whole.begin())) << "round " << round;
    EXPECT_TRUE(engine->fault());
  }
}

TEST_P(F11_Engine, AFileChangedBetweenRequestsRefusesThem) {
  auto engine = open();
  rewrite_half();
  Heard heard;
  const auto id = engine->submit(request(1), heard.sink());
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, Code::io);
  EXPECT_NE(id.error().message.find(file_.filename().string()), std::string::npos);
}

TEST_P(F11_Engine, WhoRunsAndWhoWaitsHearsIt) {
  std::vector<Heard> heard(6);  // two run
  auto engine = open();
  std::atomic<bool> done = false;
  const auto change = [&](const Event& e) {
    if (!e.tokens.empty() && !done.exchange(true)) fs::resize_file(file_, 0);
  };
  int accepted = 0;
  for (int i = 0; i < 6; ++i) accepted += engine->submit(request(i, 80), heard[i].sink(change)).has_value();
  for (int i = 0; i < accepted; ++i) {
    EXPECT_EQ(heard[i].wait(), Finish::failed);
    EXPECT_EQ(heard[i].error->code, Code::io);
  }
}

TEST_P(F11_Engine, AFileRenamedOverItIsAnother) {
  auto engine = open();
  Heard whole, after;
  ASSERT_TRUE(engine->submit(request(1), whole.sink()));
  whole.wait();
  std::ofstream(dir_ / "new") << "another file";
  fs::rename(dir_ / "new", file_);
  age(file_);
  ASSERT_TRUE(engine->submit(request(1), after.sink()));
  EXPECT_EQ(after.wait(), Finish::length);
  EXPECT_EQ(after.ids, whole.ids);
  EXPECT_FALSE(engine->fault());
}

TEST_P(F11_Engine, AFileThatShrinksWhileItLoadsIsNoModel) {
  auto m = load_model(model_, {.threads = 2});
  ASSERT_TRUE(m);
  bool cut = false;
  warm_up(*m, [&](double) {
    if (!std::exchange(cut, true)) fs::resize_file(file_, 100);
  });
  const auto change = m->checkpoint.weights->change();
  ASSERT_TRUE(change);
  EXPECT_EQ(change->code, Code::io);
  const auto again = load_model(model_);
  EXPECT_FALSE(again) << "a broken file is refused";
}

TEST_P(F11_Engine, ATraceOfItIsRefused) {
  auto m = load_model(model_, {.threads = 2});
  ASSERT_TRUE(m);
  ASSERT_TRUE(trace(*m, test_prompt(8, 1), {.greedy = 2}));
  rewrite_half();
  const auto t = trace(*m, test_prompt(8, 1), {.greedy = 2});
  ASSERT_FALSE(t);
  EXPECT_EQ(t.error().code, Code::io);
}

INSTANTIATE_TEST_SUITE_P(Formats, F11_Engine,
                         ::testing::Values(Case{"gguf/llama-gqa-llama3rope.F16.gguf", nullptr},
                                           Case{"gguf/qwen3-qknorm.Q8_0.gguf", nullptr},
                                           Case{"llama-mha", "model.safetensors"},
                                           Case{"qwen2-untied-sharded", "model-00002-of-00003.safetensors"}),
                         [](const auto& info) {
                           std::string name = info.param.model;
                           std::erase_if(name, [](char c) { return !std::isalnum(uint8_t(c)); });
                           return name;
                         });

}  // namespace
}  // namespace autark::engine

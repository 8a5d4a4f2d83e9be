// The V4 verbs of the cpu chip at the shapes of DeepSeek-V4-Flash: microseconds, GFLOP/s (GOP/s for the
// index) and GB/s of operands, beside what this machine was measured to give in the same run. `depth` is the
// tokens of a sequence before the step; all rows of a step are one sequence's. Time is the process's own CPU
// time divided by its threads, and the best of several rounds counts: other work on the machine spoils
// clocks, not instructions.
//
//   v4_bench [threads [rows [depth [composite]]]]     composite: the loops of chips/v4_composite.cc
#include <time.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>
#include "chips/registry.h"
#include "chips/v4_ops.h"

namespace autark {
namespace {

constexpr int64_t kDim = 4096, kStreams = 4, kMix = 24, kHeads = 64, kHeadDim = 512, kIndexDim = 128;
constexpr int kWindow = 128, kTop = 512;

double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

std::vector<float> random_values(int64_t n) {
  static std::mt19937 gen(1);
  std::normal_distribution<float> normal;
  std::vector<float> x(n);
  for (float& v : x) v = normal(gen);
  return x;
}

// One stream of one sequence, filled with random rows, in a single page.
class State {
 public:
  State(Format record, int64_t width, int per, int keep, int64_t length, int count)
      : length_(length), span_{0, count} {
    const int64_t rows = keep ? keep : (length + count) / per + 1;
    const int64_t bytes = row_bytes(record, width);
    page_.resize(rows * bytes);
    const std::vector<float> x = random_values(width);
    encode(record, x, page_.data());
    for (int64_t i = 1; i < rows; ++i) std::memcpy(page_.data() + i * bytes, page_.data(), bytes);
    pointer_ = page_.data();
    pages_ = {&pointer_, 1};
    rows_ = {.stored = record,
             .simulated = record,
             .width = width,
             .tokens_per_row = per,
             .window_rows = keep,
             .ring = keep,
             .page_rows = static_cast<int>(rows),
             .sequences = {&span_, 1},
             .pages = {&pages_, 1},
             .length = {&length_, 1}};
  }
  State(const State&) = delete;
  const StateView& view() const { return rows_; }

 private:
  int64_t length_;
  Span span_;
  std::vector<std::byte> page_;
  std::byte* pointer_;
  std::span<std::byte* const> pages_;
  StateView rows_;
};

class Bench {
 public:
  Bench(Chip& on, V4Ops& v4, int threads, int rows, int64_t depth)
      : on_(on),
        v4_(v4),
        threads_(threads),
        count_(rows),
        depth_(depth),
        weights_(random_values(kMix * kStreams * kDim)),
        small_(random_values(128 * 2 * kHeadDim)),
        part_{reinterpret_cast<const std::byte*>(weights_.data()), nullptr},
        fn_{Format::f32, {kMix, kStreams * kDim}, {&part_, 1}} {}

  void run() {
    std::printf("%d rows at depth %lld\n", count_, static_cast<long long>(depth_));
    hyper_connections();
    pools();
    index();
    attention("attention 0", 0);
    attention("attention 128", 128);
    attention("attention 4", 4);
  }

 private:
  Tensor values(Shape s) {
    Tensor t = on_.scratch(s);
    static const std::vector<float> x = random_values(1 << 16);
    for (int64_t i = 0; i < s.numel(); ++i) t.f32()[i] = x[i % (1 << 16)];
    return t;
  }
  Vector vector(Shape s) const { return {small_.data(), s}; }

  // `prepare` makes operands and returns the verb's call; `operations` and `bytes` of one call.
  void time(const char* name, double operations, double bytes,
            const std::function<std::function<void()>()>& prepare) {
    double best = 1e9;
    int repeats = 1;
    for (int round = 0; round < 6; ++round) {
      on_.reset();
      const std::function<void()> verb = prepare();
      on_.wait();
      for (int i = 0; i < repeats; ++i) verb();
      const double begin = cpu_seconds();
      on_.wait();
      const double took = (cpu_seconds() - begin) / repeats / threads_;
      if (round) best = std::min(best, took);
      repeats = std::clamp(static_cast<int>(0.02 / took), 1, 50);
      if (took > 2) best = took, round = 6;
    }
    std::printf("  %-16s %12.1f us %9.2f GFLOP/s %9.2f GB/s\n", name, best * 1e6, operations / best / 1e9,
                bytes / best / 1e9);
    std::fflush(stdout);
  }

  void hyper_connections() {
    const double T = count_, streams = 4.0 * T * kStreams * kDim, row = 4.0 * T * kDim;
    time("hc_mix", 2 * T * kMix * kStreams * kDim, streams + 4.0 * kMix * kStreams * kDim, [&] {
      const Tensor x = values({count_, kStreams, kDim});
      return [=, this] { v4_.hc_mix(x, fn_, vector({3}), vector({kMix}), 1e-6f, 1e-6f, 20); };
    });
    time("hc_pre", 2 * T * kStreams * kDim, streams + row, [&] {
      const Tensor x = values({count_, kStreams, kDim}), pre = values({count_, kStreams});
      return [=, this] { v4_.hc_pre(x, pre); };
    });
    time("hc_post", 2 * T * (kStreams + 1) * kStreams * kDim, 2 * streams + row, [&] {
      const Tensor x = values({count_, kStreams, kDim}), y = values({count_, kDim}),
                   post = values({count_, kStreams}), comb = values({count_, kStreams, kStreams});
      return [=, this] { v4_.hc_post(y, x, post, comb); };
    });
  }

  void pool(const char* name, int ratio, int64_t dim, Format record) {
    const int64_t wide = (ratio == 4 ? 2 : 1) * dim;
    const int keep = ratio == 4 ? 8 : ratio;
    const State rows(record, dim, ratio, 0, depth_, count_),
        tail(Format::f32, 2 * wide, 1, keep, depth_, count_);
    static const Rope rope{yarn_frequencies(64, 160000, {.factor = 16, .original = 65536}), 1,
                           Rope::Pairing::neighbours, /*tail=*/true};
    time(name, 0, 8.0 * count_ * wide, [&] {
      const Tensor kv = values({count_, wide}), gate = values({count_, wide});
      return [=, this, &rows, &tail] {
        v4_.pool(kv, gate, {vector({ratio, wide}), vector({dim}), 1e-6f, rope, record == Format::v4_key68},
                 {rows.view(), tail.view()});
      };
    });
  }
  void pools() {
    pool("pool 4", 4, kHeadDim, Format::v4_kv584);
    pool("pool 128", 128, kHeadDim, Format::v4_kv584);
    pool("pool keys", 4, kIndexDim, Format::v4_key68);
  }

  void index() {
    time("index queries", 0, 8.0 * count_ * kHeads * kIndexDim, [&] {
      const Tensor q = values({count_, kHeads, kIndexDim});
      return [=, this] { v4_.quantise(v4_.hadamard(q), Format::v4_key68); };
    });
    const State keys(Format::v4_key68, kIndexDim, 4, 0, depth_, count_);
    const double n = static_cast<double>((depth_ + count_) / 4);
    time("index_top_k", 2.0 * n * count_ * kHeads * kIndexDim, 68 * n, [&] {
      const Tensor q = v4_.quantise(values({count_, kHeads, kIndexDim}), Format::v4_key68),
                   w = values({count_, kHeads});
      return [=, this, &keys] { v4_.index_top_k(q, w, {keys.view(), {}}, kTop); };
    });
  }

  Tensor spread_picks(int64_t visible) {
    Tensor picks = on_.scratch({count_, kTop}, Format::i32);
    for (int64_t i = 0; i < count_ * kTop; ++i)
      picks.i32()[i] = i % kTop < visible ? static_cast<int32_t>((i % kTop * 7919 + i / kTop) % visible) : -1;
    return picks;
  }
  void attention(const char* name, int ratio) {
    const State window(Format::v4_kv584, kHeadDim, 1, kWindow, depth_, count_);
    const State far(Format::v4_kv584, kHeadDim, std::max(ratio, 1), 0, ratio ? depth_ : 0, count_);
    double pairs = 0;
    for (int64_t p = depth_; p < depth_ + count_; ++p) {
      const int64_t old = ratio ? (p + 1) / ratio : 0;
      pairs += static_cast<double>(std::min<int64_t>(p + 1, kWindow) +
                                   (ratio == 4 ? std::min<int64_t>(old, kTop) : old));
    }
    time(name, 4.0 * kHeads * kHeadDim * pairs, 584 * pairs, [&] {
      const Tensor q = values({count_, kHeads, kHeadDim}), kv = values({count_, 1, kHeadDim});
      const Tensor picks = ratio == 4 ? spread_picks(depth_ / 4) : Tensor{};
      return [=, this, &window, &far] {
        v4_.sparse_attention(q, kv, window.view(), ratio ? BlockView{far.view(), {}} : BlockView{}, picks,
                             vector({kHeads}));
      };
    });
  }

  Chip& on_;
  V4Ops& v4_;
  const int threads_, count_;
  const int64_t depth_;
  const std::vector<float> weights_, small_;
  const Part part_;
  const Weight fn_;
};

int run(int threads, int rows, int64_t depth, bool composite) {
  auto speed = measure_machine({.threads = threads});
  auto chip = make_chip("cpu", {.threads = threads});
  if (!speed || !chip) {
    std::fprintf(stderr, "%s\n", (speed ? chip.error() : speed.error()).message.c_str());
    return 1;
  }
  std::printf("%s, %d threads: reads %.1f GB/s, %.0f GFLOP/s, %.0f GOP/s\n", speed->isa.c_str(),
              speed->threads, speed->read_gb_per_second, speed->f32_gflop_per_second,
              speed->int8_gop_per_second);
  const auto loops = make_composite_v4(**chip);
  V4Ops& v4 = composite ? *loops : (*chip)->v4();
  for (const int r : {1, 8, 128, 512})
    for (const int64_t d : {0, 4096, 32768})
      if ((!rows || r == rows) && (depth < 0 || d == depth)) Bench(**chip, v4, speed->threads, r, d).run();
  return 0;
}

}  // namespace
}  // namespace autark

int main(int argc, char** argv) {
  const auto number = [&](int i, int64_t otherwise) { return argc > i ? std::atoll(argv[i]) : otherwise; };
  return autark::run(static_cast<int>(number(1, 0)), static_cast<int>(number(2, 0)), number(3, -1),
                     argc > 4 && std::string(argv[4]) == "composite");
}

// Goal: every verb of the CPU chip computes what the oracle computes, on every ISA of this machine, and its
// bits do not depend on how the work is cut. Method: the same calls on `ref` and on `cpu`, tolerance 1e-5 of
// the values' size in float mode; the verbs of small models, exactly equal across threads, eager and recorded
// runs, chunks and batches.
#include <algorithm>
#include <atomic>
#include <cmath>
#include "chips/cpu/testing.h"

namespace autark {
namespace {
using namespace cpu_testing;
using Program = std::function<Tensor(Chip&)>;

class CpuChipTest : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Chip> chip(int threads = 2, bool eager = false,
                             Rounding::Inputs inputs = Rounding::Inputs::f32) const {
    return cpu({.inputs = inputs, .threads = threads, .isa = GetParam(), .eager = eager});
  }
  void expect_as_ref(const Program& p, double tolerance = 1e-5) const {
    auto ref = make_chip("ref");
    auto on = chip();
    const std::vector<float> want = values(**ref, p(**ref)), got = values(*on, p(*on));
    ASSERT_EQ(want.size(), got.size());
    for (size_t i = 0; i < want.size(); ++i)
      ASSERT_NEAR(got[i], want[i], tolerance * (1 + std::abs(want[i]))) << "value " << i;
  }
  void expect_same_bits(const Program& p, Rounding::Inputs inputs) const {
    auto one = chip(1, false, inputs);
    const std::vector<float> want = values(*one, p(*one));
    for (const int threads : {1, 2, 4}) {
      for (const bool eager : {false, true}) {
        auto on = chip(threads, eager, inputs);
        for (int again = 0; again < 2; ++again) {
          ASSERT_EQ(values(*on, p(*on)), want) << threads << " threads" << (eager ? ", eager" : "");
          on->reset();
        }
      }
    }
  }
};

TEST_P(CpuChipTest, RmsNorm) {
  for (const int64_t n : {1, 15, 16, 64, 100, 896}) {
    expect_as_ref([n](Chip& on) {
      return on.rms_norm(floats(on, {5, n}, random_values(5 * n, 1)),
                         vector_of(floats(on, {n}, random_values(n, 2))), 1e-6);
    });
    expect_as_ref([n](Chip& on) {
      return on.rms_norm(floats(on, {3, n}, random_values(3 * n, 1)), {}, 1e-3);
    });
  }
}

TEST_P(CpuChipTest, AddAndAddRmsNorm) {
  expect_as_ref([](Chip& on) {
    return on.add(floats(on, {3, 4099}, random_values(3 * 4099, 1)),
                  floats(on, {3, 4099}, random_values(3 * 4099, 2)));
  });
  expect_as_ref([](Chip& on) {
    Tensor x = floats(on, {7, 90}, random_values(630, 1));
    Tensor n = on.add_rms_norm(&x, floats(on, {7, 90}, random_values(630, 2)),
                               vector_of(floats(on, {90}, random_values(90, 3))), 1e-5);
    return on.add(x, n);
  });
}

TEST_P(CpuChipTest, GluFollowsItsFunctionsFarOut) {
  std::vector<float> gate;
  for (float x = -120; x < 120; x += 0.37f) gate.push_back(x);
  for (float x = -3; x < 3; x += 0.01f) gate.push_back(x);
  const int64_t n = std::ssize(gate);
  for (const Act act : {Act::silu, Act::gelu_tanh}) {
    for (const float limit : {0.f, 7.f}) {
      expect_as_ref(
          [&](Chip& on) {
            return on.glu(floats(on, {1, n}, gate), floats(on, {1, n}, random_values(n, 2)), act, limit);
          },
          1e-6);
    }
  }
}

TEST_P(CpuChipTest, Rope) {
  for (const auto pairing : {Rope::Pairing::halves, Rope::Pairing::neighbours}) {
    for (const bool tail : {false, true}) {
      for (const bool inverse : {false, true}) {
        const Rope rope{plain_frequencies(48, 10000), 1.2f, pairing, tail};
        expect_as_ref([&](Chip& on) {
          Tensor x = floats(on, {4, 3, 64}, random_values(4 * 3 * 64, 1));
          return on.rope(x, ints(on, {0, 7, 8, 1'000'000}), rope, inverse);
        });
      }
    }
  }
}

TEST_P(CpuChipTest, RowsAndPick) {
  for (const Format f : kFormats) {
    const Matrix m(f, 30, fitting(f, 70), 3);
    expect_as_ref([&](Chip& on) { return on.embedding(m.weight, ints(on, {3, 29, 0, 3}), 1.5f); });
  }
  expect_as_ref([](Chip& on) {
    return on.gather(floats(on, {9, 2, 5}, random_values(90, 1)), ints(on, {8, 0, 8}));
  });
}

TEST_P(CpuChipTest, WholeNumberTablesComeAsTheyAre) {
  const std::vector<int32_t> table{1, -2, 3, 1 << 30, 5, 6};
  const Part part{reinterpret_cast<const std::byte*>(table.data()), nullptr};
  auto on = chip();
  Tensor y = on->embedding({Format::i32, {3, 2}, {&part, 1}}, ints(*on, {1, 2}));
  on->wait();
  EXPECT_EQ(std::vector<int32_t>(y.i32(), y.i32() + 4), (std::vector<int32_t>{3, 1 << 30, 5, 6}));
}

TEST_P(CpuChipTest, RouteWithTies) {
  std::vector<float> scores = random_values(6 * 20, 1);
  for (float& v : scores) v = std::round(2 * v) / 2;
  for (const bool renormalise : {false, true}) {
    const auto pick = [&](bool ids) {
      return [&scores, renormalise, ids](Chip& on) {
        Choice c = on.route(floats(on, {6, 20}, scores), {}, {}, {.k = 5, .renormalise = renormalise});
        on.wait();
        if (!ids) return c.weights;
        return floats(on, {30}, {c.ids.i32(), c.ids.i32() + 30});
      };
    };
    expect_as_ref(pick(true), 0);
    expect_as_ref(pick(false), 1e-6);
  }
}

struct Experts {
  Matrix router, gate, up, down;
  explicit Experts(Format f)
      : router(Format::f32, 9, 64, 1),
        gate(f, 9, fitting(f, 96), fitting(f, 64), 2),
        up(f, 9, fitting(f, 96), fitting(f, 64), 20),
        down(f, 9, fitting(f, 64), fitting(f, 96), 40) {
    for (Matrix* m : {&gate, &up, &down}) m->weight = m->weight.rounded(Round::e4m3_b128, Round::bf16);
  }
  // twice: tables choose every expert of a row two times.
  Tensor run(Chip& on, int64_t rows, bool twice = false) const {
    const int64_t d = gate.weight.cols();
    const std::vector<float> all = random_values(40 * d, 7), scores = random_values(40 * 9, 8);
    std::vector<int32_t> ids(4 * rows);
    for (int64_t i = 0; i < 4 * rows; ++i) ids[i] = static_cast<int32_t>(i / 2 * 5 % 9);
    Tensor fixed;
    if (twice) fixed = {ints(on, ids).data, Format::i32, {rows, 4}};
    Choice to = on.route(floats(on, {rows, 9}, {scores.begin(), scores.begin() + rows * 9}), {}, fixed,
                         {.k = 4, .renormalise = true});
    return on.moe(floats(on, {rows, d}, {all.begin(), all.begin() + rows * d}), to, gate.weight, up.weight,
                  down.weight, Act::silu, 0);
  }
};

TEST_P(CpuChipTest, Moe) {
  for (const Format f : {Format::f32, Format::bf16, Format::q8_0}) {
    const Experts e(f);
    for (const int64_t rows : {1, 3, 40})
      expect_as_ref([&](Chip& on) { return e.run(on, rows); }, 2e-4);  // inner rows reach 100
  }
}

// A sum on the edge of a rounding interval may fall to its other side.
TEST_P(CpuChipTest, MoeRoundsWhereTheOfficialCodeDoes) {
  for (const Format f : {Format::e2m1_b32, Format::q8_0, Format::bf16}) {
    const Experts e(f);
    auto ref = make_chip("ref", {.inputs = Rounding::Inputs::official});
    auto on = chip(2, false, Rounding::Inputs::official);
    for (const int64_t rows : {1, 3, 40}) {
      const auto want = values(**ref, e.run(**ref, rows)), got = values(*on, e.run(*on, rows));
      double off = 0, size = 0;
      for (size_t i = 0; i < want.size(); ++i)
        off += std::pow(double(got[i]) - want[i], 2), size += std::pow(double(want[i]), 2);
      EXPECT_LE(std::sqrt(off / size), 3e-3) << rows << " rows";
      EXPECT_GT(size, 0);
    }
  }
}

TEST_P(CpuChipTest, MoeRowsDoNotDependOnTheirCompany) {
  for (const Format f : {Format::f32, Format::q4_k, Format::mxfp4}) {
    const Experts e(f);
    for (const auto inputs : {Rounding::Inputs::f32, Rounding::Inputs::int8, Rounding::Inputs::official}) {
      auto on = chip(2, false, inputs);
      for (const bool twice : {false, true}) {
        const std::vector<float> all = values(*on, e.run(*on, 40, twice));
        for (const int64_t rows : {1, 2, 17}) {
          const std::vector<float> some = values(*on, e.run(*on, rows, twice));
          EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin())) << rows << " rows";
        }
      }
      expect_same_bits([&](Chip& c) { return e.run(c, 23); }, inputs);
    }
  }
}

// The verbs of a layer, with state, on which the properties are tested.
struct Layer {
  static constexpr int64_t kDim = 256, kHeads = 4, kKeys = 2, kHead = 64, kInner = 512;
  Format f;
  Matrix embed{Format::f32, 50, kDim, 1};
  Matrix q{f, kHeads*kHead, kDim, 2}, k{f, kKeys*kHead, kDim, 3}, v{f, kKeys*kHead, kDim, 4};
  Matrix o{f, kDim, kHeads*kHead, 5}, gate{f, kInner, kDim, 6}, up{f, kInner, kDim, 7},
      down{f, kDim, kInner, 8};
  Rope rope{plain_frequencies(kHead, 10000)};
  explicit Layer(Format format) : f(format) {}

  Tensor run(Chip& on, std::vector<int32_t> tokens, std::vector<int32_t> positions, const StateView& ks,
             const StateView& vs, int window) const {
    Tensor pos = ints(on, positions), x = on.embedding(embed.weight, ints(on, tokens));
    for (int layer = 0; layer < 2; ++layer) {  // the state must be extended only once
      Tensor n = on.rms_norm(x, {}, 1e-6);
      Tensor a = on.rope(on.linear(n, q.weight).split(kHead), pos, rope);
      if (layer == 0) {
        Tensor b = on.rope(on.linear(n, k.weight).split(kHead), pos, rope);
        a = on.attention(a, b, on.linear(n, v.weight).split(kHead), ks, vs,
                         {.scale = 0.125, .window = window});
      }
      n = on.add_rms_norm(&x, on.linear(a.join(), o.weight), {}, 1e-6);
      x = on.add(x, on.ffn(n, gate.weight, up.weight, down.weight));
    }
    return x;
  }
};

std::vector<int32_t> some_tokens(int64_t n) {
  std::vector<int32_t> t(n);
  for (int64_t i = 0; i < n; ++i) t[i] = static_cast<int32_t>(i * 7 % 50);
  return t;
}

// Feeds `tokens` in `chunks`. The state is f16 in pages of 16; with `window`, a ring.
std::vector<float> feed(Chip& on, const Layer& layer, const std::vector<int>& chunks, int window,
                        Format record) {
  const int ring = window ? window + 3 : 0;
  State ks(record, 128, window, ring, 16, 1), vs(record, 128, window, ring, 16, 1);
  std::vector<float> out;
  int64_t start = 0;
  const std::vector<int32_t> all = some_tokens(100);
  for (const int n : chunks) {
    const Span span{0, n};
    std::vector<int32_t> positions(n);
    for (int i = 0; i < n; ++i) positions[i] = static_cast<int32_t>(start + i);
    on.reset();
    const auto y =
        values(on, layer.run(on, {all.begin() + start, all.begin() + start + n}, positions,
                             ks.view({&span, 1}, {&start, 1}), vs.view({&span, 1}, {&start, 1}), window));
    out.insert(out.end(), y.begin(), y.end());
    start += n;
  }
  return out;
}

TEST_P(CpuChipTest, ChunksGiveTheBitsOfTheWholePrompt) {
  for (const Format f : {Format::bf16, Format::q4_k}) {
    const Layer layer(f);
    for (const auto inputs : {Rounding::Inputs::f32, Rounding::Inputs::int8}) {
      for (const int window : {0, 5, 20}) {
        for (const Format record : {Format::f16, Format::f32}) {
          auto on = chip(2, false, inputs);
          const auto whole = feed(*on, layer, {100}, window, record);
          EXPECT_EQ(feed(*on, layer, {1, 40, 2, 1, 1, 55}, window, record), whole) << "window " << window;
          EXPECT_EQ(feed(*chip(1, true, inputs), layer, {7, 93}, window, record), whole)
              << "window " << window;
        }
      }
    }
  }
}

TEST_P(CpuChipTest, CompanyInAStepChangesNoBit) {
  const Layer layer(Format::q8_0);
  const std::vector<int32_t> tokens = some_tokens(60);
  const auto run = [&](Chip& on, const std::vector<int>& counts) {
    State ks(Format::bf16, 128, 0, 0, 16, 4), vs(Format::bf16, 128, 0, 0, 16, 4);
    std::vector<Span> spans;
    std::vector<int64_t> lengths(counts.size());
    std::vector<int32_t> ids, positions;
    for (const int n : counts) {
      spans.push_back({static_cast<int>(ids.size()), n});
      for (int i = 0; i < n; ++i) ids.push_back(tokens[i]), positions.push_back(i);
    }
    return values(on, layer.run(on, ids, positions, ks.view(spans, lengths), vs.view(spans, lengths), 0));
  };
  for (const auto inputs : {Rounding::Inputs::f32, Rounding::Inputs::int8}) {
    auto on = chip(2, false, inputs);
    const auto alone = run(*on, {31});
    const auto shared = run(*on, {31, 1, 60, 8});
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), shared.begin()));
    const auto last = run(*on, {8});
    EXPECT_TRUE(std::equal(last.begin(), last.end(), shared.end() - last.size()));
  }
}

TEST_P(CpuChipTest, ThreadsAndRecordingChangeNoBit) {
  for (const Format f : {Format::q5_0, Format::q6_k, Format::f32}) {
    const Layer layer(f);
    const Span span{0, 33};
    const int64_t none = 0;
    std::vector<int32_t> positions(33);
    for (int i = 0; i < 33; ++i) positions[i] = i;
    for (const auto inputs : {Rounding::Inputs::f32, Rounding::Inputs::int8}) {
      std::deque<State> states;
      expect_same_bits(
          [&](Chip& on) {
            State& ks = states.emplace_back(Format::f16, 128, 0, 0, 16, 1);
            State& vs = states.emplace_back(Format::f16, 128, 0, 0, 16, 1);
            return layer.run(on, some_tokens(33), positions, ks.view({&span, 1}, {&none, 1}),
                             vs.view({&span, 1}, {&none, 1}), 0);
          },
          inputs);
    }
  }
}

TEST_P(CpuChipTest, HostWorkRunsInItsTurn) {
  auto on = chip();
  Tensor x = floats(*on, {1, 64}, random_values(64, 1));
  Tensor y = on->add(x, x);
  on->host({y}, {y}, [y] { y.f32()[5] = 100; });
  Tensor z = on->add(y, y);
  EXPECT_EQ(values(*on, z)[5], 200);
}

INSTANTIATE_TEST_SUITE_P(Isa, CpuChipTest, testing::ValuesIn(cpu_isas()),
                         [](const auto& i) { return i.param; });

TEST(CpuChipTest, EveryPieceOfWorkRunsOnce) {
  for (const int threads : {1, 2, 3, 5}) {
    auto on = cpu({.threads = threads});
    for (const int64_t count : {0, 1, 2, 3, 7, 31, 100}) {
      std::vector<std::atomic<int>> runs(count);
      Tensor x = floats(*on, {1, 16}, random_values(16, 1));
      for (int again = 0; again < 3; ++again) on->each(count, {x}, {x}, [&](int64_t i) { ++runs[i]; });
      on->wait();
      for (const auto& n : runs) ASSERT_EQ(n, 3) << count << " pieces, " << threads << " threads";
    }
  }
}

TEST(CpuChipTest, WishesThatCannotBeServedAreErrors) {
  EXPECT_FALSE(make_chip("cpu", {.isa = "avx1024"}));
  EXPECT_FALSE(make_chip("cpu", {.threads = -1}));
  EXPECT_FALSE(make_chip("tpu"));
  EXPECT_NE(make_chip("tpu").error().message.find("ref, cpu"), std::string::npos);
}

}  // namespace
}  // namespace autark

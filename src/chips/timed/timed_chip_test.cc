// Goal: a chip that is given VerbTimes computes the same bits and adds its time to the groups of the verbs it
// was asked for. Method: a step of the toy DeepSeek-V4 verbs on `cpu` with and without; groups of single
// verbs.
#include "chips/timed/timed_chip.h"
#include <gtest/gtest.h>
#include <vector>
#include "chips/registry.h"
#include "chips/v4_ops.h"

namespace autark {
namespace {

struct Matrix {
  Matrix(int64_t out, int64_t in) : values(out * in) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = float(int(i * 7 % 23) - 11) / 16;
    parts.push_back({reinterpret_cast<const std::byte*>(values.data()), nullptr});
    weight = {Format::f32, {out, in}, parts};
  }
  std::vector<float> values;
  std::vector<Part> parts;
  Weight weight;
};

class TimedChipTest : public testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<Chip> chip(VerbTimes* times) {
    return *make_chip("cpu", {.threads = 2, .eager = GetParam(), .times = times});
  }
  const Matrix matrix_{96, 64}, head_{160, 64};
  const std::vector<float> x_ = std::vector<float>(64 * 5, 0.25f);

  std::vector<float> run(Chip& on) {
    Tensor x = on.upload(x_, {5, 64});
    x = on.rms_norm(x, {}, 1e-6f);
    Tensor y = on.linear(x, matrix_.weight), z = on.linear(x, head_.weight);
    Tensor streams = on.v4().hc_spread(x, 4);
    on.wait();
    std::vector<float> all;
    for (const Tensor& t : {y, z, streams}) {
      const auto values = on.read(t);
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }
};

TEST_P(TimedChipTest, ComputesTheSameBits) {
  VerbTimes times;
  times.head_rows = 160;
  EXPECT_EQ(run(*chip(&times)), run(*chip(nullptr)));
}

TEST_P(TimedChipTest, AddsTimeToTheGroupsOfTheVerbs) {
  VerbTimes times;
  times.head_rows = 160;
  run(*chip(&times));
  const auto seconds = times.seconds();
  for (const VerbGroup g :
       {VerbGroup::dense, VerbGroup::head, VerbGroup::hyper_connections, VerbGroup::other})
    EXPECT_GT(seconds[int(g)], 0) << kVerbGroupNames[int(g)];
  for (const VerbGroup g : {VerbGroup::attention, VerbGroup::experts, VerbGroup::routing})
    EXPECT_EQ(seconds[int(g)], 0) << kVerbGroupNames[int(g)];
  times.reset();
  EXPECT_EQ(times.seconds()[int(VerbGroup::dense)], 0);
}

INSTANTIATE_TEST_SUITE_P(Modes, TimedChipTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "eager" : "recorded"; });

}  // namespace
}  // namespace autark

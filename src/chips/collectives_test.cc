// Goal: a product that is cut over ranks by its outputs and gathered equals the whole product, bit for bit,
// and sums over ranks run in order with the verbs. Method: groups of threads on every chip and instruction
// set; matrices of every format against the same matrix on a chip without a group.
#include <gtest/gtest.h>
#include "chips/cpu/testing.h"
#include "cluster/thread_comm.h"

namespace autark {
namespace {

using cpu_testing::Matrix;
constexpr int64_t kRows = 512, kCols = 256;  // whole tiles of scales on each of four ranks

// The rows of rank `rank` of `ranks`, as weights/ cuts them.
struct RowShare {
  RowShare(const Matrix& whole, int rank, int ranks) : part(whole.parts[0]) {
    const Format f = whole.weight.format;
    const int64_t count = kRows / ranks, from = rank * count;
    part.codes += from * row_bytes(f, kCols);
    if (f == Format::fp8_e4m3_b128x128) part.scales += from / kTileSide * tiles(kCols);
    if (has_runs(f)) part.scales += from * scale_row_bytes(f, kCols);
    weight = {f, {count, kCols}, {&part, 1}};
  }
  Part part;
  Weight weight;
};

struct Place {
  std::string chip, isa;
  Rounding::Inputs inputs;
};
std::vector<Place> places() {
  std::vector<Place> all{{"ref", "", Rounding::Inputs::f32}};
  for (const std::string& isa : cpu_isas()) {
    all.push_back({"cpu", isa, Rounding::Inputs::f32});
    all.push_back({"cpu", isa, Rounding::Inputs::int8});
  }
  return all;
}
std::ostream& operator<<(std::ostream& to, const Place& p) {
  return to << p.chip << p.isa << int(p.inputs);
}

class CollectivesTest : public ::testing::TestWithParam<Place> {
 protected:
  static std::unique_ptr<Chip> make(Comm* comm) {
    auto chip = make_chip(GetParam().chip,
                          {.inputs = GetParam().inputs, .threads = 1, .isa = GetParam().isa, .comm = comm});
    AUTARK_CHECK(chip);
    return std::move(*chip);
  }
  static std::vector<float> values(Tensor x) { return {x.f32(), x.f32() + x.shape.numel()}; }
};

TEST_P(CollectivesTest, GatheredProductsAreTheWholeProduct) {
  std::vector<float> x = cpu_testing::random_values(3 * kCols, 5);
  const Tensor in{x.data(), Format::f32, {3, kCols}};
  for (Format f : cpu_testing::kFormats) {
    SCOPED_TRACE(name_of(f));
    const Matrix whole(f, kRows, kCols, 7);
    const auto alone = make(nullptr);
    const Tensor y = alone->all_gather(alone->linear(in, whole.weight), kRows);
    alone->wait();
    const auto want = values(y);
    for (int ranks : {1, 2, 4}) {
      run_ranks(ranks, [&](Comm& comm) {
        const RowShare mine(whole, comm.rank(), ranks);
        const auto on = make(&comm);
        const Tensor all = on->all_gather(on->linear(in, mine.weight), kRows);
        on->wait();
        EXPECT_EQ(all.shape, (Shape{3, kRows}));
        EXPECT_EQ(values(all), want) << "rank " << comm.rank() << " of " << ranks;
      });
    }
  }
}

TEST_P(CollectivesTest, SumsComeInTheirTurn) {
  run_ranks(4, [](Comm& comm) {
    const auto on = make(&comm);
    std::vector<float> x{1.f, 2.f, float(comm.rank())}, half{.5f, .5f, .5f};
    const Tensor a{x.data(), Format::f32, {1, 3}}, b{half.data(), Format::f32, {1, 3}};
    const Tensor y = on->add(on->all_sum(on->add(a, b)), b);
    on->wait();
    EXPECT_EQ(values(y), (std::vector{6.5f, 10.5f, 8.5f}));
  });
}

INSTANTIATE_TEST_SUITE_P(Places, CollectivesTest, ::testing::ValuesIn(places()),
                         [](const auto& info) { return ::testing::PrintToString(info.param); });

}  // namespace
}  // namespace autark

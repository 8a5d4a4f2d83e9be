// Goal: in what order products of few rows read the weights, and what they prefetch, changes no bit. Method: tables of each
// ISA with both values of Prefetch, whichever the processor at hand wants; numbers of panels that two streams do and do not
// divide, with a last panel and a last group of blocks that are not whole.
#include <bit>
#include <cstring>
#include <map>
#include "chips/cpu/isa.h"
#include "chips/cpu/testing.h"

namespace autark {
namespace {
using namespace cpu_testing;

// The ISA's table with these prefetches, under a name of its own.
const Kernels& kernels_with(Prefetch how, const std::string& isa) {
  struct Named {
    std::string name;
    Kernels kernels;
  };
  static std::map<std::string, Named> all;
  const std::string name = isa + (how == Prefetch::by_rows ? "-by-rows" : "-second-cache");
  const auto [at, is_new] = all.try_emplace(name, Named{name, **kernels_for(isa)});
  Named& named = at->second;
  if (!is_new) return named.kernels;
  named.kernels.isa = named.name.c_str();
  named.kernels.prefetch = how;
  add_kernels(named.kernels);
  return named.kernels;
}

class PrefetchTest : public testing::TestWithParam<std::tuple<std::string, Format>> {
 protected:
  std::string isa() const { return std::get<0>(GetParam()); }
  Format format() const { return std::get<1>(GetParam()); }
};

std::vector<uint32_t> product(const Kernels& k, Rounding::Inputs inputs, const Matrix& m, int64_t rows) {
  const auto on = cpu({.inputs = inputs, .threads = 2, .isa = k.isa});
  const int64_t in = m.weight.cols(), out = m.weight.rows();
  const std::vector<float> bias = random_values(out, 3);
  const Weight w = m.weight.rounded(Round::bf16, Round::none);
  const Tensor x = floats(*on, {rows, in}, random_values(rows * in, 5));
  std::vector<uint32_t> bits;
  for (const float y : values(*on, on->linear(x, w, Vector{bias.data(), {out}})))
    bits.push_back(std::bit_cast<uint32_t>(y));
  return bits;
}

TEST_P(PrefetchTest, ChangesNoBit) {
  for (const int64_t out : {16, 32, 47, 63, 80, 81, 1024}) {
    const Matrix m(format(), out, fitting(format(), 352), 7);
    for (const auto inputs : {Rounding::Inputs::int8, Rounding::Inputs::official}) {
      for (int64_t rows = 1; rows <= 3; ++rows)
        EXPECT_EQ(product(kernels_with(Prefetch::second_cache, isa()), inputs, m, rows),
                  product(kernels_with(Prefetch::by_rows, isa()), inputs, m, rows))
            << rows << " rows, " << out << " outputs";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, PrefetchTest,
                         testing::Combine(testing::ValuesIn(cpu_isas()), testing::ValuesIn(block_formats())),
                         [](const auto& i) {
                           return std::get<0>(i.param) + "_" + std::to_string(int(std::get<1>(i.param)));
                         });

// Bytes that are read must be the probe's: run with AddressSanitizer.
TEST(ReadProbeTest, ReadsWhatTheyAreGiven) {
  for (const std::string& isa : cpu_isas()) {
    for (const int64_t n : {512, 1024, 1536}) {
      const std::vector<unsigned char> bytes(n, 1);
      for (const Prefetch how : {Prefetch::by_rows, Prefetch::second_cache})
        EXPECT_EQ((*kernels_for(isa))->read(bytes.data(), n, how), 1) << isa;
    }
  }
}

}  // namespace
}  // namespace autark

// Goal: the kernels round as official code does, bit for bit, on every ISA and for every number of values. Method:
// tensor/'s scalar functions are the oracle; values are of all magnitudes, halfway between two results, infinite and no
// numbers. Bytes behind a result must stay as they are.
#include <gtest/gtest.h>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include "chips/cpu/isa.h"
#include "chips/cpu/testing.h"
#include "tensor/bf16.h"
#include "tensor/weight.h"

namespace autark {
namespace {

using namespace cpu_testing;

constexpr int64_t kMost = 130, kBehind = 20;
constexpr float kUntouched = 12345;

// Numbers of any exponent in [low, high]; every fourth has at most six bits, so that many lie halfway between results.
std::vector<float> numbers(int64_t n, int low, int high, uint32_t seed) {
  std::mt19937 gen(seed);
  std::uniform_int_distribution<int> exponent(low, high);
  std::uniform_real_distribution<float> part(-2, 2);
  std::vector<float> x(n);
  for (float& v : x) {
    v = part(gen);
    if (gen() % 4 == 0) v = std::nearbyint(v * 16) / 16;
    v = std::ldexp(v, exponent(gen));
  }
  return x;
}

std::vector<std::vector<float>> rows() {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  std::vector<std::vector<float>> all;
  const std::pair<int, int> ranges[] = {{-3, 3}, {-20, 0}, {-149, -100}, {-149, 126}, {100, 126}};
  for (const auto& [low, high] : ranges) all.push_back(numbers(kMost, low, high, 7 + low));
  all.emplace_back(kMost, 0.f);
  for (const uint32_t odd : {0x7fc00000u, 0xffffffffu, 0x7f800001u, std::bit_cast<uint32_t>(kInf),
                             std::bit_cast<uint32_t>(-kInf), 0x80000000u, 0x00000001u}) {
    all.push_back(numbers(kMost, -5, 5, odd));
    for (int64_t i = 0; i < kMost; i += 9) all.back()[i] = std::bit_cast<float>(odd);
  }
  return all;
}

void expect_same(const std::vector<float>& got, const std::vector<float>& want, int64_t n,
                 const std::string& what) {
  for (int64_t i = 0; i < kMost + kBehind; ++i) {
    const float expected = i < n ? want[i] : kUntouched;
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(got[i])) << what << ", " << n << " values, value " << i;
    } else {
      ASSERT_EQ(std::bit_cast<uint32_t>(got[i]), std::bit_cast<uint32_t>(expected))
          << what << ", " << n << " values, value " << i << ": " << got[i] << ", not " << expected;
    }
  }
}

class V4RoundingTest : public testing::TestWithParam<std::string> {
 protected:
  const Kernels& kernels() const { return **kernels_for(GetParam()); }

  void expect_rounds(void (*run)(const float*, int64_t, float*), Round how, int64_t most) {
    for (const std::vector<float>& x : rows()) {
      for (int64_t n = 1; n <= most; ++n) {
        std::vector<float> want(x.begin(), x.begin() + n), got(kMost + kBehind, kUntouched);
        round(how, want);
        run(x.data(), n, got.data());
        expect_same(got, want, n, "first " + std::to_string(x[0]));
      }
    }
  }
};

TEST_P(V4RoundingTest, Bf16IsThatOfTensors) {
  expect_rounds(kernels().v4().round_bf16, Round::bf16, kMost);
}

TEST_P(V4RoundingTest, E4m3IsThatOfTensors) {
  expect_rounds(kernels().v4().round_e4m3, Round::e4m3_b128, kTileSide);
}

TEST_P(V4RoundingTest, EncodedBf16IsThatOfTensors) {
  for (const std::vector<float>& x : rows()) {
    for (int64_t n = 0; n <= kMost; ++n) {
      std::vector<uint16_t> got(kMost + kBehind, 0x1234);
      kernels().encode(Record::bf16, x.data(), n, reinterpret_cast<unsigned char*>(got.data()));
      for (int64_t i = 0; i < kMost + kBehind; ++i) {
        if (i < n && std::isnan(x[i])) continue;  // encode() promises nothing of it
        ASSERT_EQ(got[i], i < n ? encode_bf16(x[i]) : 0x1234) << n << " values, value " << i;
      }
    }
  }
}

// Each step of official code gives bf16 values.
TEST_P(V4RoundingTest, HeadNormIsComputedInBf16) {
  const auto bf16 = [](float v) { return decode_bf16(encode_bf16(v)); };
  for (const int64_t n : {1, 7, 8, 9, 64, 130}) {
    const std::vector<float> x = numbers(n, -4, 4, static_cast<uint32_t>(n));
    double squares[8] = {}, sum = 0;
    for (int64_t i = 0; i < n; ++i) squares[i % 8] += bf16(x[i] * x[i]);
    for (const double s : squares) sum += s;
    const float mean = bf16(static_cast<float>(sum / static_cast<double>(n)));
    const float r = bf16(1 / std::sqrt(bf16(mean + 1e-6f)));
    std::vector<float> want(n), got(kMost + kBehind, kUntouched);
    for (int64_t i = 0; i < n; ++i) want[i] = bf16(x[i] * r);
    kernels().v4().head_norm(x.data(), n, 1e-6f, got.data());
    expect_same(got, want, n, "head_norm");
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, V4RoundingTest, testing::ValuesIn(cpu_isas()),
                         [](const auto& i) { return i.param; });

}  // namespace
}  // namespace autark

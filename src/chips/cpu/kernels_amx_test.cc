// Goal: the AMX kernels as compiled name the right registers, addresses and strides, also where no machine has AMX.
// Method: a processor with AVX-512 and without AMX reports each tile instruction as illegal; a handler decodes the
// instruction, runs it on modelled tiles (tiles.h) and continues behind it. The products must have the bits of
// the AVX-512 kernels. A processor with AMX runs the same test without the handler.
#if defined(__x86_64__) && defined(__linux__)
#include <signal.h>
#include <ucontext.h>
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>
#include "chips/cpu/isa.h"
#include "chips/cpu/prepare.h"
#include "chips/cpu/testing.h"
#include "chips/cpu/tile_peak-inl.h"
#include "chips/cpu/tiles.h"
#include "chips/cpu/unit_peaks.h"

namespace autark {

const Kernels& tile_model_avx512();  // tile_model_test_avx512.cc

namespace {
using namespace cpu_testing;

// The tiles of the process; tests run their products on one thread.
alignas(ModelTiles) std::byte g_place[sizeof(ModelTiles)];
ModelTiles* g_tiles = nullptr;
int g_instructions = 0;

template <template <int> class Call, class... T>
void call(int tile, T... a) {
  const auto each = [&]<int... I>(std::integer_sequence<int, I...>) {
    ((tile == I ? Call<I>::run(*g_tiles, a...) : void()), ...);
  };
  each(std::make_integer_sequence<int, kTiles>());
}
template <int I>
struct Zero {
  static void run(ModelTiles& t) { t.zero<I>(); }
};
template <int I>
struct Load {
  static void run(ModelTiles& t, void* p, int64_t stride) { t.load<I>(p, stride); }
};
template <int I>
struct Store {
  static void run(ModelTiles& t, void* p, int64_t stride) { t.store<I>(p, stride); }
};

// Calls dot for the triples of tiles that the kernels use.
template <class Dot>
void dot(int c, int a, int b, Dot dot) {
  switch (c * 64 + a * 8 + b) {
    case 0 * 64 + 4 * 8 + 6:
      return dot.template operator()<0, 4, 6>();
    case 1 * 64 + 4 * 8 + 7:
      return dot.template operator()<1, 4, 7>();
    case 2 * 64 + 5 * 8 + 6:
      return dot.template operator()<2, 5, 6>();
    case 3 * 64 + 5 * 8 + 7:
      return dot.template operator()<3, 5, 7>();
    default:
      abort();
  }
}

int64_t general(const greg_t* r, int number) {
  constexpr int kPlaces[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                             REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  return r[kPlaces[number]];
}

// A VEX instruction of the map 0F 38: its fields and, where it has one, its memory operand.
struct Instruction {
  int prefix, opcode, reg, rm, second;  // prefix: 0 none, 2 F3, 3 F2
  bool memory;
  int64_t address = 0, stride = 0;
  int length;
};

Instruction decode(const uint8_t* p, const greg_t* r) {
  if (p[0] != 0xc4 || (p[1] & 0x1f) != 2) abort();
  Instruction x{p[2] & 3, p[3], p[4] >> 3 & 7, p[4] & 7, ~(p[2] >> 3) & 15, p[4] < 0xc0};
  x.length = 5;
  if (!x.memory) return x;
  const int high_index = p[1] & 0x40 ? 0 : 8, high_base = p[1] & 0x20 ? 0 : 8, mode = p[4] >> 6;
  int base = x.rm + high_base;
  if (x.rm == 4) {
    const int index = (p[5] >> 3 & 7) + high_index;
    base = (p[5] & 7) + high_base;
    if (index != 4) x.stride = general(r, index) << (p[5] >> 6);
    x.length = 6;
  }
  int32_t offset = 0;
  const bool nowhere = mode == 0 && (base & 7) == 5;  // relative to the next instruction
  if (mode == 1) offset = static_cast<int8_t>(p[x.length]), x.length += 1;
  if (mode == 2 || nowhere) std::memcpy(&offset, p + x.length, 4), x.length += 4;
  x.address = offset + (nowhere ? reinterpret_cast<int64_t>(p) + x.length : general(r, base));
  return x;
}

void emulate(const Instruction& x) {
  auto* p = reinterpret_cast<void*>(x.address);
  if (x.opcode == 0x49 && x.prefix == 0 && x.memory)
    g_tiles = new (g_place) ModelTiles(*static_cast<const TileShapes*>(p));
  else if (x.opcode == 0x49 && x.prefix == 0)
    g_tiles = nullptr;
  else if (g_tiles && x.opcode == 0x49 && x.prefix == 3)
    call<Zero>(x.reg);
  else if (g_tiles && x.opcode == 0x4b && x.prefix == 3)
    call<Load>(x.reg, p, x.stride);
  else if (g_tiles && x.opcode == 0x4b && x.prefix == 2)
    call<Store>(x.reg, p, x.stride);
  else if (g_tiles && x.opcode == 0x5e && x.prefix == 3)
    dot(x.reg, x.rm, x.second, []<int C, int A, int B>() { g_tiles->dot_i8<C, A, B>(); });
  else if (g_tiles && x.opcode == 0x5c && x.prefix == 2)
    dot(x.reg, x.rm, x.second, []<int C, int A, int B>() { g_tiles->dot_bf16<C, A, B>(); });
  else
    abort();
}

void on_illegal(int, siginfo_t*, void* context) {
  greg_t* r = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const Instruction x = decode(reinterpret_cast<const uint8_t*>(r[REG_RIP]), r);
  emulate(x);
  ++g_instructions;
  r[REG_RIP] += x.length;
}

// Emulates tile instructions during its life, unless the processor has them.
class Emulation {
 public:
  Emulation() : needed_(!kernels_for("amx")) {
    struct sigaction mine = {};
    mine.sa_sigaction = on_illegal;
    mine.sa_flags = SA_SIGINFO;
    if (needed_) sigaction(SIGILL, &mine, &before_);
    g_instructions = 0;
  }
  ~Emulation() {
    if (needed_) sigaction(SIGILL, &before_, nullptr);
  }
  // Whether tile instructions ran, as far as that can be known.
  bool ran() const { return !needed_ || g_instructions > 0; }

 private:
  const bool needed_;
  struct sigaction before_ = {};
};

// The product of rows in so many digits, with a bias.
std::vector<float> product(const Kernels& k, const Panels& w, int64_t rows, int digits,
                           const std::vector<float>& x) {
  const int64_t panels = (w.out + kLanes - 1) / kLanes;
  const std::vector<float> bias = random_values(w.out, 7);
  const int64_t low = digits == 2 ? rows * w.blocks : 0;
  std::vector<RoundedBlock> rounded(digits * rows * w.blocks);
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t most = tile_height(k, rows), tile = r / most * most, high = std::min(most, rows - tile);
    RoundedBlock* to = &rounded[tile * w.blocks + r - tile];
    low ? k.round_two_digits(&x[r * w.in], w.in, to, high, low) : k.round_row(&x[r * w.in], w.in, to, high);
  }
  Pages scratch(kScratchBytes);
  std::vector<float> y(rows * w.out);
  k.rounded_product({&w, 0, panels, rounded.data(), rows, bias.data(), y.data(), w.out, scratch.data(),
                     tile_height(k, rows), low});
  return y;
}

class AmxKernelsTest : public testing::TestWithParam<Format> {};

TEST_P(AmxKernelsTest, ProductsHaveTheBitsOfAvx512) {
  const auto avx512 = kernels_for("avx512");
  if (!avx512) GTEST_SKIP() << avx512.error().message;
  Team team(1);
  PreparedWeights prepared;
  const Matrix m(GetParam(), 70, fitting(GetParam(), 544), 3);
  const Panels& w = prepared.of(m.weight, team)[0];
  for (const int64_t rows : {7, 15, 16, 17, 40}) {
    for (const int digits : {1, 2}) {
      const std::vector<float> x = random_values(rows * w.in, 5);
      const std::vector<float> expected = product(**avx512, w, rows, digits, x);
      const Emulation emulation;
      EXPECT_EQ(product(kernels_amx(), w, rows, digits, x), expected)
          << rows << " rows, " << digits << " digits";
      EXPECT_TRUE(emulation.ran());
    }
  }
}

std::vector<Format> formats() {
  std::vector<Format> all(std::begin(kFormats), std::end(kFormats));
  std::erase_if(all, [](Format f) { return !takes_rounded(kind_of(f)); });
  return all;
}
INSTANTIATE_TEST_SUITE_P(Cpu, AmxKernelsTest, testing::ValuesIn(formats()),
                         [](const auto& i) { return std::string(name_of(i.param)); });

// The product of rows of bf16 values, with the same bias.
std::vector<float> bf16_product(const Kernels& k, const Panels& w, int64_t rows,
                                const std::vector<float>& x) {
  const int64_t stride = w.blocks * kBlock, panels = (w.out + kLanes - 1) / kLanes;
  const std::vector<float> bias = random_values(w.out, 7);
  std::vector<uint16_t> codes(rows * stride);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < w.in; ++i) codes[r * stride + i] = std::bit_cast<uint32_t>(x[r * w.in + i]) >> 16;
  }
  Pages scratch(kScratchBytes);
  std::vector<float> y(rows * w.out);
  k.bf16_product({&w, 0, panels, codes.data(), stride, rows, bias.data(), y.data(), w.out, scratch.data()});
  return y;
}

TEST(AmxKernelsTest, Bf16ProductsHaveTheBitsOfModelledTiles) {
  if (!kernels_for("avx512")) GTEST_SKIP() << "the lanes of amx need AVX-512";
  Team team(1);
  PreparedWeights prepared;
  for (const Format f : {Format::bf16, Format::fp8_e4m3_b128x128}) {
    const Matrix m(f, 70, 544, 3);
    const Panels& w = prepared.of(m.weight, team)[0];
    for (const int64_t rows : {1, 2, 7, 16, 17, 40}) {
      const std::vector<float> x = random_values(rows * w.in, 5);
      const std::vector<float> expected = bf16_product(tile_model_avx512(), w, rows, x);
      const Emulation emulation;
      EXPECT_EQ(bf16_product(kernels_amx(), w, rows, x), expected) << name_of(f) << ", " << rows << " rows";
      EXPECT_TRUE(emulation.ran());
    }
  }
}

// What two digits hold of rows that bf16 holds, as bf16 values: their products are those of the digits.
TEST(AmxKernelsTest, ProductsOfHeldValuesHaveTheBitsOfDigits) {
  const auto avx512 = kernels_for("avx512");
  if (!avx512) GTEST_SKIP() << avx512.error().message;
  Team team(1);
  PreparedWeights prepared;
  for (const Format f : {Format::q8_0, Format::q5_0, Format::q4_0}) {
    const Matrix m(f, 70, 544, 3);
    const Panels& w = prepared.of(m.weight, team)[0];
    for (const int64_t rows : {2, 9, 16, 17, 40}) {
      std::vector<float> x = random_values(rows * w.in, 5);
      for (float& v : x) v = std::bit_cast<float>(std::bit_cast<uint32_t>(v) & 0xffff0000u);
      const std::vector<float> expected = product(**avx512, w, rows, 2, x);
      for (int64_t r = 0; r < rows; ++r) (*avx512)->hold_in_digits(&x[r * w.in], w.in, &x[r * w.in]);
      const Emulation emulation;
      EXPECT_EQ(bf16_product(kernels_amx(), w, rows, x), expected) << name_of(f) << ", " << rows << " rows";
      EXPECT_TRUE(emulation.ran());
    }
  }
}

TEST(AmxKernelsTest, ProbesRun) {
  if (!kernels_for("avx512")) GTEST_SKIP() << "the table of amx needs AVX-512";
  const double int8 = tile_peak<ModelTiles, Int8Dot>(3), bf16 = tile_peak<ModelTiles, Bf16Dot>(3);
  const Emulation emulation;
  EXPECT_EQ(kernels_amx().int8_peak(3), int8);
  EXPECT_EQ(tile_bf16_peak().run(3), bf16);
  EXPECT_TRUE(emulation.ran());
}

}  // namespace
}  // namespace autark
#endif

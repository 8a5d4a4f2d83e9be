// Goal: the memory of the far chip is closed to all code except its verbs and work that declares
// its operands. Method: values are uploaded and read through the chip; then each way around it ends
// a child process.
#include "chips/far/far_chip.h"
#include <gtest/gtest.h>
#include <array>
#include "chips/v4_ops.h"

namespace autark {
namespace {

class FarChipTest : public ::testing::Test {
 protected:
  Tensor floats(int64_t n, float first = 1) {
    std::vector<float> v;
    for (int64_t i = 0; i < n; ++i) v.push_back(first + float(i));
    return on_->upload(v, {1, n});
  }
  std::vector<float> values(Tensor x) {
    on_->wait();
    const auto v = on_->read(x);
    return {v.begin(), v.end()};
  }
  std::unique_ptr<Chip> on_ = std::move(*make_chip("far"));
};
using FarChipDeathTest = FarChipTest;

// One sequence with one page of four rows of eight values.
struct OnePage {
  explicit OnePage(Chip& on) : memory(on.state_memory(4 * 8 * 4)), page{memory.get()}, pages{page} {}
  StateView view() const {
    return {.width = 8, .page_rows = 4, .sequences = spans, .pages = pages, .length = lengths};
  }
  StateMemory memory;
  std::array<std::byte*, 1> page;
  std::array<std::span<std::byte* const>, 1> pages;
  std::array<Span, 1> spans{Span{0, 1}};
  std::array<int64_t, 1> lengths{0};
};

float first_of(Tensor x) {
  return *static_cast<const volatile float*>(x.data);
}

TEST_F(FarChipTest, ValuesGoInAndComeOutThroughTheChip) {
  const Tensor x = floats(3), ids = on_->upload(std::vector<int32_t>{0, 0});
  EXPECT_EQ(values(on_->add(x, x)), (std::vector<float>{2, 4, 6}));
  EXPECT_EQ(values(on_->gather(x, ids)), (std::vector<float>{1, 2, 3, 1, 2, 3}));
  const Tensor picked = on_->gather(ids, on_->upload(std::vector<int32_t>{1}));
  on_->wait();
  EXPECT_EQ(on_->read_ids(picked)[0], 0);
}

TEST_F(FarChipTest, NamedOperandsAreOpenToWorkOnTheHost) {
  const Tensor x = floats(3), y = on_->result({1, 3});
  on_->each(3, {x}, {y}, [=](int64_t i) { y.f32()[i] = 10 * x.f32()[i]; });
  EXPECT_EQ(values(y), (std::vector<float>{10, 20, 30}));
  EXPECT_EQ(values(on_->concat(std::array{x, y})), (std::vector<float>{1, 2, 3, 10, 20, 30}));
}

TEST_F(FarChipTest, StateIsWrittenByWorkAndCopiedByTheChip) {
  const OnePage state(*on_), other(*on_);
  const StateView r = state.view();
  const Tensor x = floats(8);
  on_->v4().extend(r, x);
  on_->wait();
  std::vector<std::byte> bytes(32);
  on_->copy_out(state.page[0], bytes);
  on_->copy_in(bytes, other.page[0]);
  std::vector<float> row(8);
  const StateView from = other.view();
  on_->host({from}, {}, [&] { load(from, 0, 0, row); });
  EXPECT_EQ(row, values(x));
}

TEST_F(FarChipDeathTest, ATensorIsClosedFromOutside) {
  const Tensor x = floats(3);
  EXPECT_DEATH(first_of(x), "");
  EXPECT_DEATH(x.f32()[0] = 1, "");
  EXPECT_DEATH(first_of(on_->add(x, x)), "");
  on_->host({x}, {}, [] {});
  EXPECT_DEATH(first_of(x), "");  // closed again
}

TEST_F(FarChipDeathTest, WorkCannotTouchWhatItDoesNotName) {
  const Tensor x = floats(3), y = floats(3);
  EXPECT_DEATH(on_->host({y}, {}, [=] { first_of(x); }), "");
  EXPECT_DEATH(on_->host({x}, {y}, [=] { x.f32()[0] = y.f32()[0]; }), "");  // named to be read only
  EXPECT_DEATH(on_->each(2, {}, {y}, [=](int64_t) { y.f32()[0] = x.f32()[0]; }), "");
}

TEST_F(FarChipDeathTest, StateIsClosedUnlessItIsNamed) {
  const OnePage state(*on_);
  const StateView r = state.view();
  const std::vector<float> row(8);
  EXPECT_DEATH(store(r, 0, 0, row), "");
  EXPECT_DEATH(on_->host({r}, {}, [&] { store(r, 0, 0, row); }), "");
  on_->host({}, {r}, [&] { store(r, 0, 0, row); });
}

TEST_F(FarChipTest, AWeightIsCopiedWhenItIsFirstUsed) {
  std::vector<float> matrix{1, 0, 0, 1};
  const Part part{reinterpret_cast<const std::byte*>(matrix.data())};
  const Weight w{Format::f32, {2, 2}, {&part, 1}};
  EXPECT_EQ(values(on_->linear(floats(2), w)), (std::vector<float>{1, 2}));
  matrix.assign(4, 7);  // the chip has a copy and does not read it again
  EXPECT_EQ(values(on_->linear(floats(2), w)), (std::vector<float>{1, 2}));
}

TEST_F(FarChipDeathTest, HostMemoryIsNoTensor) {
  std::vector<float> host{1, 2, 3};
  const Tensor x{host.data(), Format::f32, {1, 3}};
  EXPECT_DEATH(on_->add(floats(3), x), "check failed");
  EXPECT_DEATH(on_->host({x}, {}, [] {}), "check failed");
  std::vector<float> row(8);
  std::byte* page = reinterpret_cast<std::byte*>(row.data());
  OnePage state(*on_);
  state.page[0] = page;
  state.pages[0] = state.page;
  EXPECT_DEATH(on_->v4().extend(state.view(), floats(8)), "check failed");
}

TEST_F(FarChipDeathTest, LateAndEarlyUsesAreMistakes) {
  const Tensor x = floats(3), sum = on_->add(x, x);
  EXPECT_DEATH(on_->read(sum), "unread_");  // before wait()
  const Tensor kept = on_->carry(on_->add(x, x));
  EXPECT_DEATH(on_->add(x, sum), "check failed");  // carry() freed it
  EXPECT_EQ(values(on_->add(x, kept)), (std::vector<float>{3, 6, 9}));
  on_->reset();
  EXPECT_DEATH(on_->add(x, x), "check failed");
}

TEST(FarChipRegistryTest, IsNotNamedToUsers) {
  for (const auto& name : chip_names()) EXPECT_NE(name, "far");
  EXPECT_EQ(make_chip("tpu").error().message.find("far"), std::string::npos);
  EXPECT_FALSE(make_chip("far", {.inputs = Rounding::Inputs::int8}));
}

}  // namespace
}  // namespace autark

// Goal: a model whose state a chip cannot read is refused when it is loaded. Method: a model that declares
// other records than its architecture does.
#include "engine/loaded_model.h"
#include <gtest/gtest.h>
#include "engine/testing.h"

namespace autark::engine {
namespace {

struct OtherRecords final : Model {
  OtherRecords(const Model& of, Format record) : of(of), record(record) {}
  int layers() const override { return of.layers(); }
  int64_t vocabulary() const override { return of.vocabulary(); }
  int64_t context() const override { return of.context(); }
  std::vector<StateSpec> state_specs(int i) const override {
    std::vector<StateSpec> all = of.state_specs(i);
    if (i == 2)
      for (StateSpec& s : all) s.stored = record;
    return all;
  }
  Tensor embed(Step& s) const override { return of.embed(s); }
  Tensor layer(Step& s, int i, Tensor x) const override { return of.layer(s, i, x); }
  Tensor logits(Step& s, Tensor x) const override { return of.logits(s, x); }
  const Model& of;
  const Format record;
};

TEST(LoadedModelTest, RecordsThatAttentionCannotReadAreAnError) {
  const LoadedModel m = test_model("gemma3", ref_chip());
  auto cpu = make_chip("cpu", {.threads = 1});
  ASSERT_TRUE(cpu);
  for (const Format f : {Format::f32, Format::f16, Format::bf16})
    EXPECT_FALSE(fault_of_records(OtherRecords(*m.model, f), **cpu)) << name_of(f);
  const OtherRecords strange(*m.model, Format::q8_0);
  EXPECT_FALSE(fault_of_records(strange, *m.chip));  // ref reads all there are
  const auto fault = fault_of_records(strange, **cpu);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->code, Code::unsupported);
  EXPECT_EQ(
      fault->message,
      "attention of the cpu chip cannot read state kept as Q8_0; use --rounding none, which keeps it as "
      "F32, or --chip ref");
}

// DeepSeek-V4's records are read by verbs of their own.
TEST(LoadedModelTest, OnlyWhatAttentionReadsCounts) {
  const LoadedModel m = toy_v4_model(ref_chip());
  auto cpu = make_chip("cpu", {.threads = 1});
  ASSERT_TRUE(cpu);
  EXPECT_FALSE(fault_of_records(*m.model, **cpu));
}

}  // namespace
}  // namespace autark::engine

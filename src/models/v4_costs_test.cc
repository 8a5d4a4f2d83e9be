// Goal: the cost of a DeepSeek-V4 token, counted by running the model file, follows from the papers'
// formulas: work, bytes of weights and records read, records stored. Method: the forward pass on the counting
// chip, on weights without bytes in the formats of the published files; expected numbers computed by hand
// from the dimensions alone.
#include <gtest/gtest.h>
#include <algorithm>
#include "chips/registry.h"
#include "models/architecture.h"
#include "models/v4_tensors.h"
#include "models/v4_testing.h"

namespace autark {
namespace {

// Formats and shapes as listed, no bytes.
class ListedWeights final : public Weights {
 public:
  explicit ListedWeights(const std::vector<V4Tensor>& all) {
    for (const auto& t : all) tensors_[t.name] = &t;
  }

 private:
  std::optional<Entry> open(const std::string& name, const Shape&) override {
    const auto it = tensors_.find(name);
    if (it == tensors_.end()) return {};
    static const std::map<std::string_view, Format> kFormats{{"BF16", Format::bf16},
                                                             {"F32", Format::f32},
                                                             {"I64", Format::i32},
                                                             {"F8_E4M3", Format::fp8_e4m3_b128x128},
                                                             {"I8", Format::e2m1_b32}};
    Entry e{kFormats.at(it->second->dtype), {}, {}};
    for (int64_t d : it->second->shape) e.shape.d[e.shape.rank++] = d;
    if (e.format == Format::e2m1_b32) e.shape.d[1] *= 2;
    return e;
  }
  std::map<std::string, const V4Tensor*> tensors_;
};

class V4CostsTest : public ::testing::Test {
 protected:
  struct Published {
    std::vector<V4Tensor> tensors;
    std::unique_ptr<ListedWeights> weights;
    std::unique_ptr<Model> model;
  };
  static Published make(const Json& json) {
    Published p;
    const ConfigFile f(json);
    const V4Config c(f);
    p.tensors = v4_tensors(c, read_v4_contents(f, c));
    p.weights = std::make_unique<ListedWeights>(p.tensors);
    p.model = *architectures().at("deepseek_v4").make(json, *p.weights);
    return p;
  }
  static void SetUpTestSuite() {
    flash_ = new Published(make(v4_flash_config()));
    pro_ = new Published(make(v4_pro_config()));
  }
  static void TearDownTestSuite() {
    delete flash_;
    delete pro_;
  }

  static StateView rows_of(const StateSpec& s, const Span* one, const int64_t* behind,
                           std::optional<Format> record) {
    return {.stored = record.value_or(s.stored),
            .width = s.row.numel(),
            .tokens_per_row = s.tokens_per_row,
            .window_rows = s.window_rows,
            .sequences = {one, 1},
            .length = {behind, 1}};
  }

  // One decode step of a token after `context` others.
  static Cost decode(const Published& p, int64_t context) {
    Cost cost;
    const auto dry = make_dry_chip(&cost);
    const Span one{0, 1};
    const Tensor id{nullptr, Format::i32, {1}};
    Step s{*dry, id, id, id,
           [&](int i, int k) { return rows_of(p.model->state_specs(i)[k], &one, &context, {}); }};
    EXPECT_EQ(forward(*p.model, s).cols(), p.model->vocabulary());
    return cost;
  }

  // Rows of history; memory from which rows are still being computed is working state.
  static double records_mib(const Published& p, int64_t tokens, std::optional<Format> record = {}) {
    double bytes = 0;
    for (int i = 0; i < p.model->layers(); ++i)
      for (const StateSpec& s : p.model->state_specs(i)) {
        if (std::string_view(s.name).ends_with("tail")) continue;
        const int64_t kept =
            s.window_rows ? std::min<int64_t>(tokens, s.window_rows) : tokens / s.tokens_per_row;
        bytes += double(kept) * row_bytes(record.value_or(s.stored), s.row.numel());
      }
    return bytes / (1 << 20);
  }

  static Published *flash_, *pro_;
};
V4CostsTest::Published *V4CostsTest::flash_, *V4CostsTest::pro_;

TEST_F(V4CostsTest, WorkOfADecodedToken) {
  const struct {
    int64_t context;
    double flash, pro;  // GFLOP
  } kRows[] = {{1 << 10, 28.1, 101.9}, {1 << 13, 29.5, 109.3}, {1 << 15, 32.2, 113.9},
               {1 << 17, 42.6, 132.2}, {1 << 18, 56.6, 156.7}, {1 << 20, 140.3, 303.2}};
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.context);
    EXPECT_NEAR(decode(*flash_, row.context).flops / 1e9, row.flash, 0.1);
    EXPECT_NEAR(decode(*pro_, row.context).flops / 1e9, row.pro, 0.1);
  }
}

TEST_F(V4CostsTest, WeightsReadForADecodedToken) {
  EXPECT_NEAR(decode(*flash_, 1024).weight_bytes / 1e9, 11.217, 0.002);
  EXPECT_NEAR(decode(*pro_, 1024).weight_bytes / 1e9, 39.666, 0.003);
}

// The same from the list: the head, every layer's own tensors except the tables, and six experts of each.
TEST_F(V4CostsTest, WeightsReadAreThoseListed) {
  for (const Published* p : {flash_, pro_}) {
    double listed = 0, experts = 0, gains = 0;
    const int64_t count = p == flash_ ? 256 : 384;
    for (const auto& t : p->tensors) {
      if (t.name.starts_with("mtp.") || t.name.ends_with("tid2eid") || t.name == "embed.weight") continue;
      if (t.name.ends_with("norm.weight")) gains += t.bytes();
      (t.name.find(".experts.") == std::string::npos ? listed : experts) += t.bytes();
    }
    // Norm gains are kept as f32, twice their stored width.
    EXPECT_DOUBLE_EQ(decode(*p, 1024).weight_bytes, listed + experts * 6 / count + gains);
  }
}

TEST_F(V4CostsTest, RecordsReadForADecodedToken) {
  const auto mb = [](const Published& p, int64_t context) { return decode(p, context).kv_bytes / 1e6; };
  EXPECT_NEAR(mb(*flash_, 1 << 10), 6.8, 0.1);
  EXPECT_NEAR(mb(*flash_, 1 << 17), 68, 0.5);
  EXPECT_NEAR(mb(*flash_, 1 << 20), 480, 1);
  EXPECT_NEAR(mb(*pro_, 1 << 10), 9.7, 0.1);
  EXPECT_NEAR(mb(*pro_, 1 << 17), 108, 0.5);
  EXPECT_NEAR(mb(*pro_, 1 << 20), 706, 1);
}

TEST_F(V4CostsTest, RecordsOfASequence) {
  EXPECT_NEAR(records_mib(*flash_, 1 << 10), 6.50, 0.01);
  EXPECT_NEAR(records_mib(*flash_, 1 << 17), 442.4, 0.1);
  EXPECT_NEAR(records_mib(*flash_, 1 << 20), 3517, 0.5);
  EXPECT_NEAR(records_mib(*pro_, 1 << 10), 9.26, 0.01);
  EXPECT_NEAR(records_mib(*pro_, 1 << 17), 633.3, 0.1);
  EXPECT_NEAR(records_mib(*pro_, 1 << 20), 5036, 0.5);
  EXPECT_NEAR(records_mib(*flash_, 1 << 10, Format::bf16), 12.09, 0.01);
  EXPECT_NEAR(records_mib(*flash_, 1 << 20, Format::bf16), 6885, 0.5);
  EXPECT_NEAR(records_mib(*pro_, 1 << 17, Format::bf16), 1238.6, 0.1);
  EXPECT_NEAR(records_mib(*pro_, 1 << 20, Format::bf16), 9856, 0.5);
}

}  // namespace
}  // namespace autark

// Goal: the draft heads of DeepSeek-V4 compute what their papers define, however the rows are cut
// into steps. Method: the toy checkpoint on every chip and instruction set. MTP is compared with
// the logits of the official code. There are no published numbers for DSpark, so it is compared
// with its equations, written out on the queries, rows and logits that its pass names, and, with a
// block of one, with an ordinary layer of the target.
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <optional>
#include "engine/forward.h"
#include "engine/golden_testing.h"
#include "engine/testing.h"
#include "models/architecture.h"
#include "models/layers/v4_block.h"

namespace autark::engine {
namespace {

using Notes = std::map<std::pair<int, std::string>, std::vector<float>>;

// A toy target with its draft head, one sequence, and the head alone in steps of the test's own.
class Head {
 public:
  Head(const Place& place, const Json& config, Rounding::Cache rounding = Rounding::Cache::f32)
      : toy_(config), chip_(std::move(make_chip(place.chip, {.threads = 1, .isa = place.isa}).value())) {
    auto made = drafter_of(architectures().at("deepseek_v4"), toy_.config)->make(toy_.config, toy_.weights);
    AUTARK_CHECK(made);
    drafter = std::move(*made);
    auto cache = Cache::make(*toy_.model, *chip_,
                             {.rounding = rounding,
                              .bytes_max = INT64_MAX,
                              .context = 256,
                              .rewind_tokens = 8,
                              .drafter = drafter.get(),
                              .poison = true});
    AUTARK_CHECK(cache);
    cache_ = std::move(*cache);
    state_ = cache_->open();
    AUTARK_CHECK(cache_->reserve(*state_, 256));
    packing_.emplace(*cache_);
  }
  // Reads `tokens` (those that follow) at `first` …, propose() goes on from the last row.
  void read(int64_t first, const std::vector<int32_t>& tokens, const std::vector<std::vector<float>>& taps) {
    std::vector<Tensor> in;
    for (const auto& t : taps) {
      const int64_t n = std::ssize(tokens), width = std::ssize(t) / n;
      const Shape streams{n, 4, width / 4}, mean{n, width};
      in.push_back(chip_->upload(t, drafter->name() == std::string("MTP") ? streams : mean));
    }
    packing_->begin();
    packing_->add(*state_, first, tokens, std::vector<int32_t>{int32_t(tokens.size()) - 1});
    Step s = step();
    carried_ = drafter->read(s, in);
    chip_->wait();
  }
  std::vector<float> propose(int j, int64_t first, const std::vector<int32_t>& tokens) {
    packing_->begin();
    packing_->add(*state_, first, tokens, {});
    Step s = step();
    const Tensor y = drafter->propose(s, j, &carried_);
    chip_->wait();
    keep();
    return values(y);
  }
  // A row of the drafter's ring.
  std::vector<float> ring(int layer, int64_t position) {
    packing_->begin();
    packing_->add(*state_, position + 1, std::vector<int32_t>{0}, {});
    const StateView r = packing_->step(*chip_).state(5 + layer, 0);
    std::vector<float> row(r.width);
    chip_->host({r}, {}, [&] { load(r, 0, position, row); });
    chip_->wait();
    return row;
  }
  // The stages as the target would run them, over one token.
  void trunk_layers(int64_t position, int32_t token) {
    const ConfigFile file(toy_.config);
    const V4Config c(file);
    packing_->begin();
    packing_->add(*state_, position, std::vector<int32_t>{token}, {});
    Step s = step();
    const Weight embed = toy_.weights.need("embed.weight", {c.vocab, c.dim});
    Tensor z = chip_->v4().hc_spread(chip_->embedding(embed, s.tokens), int(c.hc));
    std::vector<std::unique_ptr<V4Block>> stages;
    for (int i = 0; i < 3; ++i) {
      stages.push_back(
          std::make_unique<V4Block>(c, toy_.weights, "mtp." + std::to_string(i) + ".", 0, false));
      z = (*stages.back())(s, 5 + i, z);
    }
    chip_->wait();
    keep();
  }
  std::vector<float> raw(const std::string& name, Shape shape) {
    std::vector<float> v(shape.numel());
    toy_v4_tensor(name, shape, v);
    return v;
  }

 private:
  std::vector<float> values(Tensor x) const {
    const auto v = chip_->read(x);
    return {v.begin(), v.end()};
  }
  Step step() {
    raw_.clear();
    return packing_->step(*chip_, [this](int layer, const char* name, Tensor x) {
      raw_.push_back({{layer, name}, x});
      return x;
    });
  }
  void keep() {
    notes.clear();
    for (const auto& [key, x] : raw_) {
      if (x.format == Format::f32) notes[key] = values(x);
    }
  }

  ToyV4 toy_;
  std::unique_ptr<Chip> chip_;
  std::unique_ptr<Cache> cache_;

 public:
  std::unique_ptr<Drafter> drafter;
  Notes notes;  // of the last propose()

 private:
  std::unique_ptr<SequenceState> state_;  // the cache must outlive it
  std::optional<Packing> packing_;
  Tensor carried_;
  std::vector<std::pair<std::pair<int, std::string>, Tensor>> raw_;
};

std::vector<float> filled(const std::string& name, int64_t count) {
  std::vector<float> v(count);
  toy_values(name, 1, 0, v);
  return v;
}
std::vector<float> rows_of(const std::vector<float>& x, int64_t width, int64_t from, int64_t end) {
  return {x.begin() + from * width, x.begin() + end * width};
}

class DraftHeadsTest : public ::testing::TestWithParam<Place> {};

// The official code's smoke call: streams h, tokens t_0 … t_5, the same token and position for both.
TEST_P(DraftHeadsTest, MtpEqualsTheOfficialCode) {
  const std::vector<std::pair<Rounding::Cache, std::vector<float>>> want{
      {Rounding::Cache::f32, {-0.251231f, -0.177973f, -2.429024f, -0.897677f}},
      {Rounding::Cache::qdq, {-0.270095f, -0.168063f, -2.417127f, -0.897266f}}};
  for (const auto& [cache, logits] : want) {
    for (int cut : {0, 2, 5}) {  // in one step and in two
      Head head(GetParam(), toy_v4_config(), cache);
      const auto h = filled("h", 6 * 4 * 64);
      const auto tokens = toy_prompt(6);
      if (cut) head.read(0, {tokens.begin(), tokens.begin() + cut}, {rows_of(h, 256, 0, cut)});
      head.read(cut, {tokens.begin() + cut, tokens.end()}, {rows_of(h, 256, cut, 6)});
      const auto got = head.propose(0, 6, {tokens.back()});
      for (int i = 0; i < 4; ++i) EXPECT_NEAR(got[i], logits[i], cache == Rounding::Cache::f32 ? 1e-4 : 1e-3);
      EXPECT_EQ(std::ranges::max_element(got) - got.begin(), 10);
    }
  }
}

std::vector<std::vector<float>> means(int64_t from, int64_t end) {
  std::vector<std::vector<float>> all;
  for (const char* name : {"a", "b", "c"}) all.push_back(rows_of(filled(name, 40 * 64), 64, from, end));
  return all;
}

TEST_P(DraftHeadsTest, DsparkReadsTheSameHoweverItIsCut) {
  const auto tokens = toy_prompt(20);
  Head whole(GetParam(), toy_dspark_config()), parts(GetParam(), toy_dspark_config());
  EXPECT_STREQ(whole.drafter->name(), "DSpark");
  EXPECT_EQ(whole.drafter->taps(), (std::vector<int>{0, 2, 3}));
  EXPECT_EQ(whole.drafter->layers(), 3);
  whole.read(0, tokens, means(0, 20));
  parts.read(0, {tokens.begin(), tokens.begin() + 7}, means(0, 7));
  parts.read(7, {tokens.begin() + 7, tokens.end()}, means(7, 20));
  const std::vector<int32_t> block{tokens.back(), 63, 63, 63, 63};
  const auto a = whole.propose(0, 20, block), b = parts.propose(0, 20, block);
  EXPECT_EQ(a.size(), size_t(kToyVocabulary));
  EXPECT_EQ(a, b);
  EXPECT_EQ(whole.propose(0, 20, block), a);  // a block leaves no state behind
}

// norm(P · taps), then rope(norm(Wkv x), p), by hand at one position.
TEST_P(DraftHeadsTest, DsparkSeedsItsRingsFromTheTrunk) {
  Head head(GetParam(), toy_dspark_config());
  head.read(0, toy_prompt(12), means(0, 12));
  const int64_t p = 9;
  std::vector<double> main(64), kv(128);
  const auto proj = head.raw("mtp.0.main_proj.weight", {64, 192}),
             gain = head.raw("mtp.0.main_norm.weight", {64});
  const auto taps = means(p, p + 1);
  double squares = 0;
  for (int o = 0; o < 64; ++o) {
    for (int i = 0; i < 192; ++i) main[o] += double(proj[o * 192 + i]) * taps[i / 64][i % 64];
    squares += main[o] * main[o];
  }
  for (int o = 0; o < 64; ++o) main[o] *= gain[o] / std::sqrt(squares / 64 + 1e-6);
  for (int stage = 0; stage < 3; ++stage) {
    const std::string a = "mtp." + std::to_string(stage) + ".attn.";
    const auto wkv = head.raw(a + "wkv.weight", {128, 64}), norm = head.raw(a + "kv_norm.weight", {128});
    squares = 0;
    for (int o = 0; o < 128; ++o) {
      kv[o] = 0;
      for (int i = 0; i < 64; ++i) kv[o] += double(wkv[o * 64 + i]) * main[i];
      squares += kv[o] * kv[o];
    }
    for (int o = 0; o < 128; ++o) kv[o] *= norm[o] / std::sqrt(squares / 128 + 1e-6);
    for (int i = 0; i < 32; ++i) {  // the last 64 channels, pairs of neighbours
      const double angle = double(p) * std::pow(10000.0, -2.0 * i / 64), x = kv[64 + 2 * i],
                   y = kv[65 + 2 * i];
      kv[64 + 2 * i] = x * std::cos(angle) - y * std::sin(angle);
      kv[65 + 2 * i] = x * std::sin(angle) + y * std::cos(angle);
    }
    const auto got = head.ring(stage, p);
    for (int c = 0; c < 128; ++c) EXPECT_NEAR(got[c], kv[c], 2e-5) << "stage " << stage << ", channel " << c;
  }
}

// Every row of the block sees the ring's last 8 positions and all five rows, whatever their order.
TEST_P(DraftHeadsTest, DsparkAttendsToRingAndWholeBlock) {
  Head head(GetParam(), toy_dspark_config());
  head.read(0, toy_prompt(30), means(0, 30));
  head.propose(0, 30, {7, 63, 63, 63, 63});
  const auto notes = head.notes;
  for (int stage = 0; stage < 3; ++stage) {
    std::vector<std::vector<float>> seen;
    for (int64_t p = 22; p < 30; ++p) seen.push_back(head.ring(stage, p));
    const auto own = notes.at({5 + stage, "attn.kv"}), q = notes.at({5 + stage, "attn.q"}),
               o = notes.at({5 + stage, "attn.o"});
    for (int r = 0; r < 5; ++r) seen.push_back(rows_of(own, 128, r, r + 1));
    const auto sink = head.raw("mtp." + std::to_string(stage) + ".attn.attn_sink", {4});
    for (int row = 0; row < 5; ++row) {
      for (int h = 0; h < 4; ++h) {
        std::vector<double> want(128);
        double sum = std::exp(double(sink[h]));
        for (const auto& e : seen) {
          double dot = 0;
          for (int c = 0; c < 128; ++c) dot += double(q[(row * 4 + h) * 128 + c]) * e[c];
          const double w = std::exp(dot / std::sqrt(128.0));
          sum += w;
          for (int c = 0; c < 128; ++c) want[c] += w * e[c];
        }
        for (int c = 0; c < 128; ++c) ASSERT_NEAR(o[(row * 4 + h) * 128 + c], want[c] / sum, 2e-5);
      }
    }
  }
}

// logits_j = head · final_j + markov_out · markov_in[d_j].
TEST_P(DraftHeadsTest, DsparkCorrectsEachDraftByTheOneBefore) {
  Head head(GetParam(), toy_dspark_config());
  head.read(0, toy_prompt(10), means(0, 10));
  const auto out = head.raw("head.weight", {64, 64});
  const auto w1 = head.raw("mtp.2.markov_head.markov_w1.weight", {64, 16});
  const auto w2 = head.raw("mtp.2.markov_head.markov_w2.weight", {64, 16});
  std::vector<float> final;
  for (int j = 0; j < 5; ++j) {
    const int32_t before = (11 * j + 3) % 64;
    std::vector<int32_t> tokens(head.drafter->rows(j), 63);
    tokens[0] = before;
    const auto got = head.propose(j, 10 + std::max(0, j - 1), tokens);
    if (j == 0) final = head.notes.at({5, "final"});
    for (int v = 0; v < 64; ++v) {
      double want = 0;
      for (int i = 0; i < 64; ++i) want += double(out[v * 64 + i]) * final[j * 64 + i];
      for (int i = 0; i < 16; ++i) want += double(w2[v * 16 + i]) * w1[before * 16 + i];
      EXPECT_NEAR(got[v], want, 1e-4) << "draft " << j;
    }
  }
}

// With a block of one, and a window that is not full yet, the stages are ordinary layers with that window.
TEST_P(DraftHeadsTest, DsparkOfOneRowIsMadeOfTrunkLayers) {
  Head head(GetParam(), toy_dspark_config(1));
  head.read(0, toy_prompt(6), means(0, 6));
  head.propose(0, 6, {9});
  const auto got = head.notes.at({7, "ffn.out"});
  head.trunk_layers(6, 9);
  EXPECT_EQ(got.size(), 64u);
  const auto want = head.notes.at({7, "ffn.out"});
  for (int c = 0; c < 64; ++c) EXPECT_NEAR(got[c], want[c], 1e-5);
}

std::vector<Place> all_places() {
  auto all = places();
  all.push_back({"far", ""});
  return all;
}
INSTANTIATE_TEST_SUITE_P(Places, DraftHeadsTest, ::testing::ValuesIn(all_places()),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace autark::engine

// Goal: a rank gets exactly its share of every tensor in every format, and all faults of a checkpoint are
// reported at once. Method: matrices of every format cut by 2 ranks against the decoded whole; broken sources
// made by hand.
#include "weights/weights.h"
#include <gtest/gtest.h>
#include <map>
#include <random>

namespace autark {
namespace {

class MapWeights final : public Weights {
 public:
  using Weights::Weights;

  // A matrix of random bytes, with plausible scales if the format stores them separately.
  void add(const std::string& name, Format f, Shape shape) {
    std::mt19937 gen(static_cast<unsigned>(name.size()));
    auto& bytes = stores_.emplace_back(shape.numel() / shape[-1] * row_bytes(f, shape[-1]));
    for (auto& b : bytes) b = std::byte(gen() % 120);  // finite as E4M3
    if (f == Format::f32 || f == Format::f16 || f == Format::bf16) {
      std::vector<float> x(shape.numel());
      for (float& v : x) v = static_cast<float>(gen() % 100);
      encode(f, x, bytes.data());
    }
    auto& scales = stores_.emplace_back(shape.numel());
    for (auto& b : scales) b = std::byte((f == Format::int4_b32 ? 56 : 120) + gen() % 16);
    entries.insert({name, {f, shape, {bytes.data(), scales.data()}}});
    if (f != Format::fp8_e4m3_b128x128 && !has_runs(f)) entries.at(name).part.scales = nullptr;
  }
  // The tensors of another object, which must outlive this one.
  MapWeights& same_as(const MapWeights& o) {
    entries = o.entries;
    return *this;
  }
  std::map<std::string, Entry> entries;

 protected:
  std::optional<Entry> open(const std::string& name, const Shape& expected) override {
    if (name == "strange") return refuse(name, expected, "is stored as XQ7");
    const auto it = entries.find(name);
    return it == entries.end() ? std::nullopt : std::optional(it->second);
  }

 private:
  std::deque<std::vector<std::byte>> stores_;
};

std::vector<std::vector<float>> rows(const Weight& w) {
  std::vector<std::vector<float>> all(w.rows(), std::vector<float>(w.cols()));
  for (int64_t r = 0; r < w.rows(); ++r) decode_row(w, r, all[r]);
  return all;
}

std::string fault(const Weights& w) {
  return w.fault() ? w.fault()->message : "";
}

constexpr Format kFormats[] = {Format::f32,      Format::f16,   Format::bf16,    Format::fp8_e4m3_b128x128,
                               Format::e2m1_b32, Format::q8_0,  Format::q4_0,    Format::q4_1,
                               Format::q5_0,     Format::q5_1,  Format::q4_k,    Format::q5_k,
                               Format::q6_k,     Format::mxfp4, Format::int4_b32};

TEST(WeightsTest, SharesOfEveryFormatJoinToTheWhole) {
  for (Format f : kFormats) {
    SCOPED_TRACE(name_of(f));
    MapWeights one, first(0, 2), second(1, 2);
    for (MapWeights* w : {&one, &first, &second}) w->add("w", f, {256, 512});
    const auto whole = rows(one.need("w", {256, 512}));
    const Weight up = first.need("w", {256, 512}, Cut::out), low = second.need("w", {256, 512}, Cut::out);
    ASSERT_EQ(up.shape, (Shape{128, 512}));
    EXPECT_EQ(up.parts[0].codes, first.entries.at("w").part.codes);  // a view
    const auto top = rows(up), bottom = rows(low);
    const auto left = rows(first.need("w", {256, 512}, Cut::in)),
               right = rows(second.need("w", {256, 512}, Cut::in));
    for (int r = 0; r < 256; ++r) {
      EXPECT_EQ(whole[r], r < 128 ? top[r] : bottom[r - 128]);
      EXPECT_TRUE(std::equal(left[r].begin(), left[r].end(), whole[r].begin()));
      EXPECT_TRUE(std::equal(right[r].begin(), right[r].end(), whole[r].begin() + 256));
    }
    EXPECT_EQ(fault(first) + fault(second), "");
  }
}

TEST(WeightsTest, ACutThroughABlockIsAFault) {
  for (Format f : {Format::q8_0, Format::q4_k, Format::mxfp4, Format::e2m1_b32, Format::int4_b32}) {
    const int64_t n = f == Format::q4_k ? 256 : 32;
    MapWeights w(0, 2);
    w.add("w", f, {4, 3 * n});
    w.need("w", {4, 3 * n}, Cut::in);
    EXPECT_NE(fault(w).find("cannot be cut into 2 shares of whole blocks"), std::string::npos) << name_of(f);
  }
  MapWeights odd(0, 2);
  odd.add("w", Format::f32, {3, 4});
  odd.need("w", {3, 4}, Cut::out);
  EXPECT_NE(fault(odd).find("w is [3, 4] F32 and cannot be cut"), std::string::npos);
}

// One head of 16 on two ranks must not be divided: half a head would leave a rank without key heads.
TEST(WeightsTest, ACutNeverGoesThroughAHead) {
  for (int rank : {0, 1}) {
    MapWeights w(rank, 2);
    w.add("k", Format::f32, {16, 64});
    w.add("q", Format::f32, {64, 64});
    EXPECT_EQ(w.need("k", {16, 64}, Cut::key_heads(16)).shape, (Shape{16, 64}));  // both hold it
    EXPECT_EQ(w.need("q", {64, 64}, Cut::heads(16)).shape, (Shape{32, 64}));
    EXPECT_EQ(fault(w), "");
    w.need("q", {64, 64}, Cut::heads(64));
    EXPECT_NE(fault(w).find("q is [64, 64] F32 and cannot be cut into 2 shares of whole heads of 64"),
              std::string::npos)
        << fault(w);
  }
}

// Query head h attends to key head h / (heads / key heads), in the whole model and on its rank.
TEST(WeightsTest, ARankHoldsTheKeyHeadsOfItsQueryHeads) {
  constexpr int kDim = 4;
  for (int heads : {1, 2, 4, 6, 8, 12}) {
    for (int key_heads = 1; key_heads <= heads; ++key_heads) {
      if (heads % key_heads) continue;
      for (int ranks : {1, 2, 3, 4, 6, 8}) {
        for (int rank = 0; rank < ranks; ++rank) {
          const auto q = share_of(heads * kDim, Cut::heads(kDim), 1, rank, ranks);
          const auto k = share_of(key_heads * kDim, Cut::key_heads(kDim), 1, rank, ranks);
          ASSERT_EQ(q.has_value(), heads % ranks == 0);
          ASSERT_EQ(k.has_value(), key_heads % ranks == 0 || ranks % key_heads == 0);
          if (!q || !k) continue;
          const int64_t group = q->count / k->count;
          ASSERT_EQ(group * k->count, q->count);
          for (int64_t h = 0; h < q->count / kDim; ++h)
            ASSERT_EQ(k->from / kDim + h / group, (q->from / kDim + h) / (heads / key_heads))
                << heads << " heads, " << key_heads << " key heads, rank " << rank << " of " << ranks;
        }
      }
    }
  }
}

TEST(WeightsTest, ARefusedCutSaysHowManyRanksFit) {
  MapWeights w(0, 8);
  w.add("q", Format::f32, {12 * 16, 64});
  w.add("down", Format::q8_0, {64, 8 * 32});
  w.need("q", {12 * 16, 64}, Cut::heads(16));
  w.need("down", {64, 8 * 32}, Cut::in);
  EXPECT_NE(fault(w).find("8 shares of whole heads of 16; use fewer ranks: 4 can share this model"),
            std::string::npos)
      << fault(w);
  MapWeights tiles(0, 2);
  tiles.add("fp8", Format::fp8_e4m3_b128x128, {128, 128});
  tiles.need("fp8", {128, 128}, Cut::out);
  EXPECT_NE(fault(tiles).find("2 shares of whole blocks of 128; use fewer ranks: this model runs on 1 only"),
            std::string::npos)
      << fault(tiles);
}

TEST(WeightsTest, AHeadIsCutWhereTheRanksDivideTheVocabulary) {
  MapWeights w(1, 2);
  w.add("even", Format::bf16, {6, 8});
  w.add("odd!", Format::bf16, {7, 8});
  const Weight even = w.need("even", {6, 8}), odd = w.need("odd!", {7, 8});
  const auto whole = rows(even);
  EXPECT_EQ(rows(w.need("even", {6, 8}, Cut::vocabulary)), std::vector(whole.begin() + 3, whole.end()));
  EXPECT_EQ(w.need("odd!", {7, 8}, Cut::vocabulary).shape, odd.shape);
  const Weight tied = w.cut("even", even, Cut::vocabulary);  // of a matrix that was loaded whole
  EXPECT_EQ(tied.parts[0].codes, even.parts[0].codes + 3 * 8 * 2);
  EXPECT_EQ(tied.shape, (Shape{3, 8}));
  EXPECT_EQ(w.cut("odd!", odd, Cut::vocabulary).parts.data(), odd.parts.data());
  EXPECT_EQ(fault(w), "");
}

TEST(WeightsTest, GroupsAreCutWhole) {
  for (int ranks : {2, 4}) {
    MapWeights w(1, ranks);
    w.add("o_a", Format::bf16, {2 * 8, 4});
    const Weight mine = w.need_groups("o_a", {2, 8, 4}, Cut::out);
    if (ranks == 2) {
      EXPECT_EQ(mine.shape, (Shape{1, 8, 4}));
      EXPECT_EQ(fault(w), "");
    } else {
      EXPECT_NE(fault(w).find("4 shares of whole groups of 8; use fewer ranks: 2 can"), std::string::npos)
          << fault(w);
    }
  }
}

TEST(WeightsTest, VectorsAreWidenedAndCut) {
  MapWeights w(1, 2);
  w.add("bias", Format::bf16, {8});
  MapWeights alone;
  alone.add("bias", Format::bf16, {8});
  const Vector whole = alone.vector("bias", {8}), half = w.vector("bias", {8}, Cut::out);
  ASSERT_EQ(half.shape, Shape{4});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(half[i], whole[4 + i]);
  const Vector once = w.vector("bias", {8}, Cut::once);  // this is not the first rank
  for (int i = 0; i < 8; ++i) EXPECT_EQ(once[i], 0);
  const Vector more = alone.plus(whole, 1);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(more[i], whole[i] + 1);
  EXPECT_FALSE(w.find_vector("absent", {8}));
  EXPECT_EQ(fault(w), "");
}

TEST(WeightsTest, WhatOneLayerHasNoOtherLacks) {
  MapWeights w;
  for (const char* i : {"0", "2"}) w.add(std::string("layers.") + i + ".q.bias", Format::f32, {8});
  w.add("layers.0.mlp.x", Format::f32, {8}), w.add("layers.1.mlp.y", Format::f32, {8});
  for (const char* name :
       {"layers.0.q.bias", "layers.2.q.bias", "layers.0.mlp.x", "layers.1.mlp.y", "layers.0.k"})
    w.find_vector(name, {8});
  w.find_vector("layers.1.k", {8});
  EXPECT_EQ(fault(w), "");
  EXPECT_FALSE(w.find_vector("layers.1.q.bias", {8}));
  EXPECT_EQ(fault(w),
            "weights: layers.1.q.bias is not in the checkpoint, other layers have theirs; wrong checkpoint?");
}

TEST(WeightsTest, ExpertsAreOnePartEach) {
  MapWeights w;
  for (int e = 0; e < 3; ++e) w.add("experts." + std::to_string(e) + ".up", Format::q8_0, {4, 32});
  const Weight stack = w.need("experts.*.up", {3, 4, 32});
  ASSERT_EQ(stack.parts.size(), 3u);
  EXPECT_EQ(stack.shape, (Shape{3, 4, 32}));
  EXPECT_EQ(stack.parts[2].codes, w.entries.at("experts.2.up").part.codes);
  EXPECT_FALSE(w.find("experts.*.down", {3, 4, 32}));
  EXPECT_EQ(fault(w), "");
  w.find("experts.*.up", {int64_t{1} << 31, 4, 32});  // a false config: stops at the first missing expert
  EXPECT_NE(fault(w).find("experts.3.up is not in the checkpoint, config says [4, 32]"), std::string::npos);
}

TEST(WeightsTest, ExpertsOfTwoFormatsAreAFault) {
  MapWeights w;
  w.add("experts.0.up", Format::q8_0, {4, 32});
  w.add("experts.1.up", Format::q4_0, {4, 32});
  w.need("experts.*.up", {2, 4, 32});
  EXPECT_NE(fault(w).find("experts.1.up is Q4_0, the first expert is Q8_0"), std::string::npos);
}

TEST(WeightsTest, EveryFaultIsSaidAtOnce) {
  MapWeights w;
  w.add("short", Format::f32, {2, 3});
  w.add("ids", Format::i32, {4});
  w.add("codes", Format::fp8_e4m3_b128x128, {1, 128});
  EXPECT_FALSE(w.find("absent", {1}));
  EXPECT_EQ(w.need("missing", {int64_t{1} << 40, int64_t{1} << 40}).parts.size(), 0u);
  EXPECT_EQ(w.need("short", {2, 4}).parts[0].codes, nullptr);
  w.vector("ids", {4});
  w.vector("codes", {1, 128});
  w.need("strange", {1});
  w.table("short", {2, 3});
  EXPECT_EQ(fault(w),
            "weights: missing is not in the checkpoint, config says [1099511627776, 1099511627776]; short is "
            "[2, 3], config says [2, 4]; ids is I32, "
            "fractions are "
            "expected; codes is FP8_E4M3, a vector cannot be; strange is stored as XQ7; short is F32, whole "
            "numbers "
            "are expected; wrong checkpoint?");
  for (int i = 0; i < 1000; ++i) w.need("layer." + std::to_string(i), {1});
  EXPECT_LT(fault(w).size(), 1000u);
  EXPECT_NE(fault(w).find("994 more"), std::string::npos);
}

// Groups that begin where tiles do, that share one, and that tiles cross (these are copied).
TEST(WeightsTest, GroupsAreRowsOfTheWhole) {
  for (const auto& [groups, out] : {std::pair{2, 128}, {3, 256}, {4, 64}, {8, 16}, {3, 96}}) {
    for (Format f : {Format::fp8_e4m3_b128x128, Format::bf16, Format::q8_0}) {
      MapWeights w;
      w.add("m", f, {groups * out, 160});
      const auto whole = rows(w.need("m", {groups * out, 160}));
      const Weight all = w.need_groups("m", {groups, out, 160});
      ASSERT_EQ(all.shape, (Shape{groups, out, 160}));
      for (int g = 0; g < groups; ++g) {
        const auto mine = rows(all.expert(g));
        EXPECT_TRUE(std::equal(mine.begin(), mine.end(), whole.begin() + g * out))
            << name_of(f) << " " << out;
      }
    }
  }
  MapWeights none;
  EXPECT_EQ(none.need_groups("absent", {2, 4, 8}).shape, (Shape{2, 4, 8}));
  EXPECT_NE(fault(none).find("absent"), std::string::npos);
}

// [rows][columns] of one group.
std::vector<std::vector<float>> turned(const std::vector<std::vector<float>>& x) {
  std::vector<std::vector<float>> y(x[0].size(), std::vector<float>(x.size()));
  for (size_t r = 0; r < x.size(); ++r)
    for (size_t c = 0; c < y.size(); ++c) y[c][r] = x[r][c];
  return y;
}

// Rows whose borders coincide with tiles, lie inside one, and cross tiles; every rank has whole groups.
TEST(WeightsTest, SomeRowsOfEveryGroupAndTheirTransposes) {
  struct {
    int64_t groups, out, first, count;
  } const kCases[] = {{4, 256, 0, 128}, {4, 256, 128, 128}, {2, 96, 32, 64}, {8, 24, 16, 8},
                      {2, 64, 0, 40},   {2, 128, 96, 0},    {4, 16, 0, 0},   {6, 5, 1, 3}};
  for (const auto& c : kCases) {
    for (Format f : kFormats) {
      for (const auto& [rank, ranks] : {std::pair{0, 1}, {1, 2}}) {
        if (ranks == 2 && c.groups * c.out % 256) continue;  // a cut through a tile of scales is refused
        const int64_t in = 512, n = c.count ? c.count : c.out - c.first;
        MapWeights w(rank, ranks);
        w.add("m", f, {c.groups * c.out, in});
        const auto whole = rows(MapWeights().same_as(w).need("m", {c.groups * c.out, in}));
        const Weight some = w.need_groups("m", {c.groups, c.out, in}, Cut::out, {c.first, c.count});
        const Weight t = w.need_transposed_groups("m", {c.groups, c.out, in}, Cut::out, {c.first, c.count});
        ASSERT_EQ(some.shape, (Shape{c.groups / ranks, n, in}));
        ASSERT_EQ(t.shape, (Shape{c.groups / ranks, in, n}));
        const bool tiles = is_tiled(f) && c.out % 128 == 0 && c.first % 128 == 0 && n % 128 == 0;
        const bool wide = f != Format::bf16 && f != Format::fp8_e4m3_b128x128;
        EXPECT_EQ(t.format, tiles ? f : wide ? Format::f32 : Format::bf16);
        for (int64_t g = 0; g < some.shape[0]; ++g) {
          const auto mine = rows(some.expert(g));
          const auto from = whole.begin() + (rank * some.shape[0] + g) * c.out + c.first;
          EXPECT_TRUE(std::equal(mine.begin(), mine.end(), from)) << name_of(f) << " " << c.out;
          EXPECT_EQ(rows(t.expert(g)), turned(mine)) << name_of(f) << " " << c.out;
        }
        EXPECT_EQ(fault(w), "");
      }
    }
  }
  MapWeights none;
  EXPECT_EQ(none.need_transposed_groups("absent", {2, 4, 8}, Cut::none, {1, 2}).shape, (Shape{2, 8, 2}));
  EXPECT_NE(fault(none).find("absent"), std::string::npos);
}

TEST(WeightsTest, TablesAreWholeNumbers) {
  MapWeights w;
  w.add("ids", Format::i32, {4, 2});
  const Weight t = w.table("ids", {4, 2});
  EXPECT_EQ(t.format, Format::i32);
  EXPECT_EQ(t.parts[0].codes, w.entries.at("ids").part.codes);
  EXPECT_EQ(fault(w), "");
}

TEST(WeightsTest, TablesOfPlacesStayInside) {
  std::vector<int32_t> ids{0, 7, 3, 8};
  const auto* bytes = reinterpret_cast<const std::byte*>(ids.data());
  MapWeights w;
  w.entries.insert({"ids", {Format::i32, {2, 2}, {bytes}}});
  w.table("ids", {2, 2});
  w.table("ids", {2, 2}, 9);
  EXPECT_EQ(fault(w), "");
  EXPECT_EQ(w.table("ids", {2, 2}, 8).parts[0].codes, nullptr);
  EXPECT_EQ(fault(w), "weights: ids has 8 in row 1, a number from 0 to 7 is expected; wrong checkpoint?");
  ids[2] = -1;
  w.table("ids", {2, 2}, 9);
  EXPECT_NE(fault(w).find("ids has -1 in row 1"), std::string::npos);
}

TEST(F11_Weights, PlacesThatWereCheckedStayInside) {
  std::vector<int32_t> ids{0, 7, 3, 8};
  MapWeights w;
  w.entries.insert({"ids", {Format::i32, {2, 2}, {reinterpret_cast<const std::byte*>(ids.data())}}});
  const Weight t = w.table("ids", {2, 2}, 9);
  ids = {-1, 1 << 30, 9, -5};  // another process writes into the file
  const auto* kept = reinterpret_cast<const int32_t*>(t.parts[0].codes);
  EXPECT_EQ(std::vector<int32_t>(kept, kept + 4), (std::vector<int32_t>{0, 7, 3, 8}));
  EXPECT_EQ(fault(w), "");
}

TEST(WeightsTest, LyingSizesAreNotPaidFor) {
  MapWeights w;
  const int64_t huge = int64_t{1} << 30;
  EXPECT_EQ(w.need_groups("absent", {huge, huge, 1}).parts.size(), 0u);
  EXPECT_EQ(w.need_transposed_groups("absent", {huge, huge, 1}).parts.size(), 0u);
  w.table("absent", {huge, huge}, 8);
  EXPECT_NE(fault(w), "");
}

}  // namespace
}  // namespace autark

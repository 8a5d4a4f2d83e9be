// Goal: a trace has the requested rows, with the same bits however the prompt is cut and whatever prompts
// share its steps. Method: small random models on ref are compared with an engine in miniature that keeps
// everything; then with other chunks, other prompts, chips and threads.
#include "engine/trace.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include "engine/softmax.h"
#include "engine/testing.h"

namespace autark::engine {
namespace {

// Within the vocabulary of every small model.
std::vector<int32_t> small_prompt(int length, int seed) {
  auto p = test_prompt(length, seed);
  for (int32_t& t : p) t %= kToyVocabulary;
  return p;
}

Trace traced(LoadedModel m, const TraceOptions& o, int length = 40) {
  auto t = trace(m, small_prompt(length, 5), o);
  EXPECT_TRUE(t) << t.error().message;
  return t ? std::move(*t) : Trace{};
}

void expect_equal(const Trace& a, const Trace& b) {
  EXPECT_EQ(a.positions, b.positions);
  EXPECT_EQ(a.embed.values, b.embed.values);
  for (size_t i = 0; i < a.layers.size(); ++i)
    EXPECT_EQ(a.layers[i].values, b.layers[i].values) << "layer " << i;
  ASSERT_EQ(a.routes.size(), b.routes.size());
  for (const auto& [i, route] : a.routes) {
    EXPECT_EQ(route.ids, b.routes.at(i).ids);
    EXPECT_EQ(route.weights.values, b.routes.at(i).weights.values);
  }
  EXPECT_EQ(a.norm.values, b.norm.values);
  EXPECT_EQ(a.logits.values, b.logits.values);
  EXPECT_EQ(a.greedy, b.greedy);
  EXPECT_EQ(a.greedy_margin, b.greedy_margin);
  ASSERT_EQ(a.notes.size(), b.notes.size());
  for (const auto& [name, note] : a.notes) {
    ASSERT_TRUE(b.notes.contains(name)) << name;
    EXPECT_EQ(note.shape, b.notes.at(name).shape) << name;
    EXPECT_EQ(note.values, b.notes.at(name).values) << name;
    EXPECT_EQ(note.integers, b.notes.at(name).integers) << name;
  }
}

TEST(TraceTest, IsWhatTheModelNames) {
  for (const char* architecture : {"gemma3", "qwen3_moe"}) {
    LoadedModel m = test_model(architecture, ref_chip());
    const auto prompt = test_prompt(40, 5);
    TinyEngine tiny(*m.model, *m.chip);
    const auto logits = tiny.feed(prompt);
    auto notes = tiny.notes;
    std::map<std::pair<int, std::string>, std::vector<float>> rows;  // before the chip forgets them
    for (const auto& [key, x] : notes) {
      if (x.format == Format::f32) rows[key] = {x.f32(), x.f32() + x.shape.numel()};
    }
    std::vector<int32_t> ids;
    if (notes.contains({3, "router_ids"})) {
      const Tensor x = notes[{3, "router_ids"}];
      ids = {x.i32(), x.i32() + x.shape.numel()};
    }
    const auto t = trace(m, prompt, {.greedy = 3, .chunk = 64});
    ASSERT_TRUE(t);
    EXPECT_EQ(t->embed.values, (rows[{-1, "stream"}]));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(t->layers[i].values, (rows[{i, "stream"}]));
    EXPECT_EQ(t->norm.values, (rows[{4, "norm"}]));
    for (int p = 0; p < 40; ++p)
      EXPECT_TRUE(
          std::equal(logits[p].begin(), logits[p].end(), t->logits.values.begin() + p * kTestVocabulary));
    EXPECT_EQ(t->greedy[0], argmax(logits[39]));
    if (architecture == std::string("qwen3_moe")) {
      EXPECT_EQ(t->routes.size(), 3u);  // layer 1 is dense
      EXPECT_EQ(t->routes.at(3).ids, ids);
      EXPECT_EQ(t->routes.at(3).weights.values, (rows[{3, "router_weights"}]));
    }
  }
}

TEST(TraceTest, PositionsPickRowsInTheirOrder) {
  const Trace all = traced(test_model("gemma3", ref_chip()), {});
  const Trace some = traced(test_model("gemma3", ref_chip()), {.positions = {-1, 3, 3, 0, -40}, .chunk = 7});
  EXPECT_EQ(some.positions, (std::vector<int32_t>{39, 3, 3, 0, 0}));
  for (auto [a, b] :
       {std::pair{&all.logits, &some.logits}, {&all.layers[2], &some.layers[2]}, {&all.norm, &some.norm}}) {
    for (size_t r = 0; r < some.positions.size(); ++r) {
      const auto from = a->values.begin() + some.positions[r] * a->cols;
      EXPECT_TRUE(std::equal(from, from + a->cols, b->values.begin() + r * b->cols));
    }
  }
}

TEST(TraceTest, NeitherChunksNorCompanyChangeABit) {
  for (const char* chip : {"ref", "cpu"}) {
    for (const char* architecture : {"gemma3", "qwen3_moe", "deepseek_v4"}) {
      SCOPED_TRACE(std::string(chip) + " " + architecture);
      const auto make = [&](int threads, bool eager) {
        auto c = make_chip(chip, {.threads = threads, .eager = eager});
        AUTARK_CHECK(c);
        const bool v4 = architecture == std::string("deepseek_v4");
        return v4 ? toy_v4_model(std::move(*c)) : test_model(architecture, std::move(*c));
      };
      const Trace want = traced(make(1, false), {.greedy = 8, .chunk = 1000});
      expect_equal(traced(make(1, false), {.greedy = 8, .chunk = 1}), want);
      expect_equal(traced(make(1, false), {.greedy = 8, .chunk = 7}), want);
      expect_equal(traced(make(2, false), {.greedy = 8, .chunk = 16}), want);
      expect_equal(traced(make(1, true), {.greedy = 8}), want);
      const std::vector<std::vector<int32_t>> beside{small_prompt(3, 1), small_prompt(60, 2),
                                                     small_prompt(41, 3)};
      expect_equal(traced(make(2, false), {.greedy = 8, .chunk = 16, .beside = beside}), want);
    }
  }
}

// The names under which DeepSeek-V4's references are stored, and their shapes: of a layer that pools
// `ratio` : 1 after n tokens, or of the draft head.
using Shapes = std::map<std::string, std::vector<int64_t>>;
void add_shapes(const std::string& at, int64_t ratio, int64_t rows, int64_t n, Shapes* all) {
  const Shapes layer{{"hc_attn.pre", {rows, 4}}, {"hc_attn.post", {rows, 4}}, {"hc_attn.comb", {rows, 4, 4}},
                     {"hc_ffn.pre", {rows, 4}},  {"hc_ffn.post", {rows, 4}},  {"hc_ffn.comb", {rows, 4, 4}},
                     {"attn.in", {rows, 64}},    {"attn.qr", {rows, 32}},     {"attn.q", {rows, 4, 128}},
                     {"attn.kv", {rows, 128}},   {"attn.o", {rows, 4, 128}},  {"attn.z", {rows, 32}},
                     {"attn.out", {rows, 64}},   {"ffn.in", {rows, 64}},      {"ffn.shared", {rows, 64}},
                     {"ffn.out", {rows, 64}},    {"gate.ids", {rows, 2}},     {"gate.weights", {rows, 2}},
                     {"gate.margin", {rows}}};
  const Shapes pooled{{"comp", {n / std::max<int64_t>(1, ratio), 128}},
                      {"comp.ids", {n / std::max<int64_t>(1, ratio)}}};
  const Shapes indexed{{"icomp", {n / 4, 128}}, {"icomp.ids", {n / 4}}, {"idx.ids", {rows, 3}},
                       {"idx.margin", {rows}},  {"idx.std", {rows}},    {"idx.score", {rows, n / 4}}};
  for (const auto& [name, shape] : layer) (*all)[at + name] = shape;
  for (const auto& [name, shape] : ratio > 0 ? pooled : Shapes{}) (*all)[at + name] = shape;
  for (const auto& [name, shape] : ratio == 4 ? indexed : Shapes{}) (*all)[at + name] = shape;
}

TEST(TraceTest, DeepseekV4HasEveryNameOfItsReferences) {
  for (int n : {1, 3, 41}) {
    Shapes want;
    for (int i = 0; i < 5; ++i)
      add_shapes("layers." + std::to_string(i) + ".", std::vector{0, 4, 16, 4, 16}[i], 2, n, &want);
    add_shapes("mtp.", 0, 2, n, &want);
    want.merge(Shapes{{"mtp.z", {2, 4, 64}},
                      {"mtp.stream", {2, 4, 64}},
                      {"mtp.final", {2, 64}},
                      {"mtp.logits", {2, kToyVocabulary}}});
    const Trace t = traced(toy_v4_model(ref_chip(), toy_v4_config(), /*drafter=*/true),
                           {.positions = {0, -1}, .chunk = 7, .draft = true}, n);
    Shapes got;
    for (const auto& [name, note] : t.notes) {
      got[name] = note.shape;
      const bool whole = name.ends_with("ids");
      int64_t count = 1;
      for (int64_t d : note.shape) count *= d;
      EXPECT_EQ(note.whole, whole) << name;
      EXPECT_EQ(std::ssize(note.integers), whole ? count : 0) << name;
      EXPECT_EQ(std::ssize(note.values), whole ? 0 : count) << name;
    }
    EXPECT_EQ(got, want);
  }
}

// Scores, choice, margin and spread of an index must be consistent, and so must those of the experts.
TEST(TraceTest, WhatWasChosenFollowsFromTheScores) {
  const Trace t = traced(toy_v4_model(ref_chip()), {.chunk = 11}, 41);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const std::string layer : {"layers.1.", "layers.3."}) {
    for (int p = 0; p < 41; ++p) {
      const int visible = (p + 1) / 4;
      const auto* score = &t.notes.at(layer + "idx.score").values[p * 10];
      for (int w = 0; w < 10; ++w) EXPECT_EQ(std::isfinite(score[w]), w < visible) << p;
      std::vector<int32_t> order(visible);
      std::iota(order.begin(), order.end(), 0);
      std::ranges::stable_sort(order, [&](int a, int b) { return score[a] > score[b]; });
      const float margin = visible > 3 ? score[order[2]] - score[order[3]] : kInfinity;
      EXPECT_EQ(t.notes.at(layer + "idx.margin").values[p], margin);
      double sum = 0, squares = 0;
      for (int w = 0; w < visible; ++w) sum += score[w], squares += double(score[w]) * score[w];
      const double variance = visible > 1 ? (squares - sum * sum / visible) / (visible - 1) : 0;
      EXPECT_NEAR(t.notes.at(layer + "idx.std").values[p], std::sqrt(variance), 1e-5);
      order.resize(std::min(visible, 3));
      std::ranges::sort(order);
      order.resize(3, -1);
      const auto* ids = &t.notes.at(layer + "idx.ids").integers[p * 3];
      EXPECT_EQ(order, std::vector<int32_t>(ids, ids + 3)) << p;
    }
  }
  for (float margin : t.notes.at("layers.0.gate.margin").values) EXPECT_EQ(margin, kInfinity);  // by token id
  for (float margin : t.notes.at("layers.1.gate.margin").values) {
    EXPECT_GE(margin, 0);
    EXPECT_LT(margin, 10);
  }
}

TEST(TraceTest, ADraftOfManyRowsIsRefusedByName) {
  LoadedModel m = toy_v4_model(ref_chip(), toy_dspark_config(), /*drafter=*/true);
  const auto t = trace(m, {1, 2, 3}, {.draft = true});
  ASSERT_FALSE(t);
  EXPECT_EQ(t.error().code, Code::unsupported);
  EXPECT_NE(t.error().message.find("DSpark guesses 5 tokens at once"), std::string::npos);
}

TEST(TraceTest, WhatCannotBeTracedIsNamed) {
  LoadedModel m = test_model("gemma3", ref_chip());
  EXPECT_FALSE(trace(m, {}));
  EXPECT_FALSE(trace(m, {96}));
  EXPECT_FALSE(trace(m, {1, 2}, {.positions = {2}}));
  EXPECT_FALSE(trace(m, {1, 2}, {.positions = {-3}}));
  EXPECT_FALSE(trace(m, {1, 2}, {.greedy = 2048}));
  EXPECT_FALSE(trace(m, {1, 2}, {.beside = {{1, 96}}}));
}

}  // namespace
}  // namespace autark::engine

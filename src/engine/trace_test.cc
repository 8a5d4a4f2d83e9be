// Goal: a trace holds the rows that were asked for, the same however the prompt is cut and whoever is beside
// it. Method: small random models on ref, against an engine in miniature that keeps everything; then other
// chunks, company, chips and threads, bit for bit.
#include "engine/trace.h"
#include <gtest/gtest.h>
#include "engine/sampler.h"
#include "engine/testing.h"

namespace autark::engine {
namespace {

Trace traced(LoadedModel m, const TraceOptions& o, int length = 40) {
  auto t = trace(m, test_prompt(length, 5), o);
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
    for (const char* architecture : {"gemma3", "qwen3_moe"}) {
      SCOPED_TRACE(std::string(chip) + " " + architecture);
      const auto make = [&](int threads, bool eager) {
        auto c = make_chip(chip, {.threads = threads, .eager = eager});
        AUTARK_CHECK(c);
        return test_model(architecture, std::move(*c));
      };
      const Trace want = traced(make(1, false), {.greedy = 8, .chunk = 1000});
      expect_equal(traced(make(1, false), {.greedy = 8, .chunk = 1}), want);
      expect_equal(traced(make(1, false), {.greedy = 8, .chunk = 7}), want);
      expect_equal(traced(make(2, false), {.greedy = 8, .chunk = 16}), want);
      expect_equal(traced(make(1, true), {.greedy = 8}), want);
      const std::vector<std::vector<int32_t>> beside{test_prompt(3, 1), test_prompt(60, 2),
                                                     test_prompt(41, 3)};
      expect_equal(traced(make(2, false), {.greedy = 8, .chunk = 16, .beside = beside}), want);
    }
  }
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

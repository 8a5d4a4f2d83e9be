// Goal: a recurrent state that is stored once and rewound by replay is the same, bit for bit, as one that
// keeps a row for every token that can be taken back. Method: a toy recurrent model that declares its state
// either way; random lives of chunks, taken back tokens and snapshots; and an engine with drafts and groups.
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <random>
#include "engine/cache.h"
#include "engine/forward.h"
#include "engine/testing.h"

namespace autark::engine {
namespace {

constexpr int kWidth = 8, kVocabulary = 40;

// S_t = decay · S_{t−1} + x_t ⊗ x_t, y_t = x_t + S_t x_t. Its verbs are work on the host.
class Recurrent final : public Model {
 public:
  explicit Recurrent(Rewind rewind) : rewind_(rewind) {}
  int layers() const override { return 2; }
  int64_t vocabulary() const override { return kVocabulary; }
  int64_t context() const override { return 512; }
  std::vector<StateSpec> state_specs(int) const override {
    std::vector<StateSpec> all{{.name = "state",
                                .row = {kWidth, kWidth},
                                .stored = Format::f32,
                                .window_rows = 1,
                                .rewind = rewind_}};
    if (rewind_ == Rewind::replay)
      all.push_back({.name = "inputs", .row = {kWidth}, .stored = Format::f32, .window_rows = 1});
    return all;
  }
  Tensor embed(Step& s) const override {
    const Tensor x = s.on.result({s.tokens.shape[0], kWidth});
    s.on.each(x.rows(), {s.tokens}, {x}, [x, tokens = s.tokens](int64_t i) {
      for (int c = 0; c < kWidth; ++c) x.row(i)[c] = std::sin(float(tokens.i32()[i] * 7 + c * 3));
    });
    return x;
  }
  Tensor layer(Step& s, int i, Tensor x) const override {
    const Tensor y = s.on.result(x.shape);
    const StateView state = s.state(i, 0), inputs = rewind_ == Rewind::replay ? s.state(i, 1) : StateView{};
    s.on.each(std::ssize(state.sequences), {x, state, inputs}, {y, state, inputs}, [=, this](int64_t seq) {
      if (rewind_ == Rewind::replay)
        replay({state, inputs}, int(seq), x, y);
      else
        go_on(state, int(seq), x, y);
    });
    return y;
  }
  Tensor logits(Step& s, Tensor x) const override {
    const Tensor y = s.on.result({s.wanted.shape[0], kVocabulary});
    s.on.each(y.rows(), {x, s.wanted}, {y}, [x, y, wanted = s.wanted](int64_t i) {
      const auto from = x.row(wanted.i32()[i]);
      for (int v = 0; v < kVocabulary; ++v) {
        float sum = 0;
        for (int c = 0; c < kWidth; ++c) sum += from[c] * std::cos(float(v * 5 + c * 11));
        y.row(i)[v] = sum;
      }
    });
    return y;
  }

 private:
  using Matrix = std::vector<float>;
  static void roll(Matrix& s, std::span<const float> x) {
    for (int r = 0; r < kWidth; ++r) {
      for (int c = 0; c < kWidth; ++c) s[r * kWidth + c] = 0.9f * s[r * kWidth + c] + x[r] * x[c];
    }
  }
  static void read(const Matrix& s, std::span<const float> x, std::span<float> y) {
    for (int r = 0; r < kWidth; ++r) {
      float sum = x[r];
      for (int c = 0; c < kWidth; ++c) sum += 0.1f * s[r * kWidth + c] * x[c];
      y[r] = std::tanh(sum);
    }
  }
  // A row for every token: the state after it.
  static void go_on(const StateView& state, int seq, Tensor x, Tensor y) {
    const Span span = state.sequences[seq];
    Matrix s(kWidth * kWidth);
    if (state.length[seq] > 0) load(state, seq, state.length[seq] - 1, s);
    for (int i = 0; i < span.count; ++i) {
      roll(s, x.row(span.first + i));
      read(s, x.row(span.first + i), y.row(span.first + i));
      if (i >= span.count - state.ring) store(state, seq, state.length[seq] + i, s);
    }
  }
  // One row: the state after the settled tokens.
  static void replay(const ReplayView& r, int seq, Tensor x, Tensor y) {
    const Span span = r.state.sequences[seq];
    const int64_t length = r.state.length[seq];
    Matrix s(kWidth * kWidth), input(kWidth);
    if (r.state.settled[seq] > 0) load(r.state, seq, 0, s);
    for (int64_t t = r.state.settled[seq]; t < length + span.count; ++t) {
      const int64_t row = span.first + t - length;
      if (t < length)
        load(r.inputs, seq, t, input);
      else
        std::ranges::copy(x.row(row), input.begin());
      roll(s, input);
      if (t >= length) read(s, input, y.row(row));
      if (t + 1 == r.state.settles[seq]) store(r.state, seq, 0, s);
    }
    append(r.inputs, seq, x);
  }

  Rewind rewind_;
};

std::unique_ptr<Cache> cache_of(const Model& m, Chip& on, int rewind_tokens) {
  auto made = Cache::make(
      m, on, {.bytes_max = INT64_MAX, .sequences_max = 2, .rewind_tokens = rewind_tokens, .poison = true});
  AUTARK_CHECK(made);
  return std::move(*made);
}

// One sequence of one model, and the snapshot that it can go back to.
struct Life {
  Life(Rewind rewind, int rewind_tokens)
      : model(rewind),
        cache(cache_of(model, *chip, rewind_tokens)),
        forward(model, *chip, *cache),
        state(cache->open()) {}
  std::vector<float> feed(std::span<const int32_t> tokens) {
    AUTARK_CHECK(cache->reserve(*state, state->length() + std::ssize(tokens)));
    const Chunk chunk{state.get(), tokens, {int32_t(tokens.size()) - 1}};
    const auto last = forward.run({&chunk, 1}).row(0);
    return {last.begin(), last.end()};
  }
  void save() { saved.emplace(*cache->save(*state)); }
  void restore() {
    state.reset();
    state = cache->open();
    AUTARK_CHECK(cache->restore(*state, *saved));
  }
  Recurrent model;
  std::unique_ptr<Chip> chip = chip_named("far");  // ref in memory that is closed to all but its verbs
  std::unique_ptr<Cache> cache;
  Forward forward;
  std::unique_ptr<SequenceState> state;
  std::optional<Snapshot> saved;
};

TEST(ReplayTest, GivesTheSameStateAsRowsOfAllTokens) {
  int64_t taken_back = 0, restored = 0;
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 gen(seed);
    const auto pick = [&](int from, int to) { return std::uniform_int_distribution(from, to)(gen); };
    const int rewind_tokens = pick(0, 9);
    Life replay(Rewind::replay, rewind_tokens), rows(Rewind::rows, rewind_tokens);
    std::vector<int32_t> known, at_snapshot;
    for (int i = 0; i < 30; ++i) {
      std::vector<int32_t> more(pick(1, 14));
      for (auto& t : more) t = pick(0, kVocabulary - 1);
      known.insert(known.end(), more.begin(), more.end());
      const auto got = replay.feed(more);
      Life whole(Rewind::rows, 0);
      ASSERT_EQ(got, rows.feed(more));
      ASSERT_EQ(got, whole.feed(known)) << "of " << known.size() << " tokens at once";
      ASSERT_EQ(replay.state->takeable(), rows.state->takeable());
      const int back = pick(0, int(replay.state->takeable()));
      replay.state->take_back(back), rows.state->take_back(back);
      known.resize(known.size() - back);
      taken_back += back;
      if (pick(0, 5) == 0) {
        replay.save(), rows.save();
        at_snapshot = known;
      } else if (replay.saved && pick(0, 5) == 0) {
        replay.restore(), rows.restore();
        known = at_snapshot;
        ++restored;
      }
    }
  }
  EXPECT_GT(taken_back, 500);
  EXPECT_GT(restored, 50);
}

TEST(ReplayTest, StoresALargeStateOnce) {
  const auto bytes = [](Rewind rewind, int rewind_tokens) {
    return layout_of(Recurrent(rewind), Rounding::Cache::f32, rewind_tokens).ring_bytes;
  };
  const int64_t state = kWidth * kWidth * 4, input = kWidth * 4;
  EXPECT_EQ(bytes(Rewind::rows, 7), 2 * 8 * state);
  EXPECT_EQ(bytes(Rewind::replay, 7), 2 * (state + 8 * input));
}

// Guesses that are sometimes right.
class Guesser final : public Drafter {
 public:
  const char* name() const override { return "guesser"; }
  int drafts_max() const override { return 6; }
  int layers() const override { return 0; }
  std::vector<StateSpec> state_specs(int) const override { return {}; }
  std::vector<int> taps() const override { return {}; }
  Tensor read(Step&, std::span<const Tensor>) const override { return {}; }
  Tensor propose(Step& s, int, Tensor*) const override {
    const Tensor y = s.on.result({s.tokens.shape[0], kVocabulary});
    s.on.each(y.rows(), {s.tokens}, {y}, [y, tokens = s.tokens](int64_t i) {
      std::ranges::fill(y.row(i), 0.f);
      y.row(i)[(tokens.i32()[i] * 3 + 1) % 5] = 2;
    });
    return y;
  }
};

LoadedModel recurrent_model(Rewind rewind) {
  LoadedModel m;
  m.checkpoint = {.kind = "formula", .architecture = "recurrent"};
  m.checkpoint.weights = std::make_unique<FormulaWeights>(random_tensor);
  m.model = std::make_unique<Recurrent>(rewind);
  m.drafter = std::make_unique<Guesser>();
  m.chip = ref_chip();
  return m;
}

TEST(ReplayTest, DraftsAndGroupsChangeNoToken) {
  std::vector<Request> group;
  std::vector<int32_t> prediction;  // for lookup
  for (int i = 0; i < 5; ++i) {
    Request r{.prompt = std::vector<int32_t>(60, 0), .max_tokens = 50 + i};
    for (int t = 0; t < 60; ++t) r.prompt[t] = (t * t + 3 * t + (i == 4)) % kVocabulary;
    r.sampling = {.temperature = 0.7f, .seed = uint64_t(i)};
    r.ignore_end = true;
    group.push_back(std::move(r));
  }
  const auto answers = [&](Rewind rewind, const Options& options) {
    for (Request& r : group) r.prediction = prediction;
    std::vector<Heard> heard(group.size());
    std::vector<Sink> sinks;
    for (Heard& h : heard) sinks.push_back(h.sink());
    auto e = test_engine(recurrent_model(rewind), options);
    EXPECT_TRUE(e->submit(group, [sinks](int i, Event event) { sinks[i](std::move(event)); }));
    std::vector<std::vector<int32_t>> ids;
    for (Heard& h : heard) {
      EXPECT_EQ(h.wait(), Finish::length);
      ids.push_back(h.ids);
    }
    const Stats s = e->stats();
    EXPECT_EQ(s.prompt_tokens, 5u * 60);
    EXPECT_EQ(s.drafted > 0, options.drafts > 0);
    EXPECT_EQ(s.drafts_accepted > 0, options.drafts > 0);
    return ids;
  };
  const auto want = answers(Rewind::rows, {});
  prediction = want[0];
  EXPECT_EQ(answers(Rewind::replay, {}), want);
  for (const auto source : {DraftSource::mtp, DraftSource::lookup}) {
    const DraftOptions by{.sources = {source}, .always = true};
    EXPECT_EQ(answers(Rewind::replay, {.drafts = 6, .drafting = by}), want);
    const Options small{.batch_rows_max = 11, .running_max = 2, .drafts = 3, .drafting = by};
    EXPECT_EQ(answers(Rewind::replay, small), want);
    EXPECT_EQ(answers(Rewind::rows, small), want);
  }
}

// Its inputs would be kept and recomputed in every step, drafts or not.
TEST(ReplayTest, IsNotLookedUpUnlessNamed) {
  LoadedModel m = recurrent_model(Rewind::replay);
  m.drafter = nullptr;
  EXPECT_EQ(drafting_of({.drafts = 6}, m, false).most, 0);
  EXPECT_EQ(drafting_of({.drafts = 6, .drafting = {.sources = {DraftSource::lookup}}}, m, false).most, 6);
  LoadedModel rows = recurrent_model(Rewind::rows);
  rows.drafter = nullptr;
  EXPECT_TRUE(drafting_of({.drafts = 6}, rows, false).lookup);
}

}  // namespace
}  // namespace autark::engine

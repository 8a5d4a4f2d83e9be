// Goal: no page is lost, none is freed twice, and no sequence sees what another one has written after they
// were separated. Method: 100,000 seeded random steps of sequences and snapshots that begin, share and end.
// Every row is written with the number of its token, by the contracts of chips/state_view.h, and read back.
// The number of used pages is compared with a plain model in which sharing is a shared_ptr.
#include <gtest/gtest.h>
#include <algorithm>
#include <memory>
#include <numeric>
#include <random>
#include "engine/cache.h"
#include "engine/forward.h"
#include "engine/testing.h"

namespace autark::engine {
namespace {

constexpr int kRewindTokens = 5;
constexpr int64_t kContext = 500;

enum { kWhole, kBlocks, kWindow, kBlockWindow, kState, kInputs, kStreams };

// A model of which only the streams are used.
class Streams final : public Model {
 public:
  int layers() const override { return 1; }
  int64_t vocabulary() const override { return 1; }
  int64_t context() const override { return kContext; }
  std::vector<StateSpec> state_specs(int) const override {
    const auto stream = [](const char* name, int tokens_per_row, int window_rows,
                           Rewind rewind = Rewind::rows) {
      return StateSpec{.name = name,
                       .row = {1},
                       .stored = Format::f32,
                       .tokens_per_row = tokens_per_row,
                       .window_rows = window_rows,
                       .rewind = rewind};
    };
    std::vector<StateSpec> all(kStreams);
    all[kWhole] = stream("whole", 1, 0);
    all[kBlocks] = stream("blocks", 4, 0);
    all[kWindow] = stream("window", 1, 7);
    all[kBlockWindow] = stream("block window", 2, 3);
    all[kState] = stream("state", 1, 1, Rewind::replay);
    all[kInputs] = stream("inputs", 1, 1);
    return all;
  }
  Tensor embed(Step&) const override { return {}; }
  Tensor layer(Step&, int, Tensor x) const override { return x; }
  Tensor logits(Step&, Tensor x) const override { return x; }
};

struct PageModel {
  explicit PageModel(int64_t* live) : live(live) { ++*live; }
  ~PageModel() { --*live; }
  int64_t* live;
};

// The expected state of a sequence or a snapshot.
struct Should {
  std::vector<int32_t> tokens;
  std::vector<std::shared_ptr<PageModel>> pages;
  int64_t reached = 0, shared = 0;  // the greatest length so far; the number of pages that must not change

  int64_t settled(int64_t reached) const { return std::max<int64_t>(0, reached - kRewindTokens); }
  int64_t settled() const { return settled(reached); }
};
struct Life {
  std::unique_ptr<SequenceState> state;
  Should should;
};
struct Kept {
  Snapshot snapshot;
  Should should;
};

class CacheLife {
 public:
  explicit CacheLife(uint32_t seed) : gen_(seed), packing_(start()) {}

  void step() {
    switch (pick(0, 15)) {
      case 0:
      case 1:
        return open();
      case 2:
        return release();
      case 3:
        return save();
      case 4:
      case 5:
        return adopt();
      case 6:
        return forget();
      case 7:
      case 8:
        return take_back();
      default:
        return advance();
    }
  }
  void check_counters() {
    ASSERT_EQ(cache_->pages_used(), live_);
    ASSERT_EQ(cache_->pages_used() + cache_->pages_free(), cache_->pages_total());
    int64_t copies = 0;
    for (const Kept& k : kept_) copies += k.snapshot.bytes();
    ASSERT_EQ(cache_->snapshot_bytes(), copies);
  }
  void end() {
    for (Life& l : lives_) check(l);
    lives_.clear();
    check_counters();
    kept_.clear();
    check_counters();
    ASSERT_EQ(cache_->pages_used(), 0);
  }
  struct Seen {
    int64_t no_place = 0, no_pages = 0, adopted = 0, not_adopted = 0, taken_back = 0, rows = 0, shared = 0;
  } seen;

 private:
  const Cache& start() {
    const auto layout = layout_of(model_, Rounding::Cache::f32, kRewindTokens);
    const int sequences = pick(1, 6), pages = pick(4, 16);
    auto made = Cache::make(model_, *chip_,
                            {.bytes_max = sequences * layout.ring_bytes + pages * layout.page_bytes,
                             .context = kContext,
                             .sequences_max = sequences,
                             .rewind_tokens = kRewindTokens,
                             .poison = true});
    AUTARK_CHECK(made);
    cache_ = std::move(*made);
    return *cache_;
  }
  int pick(int from, int to) { return std::uniform_int_distribution(from, to)(gen_); }
  template <class T>
  T& any(std::vector<T>& all) {
    return all[pick(0, int(all.size()) - 1)];
  }

  void open() {
    if (auto s = cache_->open())
      lives_.push_back({std::move(s), {}});
    else
      ++seen.no_place;
  }
  void release() {
    if (lives_.empty()) return;
    std::swap(any(lives_), lives_.back());
    check(lives_.back());
    lives_.pop_back();
  }
  void forget() {
    if (kept_.empty()) return;
    const size_t i = pick(0, int(kept_.size()) - 1);
    std::vector<Kept> rest;
    for (size_t k = 0; k < kept_.size(); ++k)
      if (k != i) rest.push_back(std::move(kept_[k]));
    kept_ = std::move(rest);
  }
  void save() {
    if (lives_.empty() || kept_.size() > 4) return;
    Life& l = any(lives_);
    const int64_t full = std::ssize(l.should.tokens) / kPageTokens;
    l.should.shared = std::max(l.should.shared, full);
    Should copy = l.should;
    copy.pages.resize(full);
    copy.shared = full;
    kept_.push_back({*cache_->save(*l.state), std::move(copy)});
  }
  // Restores into a sequence that shares nothing yet but may have tokens and pages.
  void adopt() {
    if (lives_.empty() || kept_.empty()) return;
    Life& l = any(lives_);
    if (l.should.shared > 0) return;
    const Kept& k = any(kept_);
    const int64_t full = std::ssize(k.should.pages), length = std::ssize(k.should.tokens);
    const bool own = length % kPageTokens != 0 && std::ssize(l.should.pages) <= full;
    const bool fits = !own || cache_->pages_free() > 0;
    ASSERT_EQ(cache_->restore(*l.state, k.snapshot), fits);
    if (!fits) return void(++seen.not_adopted);
    std::vector<std::shared_ptr<PageModel>> pages = k.should.pages;
    for (int64_t i = full; i < std::ssize(l.should.pages); ++i) pages.push_back(l.should.pages[i]);
    if (own) pages.push_back(std::make_shared<PageModel>(&live_));
    l.should = k.should;
    l.should.pages = std::move(pages);
    ++seen.adopted;
    seen.shared += full;
    check(l);
  }
  void take_back() {
    if (lives_.empty()) return;
    Life& l = any(lives_);
    const int64_t least = std::max(l.should.settled(), l.should.shared * kPageTokens);
    ASSERT_EQ(l.state->takeable(), std::ssize(l.should.tokens) - least);
    const int64_t n = pick(0, int(l.state->takeable()));
    l.state->take_back(n);
    l.should.tokens.resize(l.should.tokens.size() - n);
    seen.taken_back += n;
  }
  void advance() {
    if (lives_.empty()) return;
    Life& l = any(lives_);
    const int64_t length = std::ssize(l.should.tokens);
    const int64_t n = std::min<int64_t>(pick(0, 4) ? pick(1, 6) : pick(1, 150), kContext - length);
    if (n == 0) return;
    const int64_t more = cache_->layout().pages_for(length + n) - std::ssize(l.should.pages);
    const bool fits = more <= cache_->pages_free();
    ASSERT_EQ(cache_->reserve(*l.state, length + n), fits);
    if (!fits) return void(++seen.no_pages);
    for (int64_t i = 0; i < more; ++i) l.should.pages.push_back(std::make_shared<PageModel>(&live_));
    std::vector<int32_t> tokens(n);
    std::iota(tokens.begin(), tokens.end(), next_token_);
    next_token_ += int32_t(n);
    write(l, tokens);
    l.state->advance(n);
    l.should.reached = std::max(l.should.reached, length + n);
  }

  // The rows of one stream for a step with these tokens.
  StateView view(const Life& l, const std::vector<int32_t>& tokens, int stream) {
    packing_.begin();
    packing_.add(*l.state, l.state->length(), tokens, {});
    const StateView r = packing_.step(*chip_).state(0, stream);
    EXPECT_EQ(r.settled[0], l.should.settled());
    return r;
  }
  static void store_one(const StateView& r, int64_t row, int64_t value) {
    const float x = float(value);
    store(r, 0, row, {&x, 1});
  }
  static int64_t load_one(const StateView& r, int64_t row) {
    float x;
    load(r, 0, row, {&x, 1});
    return x == x ? int64_t(x) : -1;
  }
  static int64_t state_of(const Should& s, int64_t tokens) {  // fits in 24 bits
    int64_t hash = 0;
    for (int64_t t = 0; t < tokens; ++t) hash = (31 * hash + s.tokens[t]) % 16777213;
    return hash;
  }

  void write(Life& l, const std::vector<int32_t>& fresh) {
    auto& tokens = l.should.tokens;
    const int64_t before = std::ssize(tokens), after = before + std::ssize(fresh);
    for (int k = 0; k < kStreams; ++k) {
      const StateView r = view(l, fresh, k);
      if (k == kState) {
        ASSERT_EQ(load_or_zero(r), state_of(l.should, r.settled[0]));
        tokens.insert(tokens.end(), fresh.begin(), fresh.end());
        store_one(r, 0, state_of(l.should, r.settles[0]));
        tokens.resize(before);
        continue;
      }
      int64_t first = before / r.tokens_per_row;
      if (r.ring) first = std::max(first, after / r.tokens_per_row - r.ring);
      for (int64_t row = first; row < after / r.tokens_per_row; ++row) {
        const int64_t t = (row + 1) * r.tokens_per_row - 1;
        store_one(r, row, t < before ? tokens[t] : fresh[t - before]);
      }
    }
    tokens.insert(tokens.end(), fresh.begin(), fresh.end());
  }
  static int64_t load_or_zero(const StateView& r) { return r.settled[0] == 0 ? 0 : load_one(r, 0); }

  void check(const Life& l) {
    const auto& tokens = l.should.tokens;
    const int64_t length = std::ssize(tokens);
    ASSERT_EQ(l.state->length(), length);
    for (int k = 0; k < kStreams; ++k) {
      const StateView r = view(l, {0}, k);
      if (k == kState) {
        ASSERT_EQ(load_or_zero(r), state_of(l.should, l.should.settled()));
        continue;
      }
      int64_t first = r.ring ? std::max<int64_t>(0, length / r.tokens_per_row - r.window_rows) : 0;
      if (k == kInputs) first = l.should.settled();
      for (int64_t row = first; row < length / r.tokens_per_row; ++row) {
        ASSERT_EQ(load_one(r, row), tokens[(row + 1) * r.tokens_per_row - 1])
            << "stream " << k << " row " << row;
        ++seen.rows;
      }
    }
  }

  std::mt19937 gen_;
  Streams model_;
  std::unique_ptr<Chip> chip_ = ref_chip();
  std::unique_ptr<Cache> cache_;
  Packing packing_;
  int64_t live_ = 0;
  int32_t next_token_ = 1;
  std::vector<Life> lives_;
  std::vector<Kept> kept_;
};

TEST(CacheLifeTest, NoPageIsLostAndNoRowIsAnothers) {
  CacheLife::Seen all;
  for (uint32_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CacheLife life(seed);
    for (int i = 0; i < 4000 && !testing::Test::HasFailure(); ++i) {
      life.step();
      if (!testing::Test::HasFailure()) life.check_counters();
    }
    if (!testing::Test::HasFailure()) life.end();
    ASSERT_FALSE(testing::Test::HasFailure());
    all.no_place += life.seen.no_place, all.no_pages += life.seen.no_pages;
    all.adopted += life.seen.adopted, all.not_adopted += life.seen.not_adopted;
    all.taken_back += life.seen.taken_back, all.rows += life.seen.rows, all.shared += life.seen.shared;
  }
  EXPECT_GT(all.no_place, 1000);  // the random steps reach every case
  EXPECT_GT(all.no_pages, 1000);
  EXPECT_GT(all.adopted, 1000);
  EXPECT_GT(all.not_adopted, 10);
  EXPECT_GT(all.shared, 1000);
  EXPECT_GT(all.taken_back, 10000);
  EXPECT_GT(all.rows, 1000000);
}

TEST(CacheLifeTest, ARingHasRoomForTheRowsOfTheTokensThatCanBeTakenBack) {
  const Streams model;
  const auto rows = [&](int stream, int rewind_tokens) {
    return layout_of(model, Rounding::Cache::f32, rewind_tokens).layers[0][stream].ring;
  };
  EXPECT_EQ(rows(kWhole, 8), 0);
  EXPECT_EQ(rows(kWindow, 8), 7 + 8);
  EXPECT_EQ(rows(kBlockWindow, 8), 3 + 4);
  EXPECT_EQ(rows(kBlockWindow, 9), 3 + 5);
  EXPECT_EQ(rows(kBlockWindow, 0), 3);
  EXPECT_EQ(rows(kState, 8), 1) << "stored once";
  EXPECT_EQ(rows(kInputs, 8), 1 + 8);
}

TEST(CacheLifeTest, CopiesOfSnapshotsHaveALimit) {
  const Streams model;
  const auto chip = ref_chip();
  auto cache = Cache::make(model, *chip, {.sequences_max = 1, .snapshot_bytes_max = 1});
  ASSERT_TRUE(cache);
  auto s = (*cache)->open();
  auto one = (*cache)->save(*s);
  EXPECT_TRUE(one) << "a single one may be larger";
  EXPECT_FALSE((*cache)->save(*s));
  one.reset();
  EXPECT_TRUE((*cache)->save(*s));
}

}  // namespace
}  // namespace autark::engine

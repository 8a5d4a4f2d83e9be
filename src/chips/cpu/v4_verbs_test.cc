// Goal: the V4 verbs of the cpu chip give a token the same bits however its prompt is cut, packed, threaded
// and run, and the oracle's numbers at every shape. Method: layers of random shapes (odd sizes, one token,
// empty sequences, native and simulated records, official rounding) whose inputs are a function of sequence
// and position; every output of the whole prompt in one step is compared bit by bit with other ways to run
// it, and with chip `ref` from the same state. Records and the choice of the best are compared exactly.
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <cstring>
#include "chips/cpu/isa.h"
#include "chips/cpu/kernels.h"
#include "chips/cpu/testing.h"
#include "chips/v4_ops.h"

namespace autark {
namespace {

using namespace cpu_testing;
using Inputs = Rounding::Inputs;

struct Layer {
  int64_t streams = 4, dim = 48;      // hyper-connections
  int64_t heads = 3, head_dim = 192;  // attention
  int64_t index_heads = 5, index_dim = 64;
  int window = 20, ratio = 4, top = 3;
  Format kv = Format::v4_kv584, key = Format::v4_key68;  // codes
  bool native = true;                                    // or simulated in floats
  Inputs inputs = Inputs::f32;
};

std::vector<Layer> layers() {
  return {
      {},
      {.streams = 3, .dim = 100, .heads = 8, .window = 128, .inputs = Inputs::official},
      {.dim = 1030,
       .heads = 17,
       .head_dim = 128,
       .index_heads = 64,
       .index_dim = 128,
       .window = 70,
       .top = 16},
      {.heads = 2, .head_dim = 128, .ratio = 7, .native = false},
      {.head_dim = 100, .window = 64, .top = 40, .kv = Format::f32, .key = Format::f32, .native = false},
      {.heads = 6, .index_dim = 128, .window = 16, .ratio = 3, .native = false, .inputs = Inputs::official}};
}

// Of `what`, sequence and position: the same values in every run.
std::vector<float> made(int64_t n, uint32_t what, uint32_t seq, uint32_t position) {
  return random_values(n, (what * 1000003u + seq) * 100003u + position);
}

struct Piece {  // tokens [from, to) of a sequence
  int64_t from, to;
};

using Outputs = std::vector<std::vector<std::vector<float>>>;  // [verb][sequence], token after token

// One layer's state of several sequences and the verbs over it.
class LayerRun {
 public:
  LayerRun(const Layer& l, const std::string& place, int sequences, int threads, bool eager)
      : l_(l),
        wide_(2 * (l.ratio == 4 ? 2 : 1)),
        rope_{plain_frequencies(64, 10000), 1, Rope::Pairing::neighbours, true},
        window_(record(l.kv), l.head_dim, l.window, l.window, 16, sequences),
        comp_(record(l.kv), l.head_dim, 0, 0, 4, sequences),
        keys_(record(l.key), l.index_dim, 0, 0, 4, sequences),
        comp_tail_(Format::f32, wide_ * l.head_dim, tail(), tail(), 4, sequences),
        key_tail_(Format::f32, wide_ * l.index_dim, tail(), tail(), 4, sequences),
        mix_(made((2 + l.streams) * l.streams * l.streams * l.dim, 1, 0, 0)),
        base_(made(4096, 2, 0, 0)),
        part_{reinterpret_cast<const std::byte*>(mix_.data()), nullptr},
        fn_{Format::f32, {(2 + l.streams) * l.streams, l.streams * l.dim}, {&part_, 1}},
        lengths_(sequences) {
    const ChipOptions options{.inputs = l.inputs, .threads = threads, .isa = place, .eager = eager};
    chip_ = place == "ref" ? std::move(*make_chip("ref", {.inputs = l.inputs})) : cpu(options);
  }

  // Appends every token's outputs to (*out)[verb][sequence].
  void step(const std::vector<Piece>& pieces, Outputs* out) {
    spans_.clear();
    int rows = 0;
    for (size_t s = 0; s < pieces.size(); ++s) {
      const int count = static_cast<int>(pieces[s].to - pieces[s].from);
      spans_.push_back({rows, count});
      lengths_[s] = pieces[s].from;
      rows += count;
    }
    const std::vector<Tensor> results = record_verbs(rows);
    chip_->wait();
    out->resize(results.size(), std::vector<std::vector<float>>(pieces.size()));
    for (size_t verb = 0; verb < results.size() && rows > 0; ++verb)
      for (size_t s = 0; s < pieces.size(); ++s) append(results[verb], spans_[s], rows, &(*out)[verb][s]);
    chip_->reset();
  }

  // Every row of the pooled streams that `tokens` tokens make, as floats.
  std::vector<float> pooled(int seq, int64_t tokens) {
    std::vector<Span> none(lengths_.size());
    std::vector<float> all;
    for (const auto& [state, width, codes] :
         {std::tuple{&comp_, l_.head_dim, l_.kv}, {&keys_, l_.index_dim, l_.key}}) {
      StateView r = state->view(none, lengths_);
      std::vector<float> row(width);
      for (int64_t w = 0; w < tokens / l_.ratio; ++w) {
        load(r, seq, w, row);
        all.insert(all.end(), row.begin(), row.end());
      }
    }
    return all;
  }

 private:
  static void append(const Tensor& t, Span span, int rows, std::vector<float>* to) {
    const int64_t n = t.shape.numel() / rows;
    for (int64_t i = span.first * n; i < (span.first + span.count) * n; ++i)
      to->push_back(t.format == Format::f32 ? t.f32()[i] : float(t.i32()[i]));
  }
  Format record(Format f) const { return l_.native ? f : Format::f32; }
  int tail() const { return l_.ratio == 4 ? 8 : l_.ratio; }
  StateView rows(State& s, Format codes, int per) {
    StateView r = s.view(spans_, lengths_);
    r.simulated = codes;
    r.tokens_per_row = per;
    return r;
  }
  Tensor tokens(Shape s, uint32_t what) {
    Tensor t = chip_->scratch(s);
    const int64_t n = s[0] ? s.numel() / s[0] : 0;
    for (size_t q = 0; q < spans_.size(); ++q)
      for (int i = 0; i < spans_[q].count; ++i)
        std::ranges::copy(made(n, what, uint32_t(q), uint32_t(lengths_[q] + i)),
                          t.f32() + (spans_[q].first + i) * n);
    return t;
  }
  Vector vector(Shape s) const { return {base_.data(), s}; }
  // A third of the visible rows and gaps between them.
  Tensor picks(int rows) {
    Tensor t = chip_->scratch({rows, l_.top}, Format::i32);
    for (size_t q = 0; q < spans_.size(); ++q)
      for (int i = 0; i < spans_[q].count; ++i) {
        const int64_t visible = (lengths_[q] + i + 1) / l_.ratio;
        for (int j = 0; j < l_.top; ++j)
          t.i32()[(spans_[q].first + i) * l_.top + j] =
              visible > 3 * j && j % 3 != 2 ? int(visible - 1 - 3 * j) : -1;
      }
    return t;
  }

  std::vector<Tensor> record_verbs(int T) {
    V4Ops& v4 = chip_->v4();
    const int64_t half = wide_ / 2;
    const Tensor x = tokens({T, l_.streams, l_.dim}, 3);
    const Mix m = v4.hc_mix(x, fn_, vector({3}), vector({fn_.rows()}), 1e-6f, 1e-6f, 20);
    const Tensor h = v4.hc_pre(x, m.pre), z = v4.hc_post(tokens({T, l_.dim}, 4), x, m.post, m.comb);

    const BlockView comp{rows(comp_, l_.kv, l_.ratio), rows(comp_tail_, Format::f32, 1)};
    const BlockView keys{rows(keys_, l_.key, l_.ratio), rows(key_tail_, Format::f32, 1)};
    v4.pool(tokens({T, half * l_.head_dim}, 5), tokens({T, half * l_.head_dim}, 6),
            {vector({l_.ratio, half * l_.head_dim}), vector({l_.head_dim}), 1e-6f, rope_, false}, comp);
    v4.pool(tokens({T, half * l_.index_dim}, 7), tokens({T, half * l_.index_dim}, 8),
            {vector({l_.ratio, half * l_.index_dim}), vector({l_.index_dim}), 1e-6f, rope_, true}, keys);
    const Tensor turned = v4.hadamard(tokens({T, l_.index_heads, l_.index_dim}, 9));
    const Tensor q = v4.quantise(turned, l_.key);
    Tensor scores;
    const Tensor ids = v4.index_top_k(q, tokens({T, l_.index_heads}, 10), keys, l_.top, &scores);
    const Tensor o = v4.sparse_attention(tokens({T, l_.heads, l_.head_dim}, 11),
                                         tokens({T, 1, l_.head_dim}, 12), rows(window_, l_.kv, 1), comp,
                                         l_.ratio == 7 ? Tensor{} : picks(T), vector({l_.heads}));
    return {m.pre, m.post, m.comb, h, z, turned, q, o, ids};
  }

  const Layer l_;
  const int64_t wide_;
  const Rope rope_;
  State window_, comp_, keys_, comp_tail_, key_tail_;
  const std::vector<float> mix_, base_;
  const Part part_;
  const Weight fn_;
  std::vector<int64_t> lengths_;
  std::vector<Span> spans_;
  std::unique_ptr<Chip> chip_;
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * 4) == 0;
}

double distance(const std::vector<float>& got, const std::vector<float>& want) {  // relative L2
  EXPECT_EQ(got.size(), want.size());
  double d = 0, n = 1e-30;
  for (size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
    d += (double(got[i]) - want[i]) * (double(got[i]) - want[i]);
    n += double(want[i]) * want[i];
  }
  return std::sqrt(d / n);
}

constexpr int64_t kLong = 150, kShort = 9;

class V4VerbsTest : public ::testing::TestWithParam<std::string> {};

TEST_P(V4VerbsTest, CutsCompanyAndThreadsDoNotChangeABit) {
  for (const Layer& l : layers()) {
    SCOPED_TRACE(l.head_dim);
    Outputs whole;
    LayerRun all(l, GetParam(), 3, 1, false);
    all.step({{0, kLong}, {0, kShort}, {0, 0}}, &whole);
    for (const auto& [chunk, threads, eager] : {std::tuple{int64_t{1}, 1, false},
                                                {int64_t{5}, 3, false},
                                                {int64_t{33}, 2, false},
                                                {int64_t{64}, 2, true}}) {
      SCOPED_TRACE(chunk);
      LayerRun cut(l, GetParam(), 3, threads, eager);
      Outputs got;
      for (int64_t at = 0; at < kLong; at += chunk) {
        const int64_t other = std::min(at / 5, kShort), next = std::min((at + chunk) / 5, kShort);
        cut.step({{at, std::min(at + chunk, kLong)}, {other, next}, {0, 0}}, &got);
      }
      for (size_t verb = 0; verb < whole.size(); ++verb)
        for (int seq : {0, 1}) EXPECT_TRUE(same_bits(got[verb][seq], whole[verb][seq])) << verb << " " << seq;
      for (int seq : {0, 1})
        EXPECT_TRUE(same_bits(cut.pooled(seq, seq ? kShort : kLong), all.pooled(seq, seq ? kShort : kLong)));
    }
  }
}

// A code that rounds the other way is one part in sixteen of one value.
TEST_P(V4VerbsTest, EveryVerbIsNearTheOracle) {
  for (const Layer& l : layers()) {
    SCOPED_TRACE(l.head_dim);
    Outputs ours, oracle;
    LayerRun run(l, GetParam(), 2, 2, false), ref(l, "ref", 2, 1, false);
    run.step({{0, kLong}, {0, 1}}, &ours);
    ref.step({{0, kLong}, {0, 1}}, &oracle);
    const bool exact = l.inputs == Inputs::f32;
    for (size_t verb = 0; verb + 1 < ours.size(); ++verb) {
      const bool coded = verb >= 6 && l.kv != Format::f32;  // from records of both chips
      EXPECT_LE(distance(ours[verb][0], oracle[verb][0]), !exact ? 5e-3 : coded ? 2e-3 : 1e-5) << verb;
      EXPECT_LE(distance(ours[verb][1], oracle[verb][1]), !exact ? 5e-3 : coded ? 2e-3 : 1e-5) << verb;
    }
    EXPECT_LE(distance(run.pooled(0, kLong), ref.pooled(0, kLong)), !exact                ? 1e-2
                                                                    : l.kv == Format::f32 ? 3e-6
                                                                                          : 5e-3);
  }
}

// Rows of a stream that were stored before the step.
StateView stored(State& state, const Layer& l, std::span<const Span> spans,
                 std::span<const int64_t> lengths) {
  const StateView r = state.view(spans, lengths);
  for (size_t s = 0; s < spans.size(); ++s)
    for (int64_t row = std::max<int64_t>(0, lengths[s] - l.window); row < lengths[s]; ++row)
      store(r, int(s), row, made(r.width, 20, uint32_t(s), uint32_t(row)));
  return r;
}

TEST_P(V4VerbsTest, BlockAttentionSeesTheWindowAndTheWholeStep) {
  for (const Layer& l : layers()) {
    SCOPED_TRACE(l.head_dim);
    const std::vector<Span> spans{{0, 5}, {5, 0}, {5, 1}, {6, 3}};
    const std::vector<int64_t> lengths{2 * l.window + 3, 4, 7, 0};
    std::vector<float> got[2];
    for (const bool oracle : {false, true}) {
      const auto chip = oracle ? std::move(*make_chip("ref")) : cpu({.threads = 3, .isa = GetParam()});
      State state(l.native ? l.kv : Format::f32, l.head_dim, l.window, l.window, 16, int(spans.size()));
      const Tensor q = floats(*chip, {9, l.heads, l.head_dim}, made(9 * l.heads * l.head_dim, 21, 0, 0));
      const Tensor kv = floats(*chip, {9, 1, l.head_dim}, made(9 * l.head_dim, 22, 0, 0));
      const Tensor sink = floats(*chip, {l.heads}, made(l.heads, 23, 0, 0));
      got[oracle] =
          values(*chip, chip->v4().block_attention(q, kv, stored(state, l, spans, lengths), vector_of(sink)));
    }
    EXPECT_LE(distance(got[0], got[1]), 1e-5);
  }
}

// Few different scores, so that the last places are contested.
TEST_P(V4VerbsTest, TheBestAreChosenInOrder) {
  constexpr int64_t kRows = 5000, kDim = 64, kHeads = 2;
  for (const auto& [rows, k] : {std::pair{kRows, 512}, {kRows, 3}, {int64_t{40}, 64}, {int64_t{0}, 4}}) {
    const auto chip = cpu({.threads = 2, .isa = GetParam()});
    const std::vector<Span> spans{{0, 1}};
    const std::vector<int64_t> lengths{4 * rows};
    State state(Format::v4_key68, kDim, 0, 0, 64, 1);
    BlockView keys{state.view(spans, lengths), {}};
    keys.rows.tokens_per_row = 4;
    for (int64_t row = 0; row < rows; ++row) {
      std::vector<float> x = made(kDim, 24, 0, uint32_t(row % 300));
      for (float& v : x) v = v > 1 ? 1.f : v < -1 ? -1.f : 0.f;
      store(keys.rows, 0, row, x);
    }
    Tensor scores;
    const Tensor q = chip->v4().quantise(floats(*chip, {1, kHeads, kDim}, made(kHeads * kDim, 25, 0, 0)),
                                         Format::v4_key68);
    const Tensor ids = chip->v4().index_top_k(q, floats(*chip, {1, kHeads}, {1, -0.5f}), keys, k, &scores);
    chip->wait();
    std::vector<int32_t> want(rows);
    for (int64_t i = 0; i < rows; ++i) want[i] = int32_t(i);
    std::ranges::stable_sort(want, [&](int32_t a, int32_t b) { return scores.f32()[a] > scores.f32()[b]; });
    want.resize(k, -1);
    if (rows < k) std::fill(want.begin() + rows, want.end(), -1);
    EXPECT_EQ(std::vector<int32_t>(ids.i32(), ids.i32() + k), want) << rows << " " << k;
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, V4VerbsTest, ::testing::ValuesIn(cpu_isas()),
                         [](const auto& isa) { return isa.param; });

}  // namespace
}  // namespace autark

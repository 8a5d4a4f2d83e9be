#include "models/testing.h"
#include <algorithm>
#include <bit>
#include <random>
#include "base/check.h"

namespace autark {

FormulaWeights::FormulaWeights(Fill fill, int rank, int ranks)
    : Weights(rank, ranks), fill_(std::move(fill)) {}

std::optional<Weights::Entry> FormulaWeights::open(const std::string& name, const Shape& shape) {
  const bool table = name.ends_with("tid2eid");  // whole numbers
  if (!fill_) return Entry{table ? Format::i32 : Format::bf16, shape, {}};
  auto& v = store_.emplace_back(shape.numel());
  fill_(name, shape, v);
  if (table)
    for (float& f : v) f = std::bit_cast<float>(static_cast<int32_t>(f));
  const auto* bytes = reinterpret_cast<const std::byte*>(v.data());
  return Entry{table ? Format::i32 : Format::f32, shape, {bytes}};
}

void random_tensor(const std::string& name, const Shape&, std::span<float> out) {
  std::mt19937 gen(std::hash<std::string>{}(name));
  std::normal_distribution<float> normal(0, 0.08f);
  for (float& v : out) v = name.find("norm") != std::string::npos ? 1.f : normal(gen);
}

TinyEngine::TinyEngine(const Model& m, Chip& on, Options o) : m_(m), on_(on), o_(o) {}
TinyEngine::TinyEngine(const Model& m, Chip& on) : TinyEngine(m, on, Options{}) {}
TinyEngine::~TinyEngine() = default;

TinyEngine::Matrix TinyEngine::feed(const std::vector<Chunk>& chunks, bool last_only) {
  begin(chunks, last_only);
  on_.reset();
  add_pages();
  notes.clear();
  Step s{on_,
         on_.upload(tokens_),
         on_.upload(positions_),
         on_.upload(wanted_),
         [&](int i, int k) { return rows(i, k); },
         [&](int i, const char* name, Tensor x) {
           return notes[{i, name}] = replace ? replace(i, name, x) : x;
         }};
  const Tensor y = forward(m_, s);
  on_.wait();
  for (size_t i = 0; i < chunks.size(); ++i) now_[i]->length += spans_[i].count;
  Matrix out;
  const auto values = on_.read(y);
  for (int64_t i = 0; o_.values && i < y.rows(); ++i)
    out.emplace_back(values.begin() + i * y.cols(), values.begin() + (i + 1) * y.cols());
  return out;
}

TinyEngine::Matrix TinyEngine::feed(const std::vector<int32_t>& tokens) {
  return feed({{0, tokens}});
}
void TinyEngine::rewind(int sequence, int64_t tokens) {
  sequences_[sequence].length -= tokens;
}
int64_t TinyEngine::settled(int64_t reached) const {
  return std::max<int64_t>(0, reached - o_.rewind_tokens);
}

void TinyEngine::begin(const std::vector<Chunk>& chunks, bool last_only) {
  for (auto* v : {&tokens_, &positions_, &wanted_}) v->clear();
  now_.clear(), spans_.clear(), length_.clear(), tables_.clear(), lists_.clear();
  settled_.clear(), settles_.clear();
  for (const Chunk& c : chunks) {
    Sequence& seq = sequences_[c.sequence];
    spans_.push_back({int(tokens_.size()), int(c.tokens.size())});
    for (size_t i = 0; i < c.tokens.size(); ++i) {
      if (!last_only || i + 1 == c.tokens.size()) wanted_.push_back(tokens_.size());
      positions_.push_back(seq.length + i);
      tokens_.push_back(c.tokens[i]);
    }
    now_.push_back(&seq);
    length_.push_back(seq.length);
    settled_.push_back(settled(seq.reached));
    seq.reached = std::max<int64_t>(seq.reached, seq.length + std::ssize(c.tokens));
    settles_.push_back(settled(seq.reached));
  }
}

StateView TinyEngine::view(const StateSpec& st) const {
  StateView r{.width = st.row.numel(),
              .tokens_per_row = st.tokens_per_row,
              .window_rows = st.window_rows,
              .ring = st.ring_rows(o_.rewind_tokens),
              .page_rows = o_.page / st.tokens_per_row,
              .sequences = spans_,
              .length = length_,
              .settled = settled_,
              .settles = settles_};
  if (o_.cache == Rounding::Cache::native) r.stored = st.stored;
  if (o_.cache != Rounding::Cache::f32) r.simulated = st.stored;
  return r;
}

StateView TinyEngine::rows(int layer, int stream) {
  StateView r = view(m_.state_specs(layer)[stream]);
  auto& lists = lists_.emplace_back();
  for (Sequence* s : now_) {
    auto& table = tables_.emplace_back();
    for (StateMemory& p : s->pages[{layer, stream}]) table.push_back(p.get());
    lists.push_back(table);
  }
  r.pages = lists;
  return r;
}

void TinyEngine::add_pages() {
  for (int layer = 0; layer < m_.layers(); ++layer) {
    const std::vector<StateSpec> streams = m_.state_specs(layer);
    for (int k = 0; k < int(streams.size()); ++k) {
      const StateView r = view(streams[k]);
      for (size_t i = 0; i < now_.size(); ++i) {
        const int64_t need = r.ring ? r.ring : (length_[i] + spans_[i].count) / r.tokens_per_row;
        auto& pages = now_[i]->pages[{layer, k}];
        while (std::ssize(pages) * r.page_rows < need) pages.push_back(poisoned(part_bytes(r)));
      }
    }
  }
}

StateMemory TinyEngine::poisoned(int64_t bytes) {
  StateMemory page = on_.state_memory(bytes);
  AUTARK_CHECK(page);
  on_.copy_in(std::vector<std::byte>(bytes, std::byte{0xff}), page.get());
  return page;
}

}  // namespace autark

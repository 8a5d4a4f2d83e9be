#include "engine/trace.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include "engine/forward.h"
#include "engine/softmax.h"
#include "models/architecture.h"

namespace autark::engine {
namespace {

// One sequence: its known tokens, and how many of them have been computed.
struct Timeline {
  std::vector<int32_t> tokens;
  int64_t fed = 0, prompt = 0;
  std::unique_ptr<SequenceState> state;
};

// A tensor that the model named, before the chip has computed it.
struct Note {
  int layer;
  std::string name;
  Tensor x;
};

// A tensor in host memory.
struct Table {
  Shape shape;
  std::span<const float> values;
  std::span<const int32_t> integers;
  bool whole = false;  // `integers` has the data, else `values`

  int64_t cols() const { return shape.numel() / shape[0]; }
};

struct ReadNote {
  int layer;
  std::string name;
  Table table;
};

float margin_of(std::span<const float> logits) {
  float first = -std::numeric_limits<float>::infinity(), second = first;
  for (float l : logits) {
    second = std::max(second, std::min(first, l));
    first = std::max(first, l);
  }
  return first - second;
}

template <class T>
void keep_row(std::span<const T> all, int64_t cols, int64_t from, std::vector<T>* rows, int64_t to,
              int64_t count) {
  rows->resize(count * cols);
  std::ranges::copy(all.subspan(from * cols, cols), rows->begin() + to * cols);
}

// How clear the choice of the k best scores was. Scores that are not finite are left out.
struct Clarity {
  float margin, spread;
};
Clarity clarity_of(std::vector<float> scores, int64_t k) {
  std::erase_if(scores, [](float v) { return !std::isfinite(v); });
  const int64_t n = std::ssize(scores);
  std::ranges::sort(scores, std::greater());
  const float margin = n > k ? scores[k - 1] - scores[k] : std::numeric_limits<float>::infinity();
  const double mean = std::accumulate(scores.begin(), scores.end(), 0.0) / double(std::max<int64_t>(1, n));
  double squares = 0;
  for (float v : scores) squares += (v - mean) * (v - mean);
  return {margin, n > 1 ? float(std::sqrt(squares / double(n - 1))) : 0.f};
}

class Tracer {
 public:
  Tracer(LoadedModel& m, std::vector<int32_t> tokens, const TraceOptions& o) : m_(m), o_(o) {
    if (const auto a = find_architecture(m.checkpoint.architecture)) {
      index_ = (*a)->index;
      draft_notes_ = (*a)->draft_notes;
    }
    out_.tokens = tokens;
    add(std::move(tokens));
    for (const auto& other : o.beside) add(other);
  }

  Result<Trace> run() {
    if (auto e = check()) return *e;
    out_.layers.resize(m_.model->layers());
    const Drafter* drafter = o_.draft ? m_.drafter.get() : nullptr;
    AUTARK_TRY(const auto cache, Cache::make(*m_.model, *m_.chip,
                                             {.rounding = m_.rounding.cache,
                                              .bytes_max = INT64_MAX,
                                              .context = longest_,
                                              .sequences_max = int(lines_.size()),
                                              .drafter = drafter}));
    for (Timeline& t : lines_) {
      t.state = cache->open();
      AUTARK_CHECK(cache->reserve(*t.state, longest_));
    }
    Forward forward(*m_.model, *m_.chip, *cache, drafter);
    drafting_.emplace(*cache);
    while (lines_[0].fed < lines_[0].prompt) step(forward);
    keep_state(*cache);
    keep_scores();
    while (std::ssize(out_.greedy) < o_.greedy) step(forward);
    m_.chip->reset();
    lines_.clear();  // the cache must outlive the sequences
    return std::move(out_);
  }

 private:
  void add(std::vector<int32_t> tokens) {
    const int64_t n = std::ssize(tokens);
    lines_.push_back({.tokens = std::move(tokens), .prompt = n});
  }

  std::optional<Error> check() {
    for (const Timeline& t : lines_) {
      if (t.tokens.empty()) return Error{Code::invalid, "logits: a prompt has no tokens"};
      for (int32_t id : t.tokens) {
        if (id < 0 || id >= m_.model->vocabulary())
          return Error{Code::invalid, "logits: token " + std::to_string(id) +
                                          " is outside the vocabulary of " +
                                          std::to_string(m_.model->vocabulary())};
      }
      longest_ = std::max(longest_, t.prompt);
    }
    longest_ = std::max(longest_, lines_[0].prompt + o_.greedy);
    if (longest_ > m_.model->context())
      return Error{Code::invalid, "logits: prompt and greedy tokens are " + std::to_string(longest_) +
                                      ", the model's context is " + std::to_string(m_.model->context())};
    if (o_.draft) {
      AUTARK_CHECK(m_.drafter);
      if (auto e = fault_of(*m_.drafter)) return e;
    }
    if (o_.chunk < 1 || o_.greedy < 0) return Error{Code::invalid, "logits: chunk must be at least 1"};
    return resolve_positions();
  }
  static std::optional<Error> fault_of(const Drafter& d) {
    if (d.rows(0) == 1) return std::nullopt;
    return Error{Code::unsupported, std::string("logits: ") + d.name() + " guesses " +
                                        std::to_string(d.rows(0)) +
                                        " tokens at once in layers of its own, a trace has one row a "
                                        "position and names for MTP only; leave out --draft"};
  }
  std::optional<Error> resolve_positions() {
    const int64_t n = lines_[0].prompt;
    for (int64_t p : o_.positions) {
      if (p < -n || p >= n)
        return Error{Code::invalid, "logits: position " + std::to_string(p) + " is outside the prompt of " +
                                        std::to_string(n) + " tokens"};
      out_.positions.push_back(int32_t(p < 0 ? p + n : p));
    }
    for (int64_t p = 0; o_.positions.empty() && p < n; ++p) out_.positions.push_back(int32_t(p));
    kept_.assign(n, false);
    for (int32_t p : out_.positions) kept_[p] = true;
    return std::nullopt;
  }

  void step(Forward& forward) {
    std::vector<Chunk> chunks;
    std::vector<Timeline*> now;
    for (Timeline& t : lines_) {
      const int64_t left = std::min<int64_t>(std::ssize(t.tokens), longest_) - t.fed;
      if (left <= 0) continue;  // another prompt that has generated up to the end of its pages
      const int64_t count = std::min<int64_t>(left, o_.chunk);
      chunks.push_back({t.state.get(), std::span(t.tokens).subspan(t.fed, count), wanted(t, count)});
      now.push_back(&t);
    }
    std::vector<Note> notes;
    const Logits logits = forward.run(chunks, [&](int layer, const char* name, Tensor x) {
      notes.push_back({layer, name, x});
      return x;
    });
    keep(read(notes), logits, chunks[0]);
    if (o_.draft && lines_[0].fed < lines_[0].prompt) draft(forward.taps(), chunks[0], logits);
    advance(now, chunks, logits);
  }

  // Rows whose logits are needed: kept rows of the main prompt, and last rows to sample from.
  std::vector<int32_t> wanted(const Timeline& t, int64_t count) const {
    std::vector<int32_t> rows;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = t.fed + i;
      const bool main = &t == &lines_[0];
      const bool kept = main && at < t.prompt && kept_[at];
      const bool last = at + 1 == std::ssize(t.tokens) && (!main || o_.greedy > 0 || o_.draft);
      if (kept || last) rows.push_back(int32_t(i));
    }
    return rows;
  }

  // REQUIRES: the chip has computed the notes (Chip::wait).
  std::vector<ReadNote> read(const std::vector<Note>& notes) const {
    std::vector<ReadNote> all;
    for (const Note& n : notes) {
      Table t{.shape = n.x.shape, .whole = n.x.format == Format::i32};
      t.whole ? void(t.integers = m_.chip->read_ids(n.x)) : void(t.values = m_.chip->read(n.x));
      all.push_back({n.layer, n.name, t});
    }
    return all;
  }

  // Copies the kept rows. The main prompt is the first chunk, so its rows and its wanted rows come first.
  void keep(const std::vector<ReadNote>& notes, const Logits& logits, const Chunk& chunk) {
    const int64_t from = lines_[0].fed, count = std::ssize(out_.positions);
    for (int64_t r = 0; r < count; ++r) {
      const int64_t row = out_.positions[r] - from;
      if (row < 0 || row >= std::ssize(chunk.tokens)) continue;
      const int64_t asked = std::ranges::lower_bound(chunk.wanted, row) - chunk.wanted.begin();
      keep_matrix({{logits.rows(), logits.vocabulary}, logits.values}, asked, &out_.logits, r);
      for (const ReadNote& n : notes) {
        if (n.name == "stream") {
          keep_matrix(n.table, row, n.layer < 0 ? &out_.embed : &out_.layers[n.layer], r);
        } else if (n.name == "norm") {
          keep_matrix(n.table, asked, &out_.norm, r);
        } else if (n.name == "router_weights") {
          keep_matrix(n.table, row, &out_.routes[n.layer].weights, r);
        } else if (n.name == "router_ids") {
          const int64_t k = out_.routes[n.layer].k = n.table.cols();
          keep_row(n.table.integers, k, row, &out_.routes[n.layer].ids, r, count);
        } else if (n.name == index_.score) {
          auto& rows = scores_["layers." + std::to_string(n.layer)];
          rows.resize(count);
          const auto scores = n.table.values.subspan(row * n.table.cols(), n.table.cols());
          rows[r].assign(scores.begin(), scores.end());
        } else {
          keep_note("layers." + std::to_string(n.layer) + "." + n.name, n.table, row, r);
        }
      }
    }
  }
  void keep_matrix(const Table& x, int64_t row, Trace::Matrix* to, int64_t r) {
    to->row.assign(x.shape.d.begin() + 1, x.shape.d.begin() + x.shape.rank);
    to->cols = x.cols();
    keep_row(x.values, x.cols(), row, &to->values, r, std::ssize(out_.positions));
  }
  void keep_note(const std::string& name, const Table& x, int64_t row, int64_t r) {
    const int64_t count = std::ssize(out_.positions);
    Trace::Note& to = out_.notes[name];
    to.shape.assign(x.shape.d.begin(), x.shape.d.begin() + x.shape.rank);
    to.shape[0] = count;
    to.whole = x.whole;
    if (!to.whole) return keep_row(x.values, x.cols(), row, &to.values, r, count);
    keep_row(x.integers, x.cols(), row, &to.integers, r, count);
    if (!index_.ids.empty() && name.ends_with("." + std::string(index_.ids))) {  // a set: ascending, −1 last
      const auto first = to.integers.begin() + r * x.cols();
      std::sort(first, first + x.cols(), [](int32_t a, int32_t b) { return uint32_t(a) < uint32_t(b); });
    }
  }

  // Runs the draft head on the rows of the main prompt, which are the first ones of the step.
  void draft(std::span<const Tensor> taps, const Chunk& chunk, const Logits& logits) {
    const Timeline& t = lines_[0];
    const int64_t from = t.fed, count = std::ssize(chunk.tokens);
    std::vector<int32_t> next(t.tokens.begin() + from + 1,
                              t.tokens.begin() + std::min(from + count + 1, t.prompt));
    if (std::ssize(next) < count) next.push_back(argmax(logits.row(std::ssize(chunk.wanted) - 1)));
    std::vector<int32_t> asked;
    for (int64_t i = 0; i < count; ++i) {
      if (kept_[from + i]) asked.push_back(int32_t(i));
    }
    std::vector<Tensor> own(taps.begin(), taps.end());
    for (Tensor& x : own) x.shape.d[0] = count;
    std::vector<Note> notes;
    drafting_->begin();
    drafting_->add(*t.state, from, next, asked);
    Step s = drafting_->step(*m_.chip, [&](int layer, const char* name, Tensor x) {
      notes.push_back({layer, name, x});
      return x;
    });
    Tensor carried = m_.drafter->read(s, own);
    if (!asked.empty()) notes.push_back({0, "logits", m_.drafter->propose(s, 0, &carried)});
    m_.chip->wait();
    const std::vector<ReadNote> all = read(notes);
    for (int64_t r = 0; r < std::ssize(out_.positions); ++r) {
      const int64_t row = out_.positions[r] - from;
      if (row < 0 || row >= count) continue;
      const int64_t place = std::ranges::lower_bound(asked, row) - asked.begin();
      for (const ReadNote& n : all)
        keep_note(draft_notes_ + n.name, n.table, n.name == "final" || n.name == "logits" ? place : row, r);
    }
  }

  // Copies the state of streams with one row per several tokens, as it is at the end of the prompt.
  void keep_state(const Cache& cache) {
    const int64_t length = lines_[0].prompt;
    for (size_t layer = 0; layer < cache.layout().layers.size(); ++layer) {
      const auto& places = cache.layout().layers[layer];
      for (size_t k = 0; k < places.size(); ++k) {
        const StateLayout::Place& p = places[k];
        if (p.spec.tokens_per_row == 1) continue;
        const auto parts = lines_[0].state->parts(cache.stream_at(int(layer), int(k)));
        const StateView rows{.stored = p.stored,
                             .simulated = p.simulated,
                             .width = p.spec.row.numel(),
                             .tokens_per_row = p.spec.tokens_per_row,
                             .page_rows = p.page_rows,
                             .pages = {&parts, 1}};
        const int64_t n = length / rows.tokens_per_row;
        const std::string name = "layers." + std::to_string(layer) + "." + p.spec.name;
        Trace::Note& to = out_.notes[name] = {.shape = {n, rows.width}};
        to.values.resize(n * rows.width);
        Trace::Note& ids = out_.notes[name + ".ids"] = {.shape = {n}, .whole = true};
        for (int64_t w = 0; w < n; ++w) ids.integers.push_back(int32_t(w));
        m_.chip->host({rows}, {}, [&] {
          for (int64_t w = 0; w < n; ++w)
            load(rows, 0, w, std::span(to.values).subspan(w * rows.width, rows.width));
        });
        m_.chip->wait();
      }
    }
  }

  // The scores of the index, as wide as the prompt has rows to choose from, and the clarity of each choice.
  void keep_scores() {
    const int64_t count = std::ssize(out_.positions);
    for (auto& [layer, rows] : scores_) {
      const auto of_layer = [&, name = layer](std::string_view note) {
        return name + "." + std::string(note);
      };
      const int64_t width = out_.notes.at(of_layer(index_.rows)).shape[0],
                    k = out_.notes.at(of_layer(index_.ids)).shape[1];
      Trace::Note& all = out_.notes[of_layer(index_.score)] = {.shape = {count, width}};
      Trace::Note& margin = out_.notes[of_layer(index_.margin)] = {.shape = {count}};
      Trace::Note& spread = out_.notes[of_layer(index_.spread)] = {.shape = {count}};
      for (auto& scores : rows) {
        scores.resize(width,
                      -std::numeric_limits<float>::infinity());  // other prompts may have had more rows
        all.values.insert(all.values.end(), scores.begin(), scores.end());
        const Clarity c = clarity_of(std::move(scores), k);
        margin.values.push_back(c.margin);
        spread.values.push_back(c.spread);
      }
    }
  }

  void advance(const std::vector<Timeline*>& now, const std::vector<Chunk>& chunks, const Logits& logits) {
    int64_t row = 0;
    for (size_t i = 0; i < now.size(); ++i) {
      Timeline& t = *now[i];
      row += std::ssize(chunks[i].wanted);
      t.fed += std::ssize(chunks[i].tokens);
      if (t.fed < std::ssize(t.tokens) || chunks[i].wanted.empty()) continue;
      const auto last = logits.row(row - 1);
      if (i == 0 && std::ssize(out_.greedy) < o_.greedy) {
        out_.greedy.push_back(argmax(last));
        out_.greedy_margin.push_back(margin_of(last));
      }
      t.tokens.push_back(argmax(last));
    }
  }

  LoadedModel& m_;
  const TraceOptions& o_;
  IndexNotes index_;
  std::string draft_notes_;
  Trace out_;
  std::vector<Timeline> lines_;                                    // the main prompt first
  std::vector<bool> kept_;                                         // positions of the main prompt
  std::map<std::string, std::vector<std::vector<float>>> scores_;  // of an index, of each position
  int64_t longest_ = 0;
  std::optional<Packing> drafting_;
};

}  // namespace

Result<Trace> trace(LoadedModel& m, std::vector<int32_t> tokens, const TraceOptions& options) {
  auto t = Tracer(m, std::move(tokens), options).run();
  if (auto e = m.change()) return *e;
  return t;
}

}  // namespace autark::engine

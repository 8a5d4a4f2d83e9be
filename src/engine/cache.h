// The paged state of all requests: one memory block for the streams that a model declares. A page holds
// kPageTokens tokens of every unwindowed stream of every layer; a stream's piece of a page is called a part.
// A windowed stream is a ring; the rings of one sequence lie together in one place.
//
//   memory: | page 0 | page 1 | … | rings of place 0 | rings of place 1 | …
//
// The block is memory of the chip. It is allocated once at start, and the system backs it with memory when it
// is first touched. A sequence keeps a table of part addresses per stream, so a step has no look-ups to do.
// Not thread-safe: one thread owns and calls a cache.
//
// Life of a page. Each page counts its holders (sequences and snapshots) and is free when it has none.
//   - reserve() takes a free page for one sequence, its only writer.
//   - save() shares the full pages with the snapshot; restore() shares them with another sequence. A shared
//     page is never written again, not even by its first sequence: take_back() stops before it.
//   - share() lets others hold one full page; restore() and replace() give such pages to a sequence.
//   - A last page that is not full is never shared. save() and restore() copy it, and the rings as well.
//   - The page becomes free when its last holder is destroyed, in whatever order that happens. It is zeroed
//     then, and so are rings and copies, because the next holder may be another user's request.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>
#include "base/result.h"
#include "models/drafter.h"
#include "models/model.h"

namespace autark::engine {

inline constexpr int kPageTokens = 128;  // the usual StateLayout::page_tokens

// Where each stream lies in a page, or among the rings of a sequence.
struct StateLayout {
  struct Place {
    StateSpec spec;
    Format stored, simulated;  // as in StateView: how a row is stored, and the format it is rounded to
    int ring = 0;              // rows of the ring; 0: the stream is paged
    int page_rows = 0;         // rows of one part, or of the ring
    int64_t at = 0;            // byte offset in the page, or among the rings
  };
  std::vector<std::vector<Place>> layers;  // [layer][stream]
  // kPageTokens, or a multiple that every StateSpec::tokens_per_row divides
  int page_tokens = 0;
  int64_t page_bytes = 0;  // 0: the model has only rings
  int64_t ring_bytes = 0;  // of one sequence

  int64_t pages_for(int64_t tokens) const { return (tokens + page_tokens - 1) / page_tokens; }
};
// `rewind_tokens` is the number of tokens that can be taken back; rings get extra rows for them
// (StateSpec::rewind). The layers of a drafter follow those of the model.
StateLayout layout_of(const Model& m, Rounding::Cache rounding, int rewind_tokens,
                      const Drafter* drafter = nullptr);

class Cache;

// The state of one sequence. Its destructor frees its pages. The cache must outlive it.
class SequenceState {
 public:
  ~SequenceState();
  SequenceState(const SequenceState&) = delete;
  SequenceState& operator=(const SequenceState&) = delete;
  int64_t length() const { return length_; }  // tokens whose state is stored
  int64_t capacity() const;                   // tokens that the reserved pages hold
  // Call after a step that wrote the state of `tokens` more tokens.
  void advance(int64_t tokens);
  // Drops the last tokens. REQUIRES: tokens ≤ takeable()
  void take_back(int64_t tokens);
  // How many tokens can be dropped: those after settled() that are not in a shared page.
  int64_t takeable() const;
  // The number of leading tokens that can no longer be dropped: the greatest length so far minus
  // `rewind_tokens`.
  int64_t settled() const { return settled_after(0); }
  // settled() as it will be once the sequence has reached `length` tokens.
  int64_t settled_after(int64_t length) const;
  // Addresses of the parts of a stream, in order. `stream` numbers the streams of all layers
  // (Cache::stream_at). Valid until the next reserve() or restore().
  std::span<std::byte* const> parts(int stream) const { return tables_[stream]; }

 private:
  friend class Cache;
  explicit SequenceState(Cache* cache) : cache_(cache) {}
  Cache* cache_;
  int64_t length_ = 0, reached_ = 0;  // reached: the greatest length so far
  int place_ = 0;                     // which place of rings
  std::vector<int> pages_;
  int64_t shared_ = 0;  // the first pages, which are or were shared and are not written any more
  std::vector<std::vector<std::byte*>> tables_;
};

// The state of a sequence at one moment, for any sequence of the same cache: shared full pages, and a host
// copy of the rings and of the last page. Its destructor releases the pages. The cache must outlive it.
class Snapshot {
 public:
  ~Snapshot();
  Snapshot(Snapshot&& other) noexcept;
  Snapshot& operator=(Snapshot&&) = delete;
  int64_t length() const { return length_; }  // tokens
  // Size of the copy. Shared pages are counted by the cache.
  int64_t bytes() const { return std::ssize(copy_); }
  // The copy: the rings, and behind them a page that was not full.
  std::span<const std::byte> copy() const { return copy_; }
  // Tokens by which the sequence was longer before some were taken back; at most `rewind_tokens`.
  int64_t ahead() const { return reached_ - length_; }

 private:
  friend class Cache;
  explicit Snapshot(Cache* cache) : cache_(cache) {}
  Cache* cache_;
  int64_t length_ = 0, reached_ = 0;
  std::vector<int> pages_;       // full ones
  std::vector<std::byte> copy_;  // rings, then the page that was not full
};

// Holds one full page. The cache must outlive it.
class Page {
 public:
  ~Page();
  Page(Page&& other) noexcept;
  Page& operator=(Page&&) = delete;

 private:
  friend class Cache;
  Page(Cache* cache, int number) : cache_(cache), number_(number) {}
  Cache* cache_;
  int number_;
};

class Cache {
 public:
  struct Options {
    Rounding::Cache rounding = Rounding::Cache::f32;  // how rows are stored and rounded
    int64_t bytes_max = int64_t{1} << 30;             // for pages and rings
    int64_t pages_more = 0;                           // pages in addition to those of bytes_max
    int64_t context = 0;                     // tokens of the longest sequence; 0: the model's context
    int sequences_max = 1;                   // sequences that are open at the same time
    int rewind_tokens = 0;                   // tokens that can be taken back
    int64_t snapshot_bytes_max = INT64_MAX;  // for the copies of all snapshots, in addition to bytes_max
    const Drafter* drafter = nullptr;        // its state follows the model's
    bool poison = false;  // for tests: fill new memory with NaN, so that reading an unwritten row shows
  };
  // Code::exhausted if the rings and one page do not fit into bytes_max. The chip must outlive the cache.
  static Result<std::unique_ptr<Cache>> make(const Model& m, Chip& on, const Options& options);
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  const StateLayout& layout() const { return layout_; }
  // The number of a layer's stream among the streams() of all layers.
  int stream_at(int layer, int stream) const { return first_stream_[layer] + stream; }
  int streams() const { return first_stream_.back(); }
  int64_t pages_total() const { return pages_total_; }
  int64_t pages_free() const { return std::ssize(free_pages_); }
  int64_t pages_used() const { return pages_total_ - pages_free(); }  // a shared page counts once
  int64_t bytes() const { return bytes_; }                            // of pages and rings
  int64_t snapshot_bytes() const { return snapshot_bytes_; }          // of the copies in all snapshots
  // The most tokens that a sequence can have, when no other one is open.
  int64_t context() const { return context_; }

  // Returns an empty sequence, or null if sequences_max are open already.
  std::unique_ptr<SequenceState> open();
  // Makes room for `tokens` tokens in all. Returns false and changes nothing if there are too few free pages.
  bool reserve(SequenceState& s, int64_t tokens);
  // Shares the full pages of `s` and copies the rest. Returns nullopt if the copies of all snapshots would
  // exceed snapshot_bytes_max; a single snapshot is always allowed.
  std::optional<Snapshot> save(SequenceState& s);
  // Sets `s` to the state of the snapshot: shares its pages and copies the rest. Returns false and changes
  // nothing if no page is free. REQUIRES: the snapshot is of this cache, and `s` shares no page yet.
  bool restore(SequenceState& s, const Snapshot& from);
  // Holds page number `at` of the sequence, which is not written any more. REQUIRES: it is full.
  Page share(SequenceState& s, int64_t at);
  // Sets an empty sequence to the state that ends with these pages. REQUIRES: the layout has no rings.
  void restore(SequenceState& s, std::span<const Page* const> pages);
  // Uses a page of the same content in the place of the sequence's own full page number `at`.
  void replace(SequenceState& s, int64_t at, const Page& by);
  // The content of a page, and a full page with this content: layout().page_bytes each.
  std::vector<std::byte> bytes_of(const Page& page) const;
  Page page_of(std::span<const std::byte> bytes);  // REQUIRES: a page is free
  // The snapshot behind these full pages, with the copy() and ahead() of another one. Returns nullopt where
  // save() does, and if the sizes are not those of this layout.
  std::optional<Snapshot> snapshot_of(std::span<const Page* const> pages, std::span<const std::byte> rings,
                                      int64_t ahead);

 private:
  friend class SequenceState;
  friend class Snapshot;
  friend class Page;
  Cache(StateLayout layout, Chip& on, const Options& options);
  int take_page();
  void hold(int page) { ++holders_[page]; }
  void give_back(int page);
  void release(SequenceState& s);
  void release(Snapshot& s);
  void set_page(SequenceState& s, int64_t at, int page);
  void fill(std::byte* at, int64_t bytes, std::byte with);
  std::byte* page_at(int page) const { return memory_.get() + page * layout_.page_bytes; }
  std::byte* rings_at(int place) const {
    return memory_.get() + pages_total_ * layout_.page_bytes + place * layout_.ring_bytes;
  }

  StateLayout layout_;
  Chip& on_;
  Options options_;
  std::vector<int> first_stream_;  // number of each layer's first stream; last: of all streams
  int64_t pages_total_ = 0, context_ = 0, bytes_ = 0, snapshot_bytes_ = 0;
  StateMemory memory_;
  std::vector<int> holders_;       // of each page
  std::vector<std::byte> filler_;  // what fill() copies
  // Stacks: what was freed last is taken first, so memory that was touched before is used again.
  std::vector<int> free_pages_, free_places_;
};

}  // namespace autark::engine

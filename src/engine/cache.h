// The state of all requests: what a model declares as streams, in pages. One page holds kPageTokens tokens of
// every whole stream of every layer, one part after the other; a windowed stream is a ring, and the rings of
// one sequence lie together in a place of their own.
//
//   memory: | page 0 | page 1 | … | rings of place 0 | rings of place 1 | …
//
// All of it is memory of the chip, taken once at start and touched only when used. A sequence keeps its
// tables of part addresses, so a step looks nothing up. Owned and called by one thread.
//
// Life of a page. Every page counts its holders, which are sequences and snapshots, and is free when it has
// none.
//   - reserve() takes a page from the free ones for one sequence, its only writer.
//   - save() shares the pages that are full with the snapshot, and restore() with the sequence that goes on
//     from it. From then on nobody writes them, the first sequence included: take_back() must not reach them.
//   - A last page that is not full is never shared. save() and restore() copy it, as they copy the rings.
//   - The last holder to go frees the page, whoever that is.
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

inline constexpr int kPageTokens = 128;

// Where each stream lies in a page or in a place of rings.
struct StateLayout {
  struct Place {
    Stream stream;
    Format record, codes;
    int ring = 0;       // rows; 0: the stream is paged
    int page_rows = 0;  // rows of one part
    int64_t at = 0;     // of the part in the page, or of the ring among the rings
  };
  std::vector<std::vector<Place>> layers;
  int page_tokens = 0;
  int64_t page_bytes = 0;  // 0: the model has only rings
  int64_t ring_bytes = 0;  // of one sequence

  int64_t pages_for(int64_t tokens) const { return (tokens + page_tokens - 1) / page_tokens; }
};
// `slack`: tokens that can be taken back; rings have room for their rows (Stream::rewind).
// A drafter's layers lie behind the model's.
StateLayout layout_of(const Model& m, Rounding::Cache rounding, int slack, const Drafter* drafter = nullptr);

class Cache;

// The state of one sequence. Gives its pages back when destroyed; the cache outlives it.
class SequenceState {
 public:
  ~SequenceState();
  SequenceState(const SequenceState&) = delete;
  SequenceState& operator=(const SequenceState&) = delete;
  int64_t length() const { return length_; }  // tokens there
  int64_t capacity() const;                   // tokens there is room for
  void advance(int64_t tokens);               // after a step
  // Forgets the last tokens. REQUIRES: tokens ≤ takeable()
  void take_back(int64_t tokens);
  // Tokens that can be taken back: none before settled(), none in a page that is shared.
  int64_t takeable() const;
  // The first tokens, which are never taken back: all but `slack` of the most there have been.
  int64_t settled() const { return settled_after(0); }
  int64_t settled_after(int64_t length) const;  // the same once there are `length` tokens
  // Addresses of the parts of a stream; streams of all layers are counted through (Cache::stream_at).
  std::span<std::byte* const> parts(int stream) const { return tables_[stream]; }

 private:
  friend class Cache;
  explicit SequenceState(Cache* cache) : cache_(cache) {}
  Cache* cache_;
  int64_t length_ = 0, reached_ = 0;  // reached: the most tokens there have been
  int place_ = 0;
  std::vector<int> pages_;
  int64_t shared_ = 0;  // of pages_, the first ones; others hold them, too, or may have
  std::vector<std::vector<std::byte*>> tables_;
};

// What a sequence's state was at one moment, fit for any sequence of the same cache: its full pages, which it
// holds, and a copy of its rings and of the page that was not full. Gives its pages back when destroyed; the
// cache outlives it.
class Snapshot {
 public:
  ~Snapshot();
  Snapshot(Snapshot&& other) noexcept;
  Snapshot& operator=(Snapshot&&) = delete;
  int64_t length() const { return length_; }  // tokens
  // Of the copied part; the pages are counted by the cache.
  int64_t bytes() const { return std::ssize(copy_); }

 private:
  friend class Cache;
  explicit Snapshot(Cache* cache) : cache_(cache) {}
  Cache* cache_;
  int64_t length_ = 0, reached_ = 0;
  std::vector<int> pages_;       // full ones
  std::vector<std::byte> copy_;  // rings, then the page that was not full
};

class Cache {
 public:
  struct Options {
    Rounding::Cache rounding = Rounding::Cache::f32;
    int64_t bytes_max = int64_t{1} << 30;
    int64_t context = 0;                     // tokens of the longest sequence; 0: the model's
    int sequences_max = 1;                   // that have state at the same time
    int slack = 0;                           // tokens that can be taken back
    int64_t snapshot_bytes_max = INT64_MAX;  // of all snapshots' copies, which lie beside bytes_max
    const Drafter* drafter = nullptr;        // has state behind the model's
    bool poison = false;  // fresh memory is NaN, so that a row read before it is written shows (tests)
  };
  // Code::exhausted when not even one page fits. The chip, `on`, outlives the cache.
  static Result<std::unique_ptr<Cache>> make(const Model& m, Chip& on, const Options& options);
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  const StateLayout& layout() const { return layout_; }
  int stream_at(int layer, int stream) const { return first_stream_[layer] + stream; }
  int streams() const { return first_stream_.back(); }
  int64_t pages_total() const { return pages_total_; }
  int64_t pages_free() const { return std::ssize(free_pages_); }
  int64_t pages_used() const { return pages_total_ - pages_free(); }  // each counted once
  int64_t bytes() const { return bytes_; }
  int64_t snapshot_bytes() const { return snapshot_bytes_; }
  // Tokens that one sequence can have when it is alone.
  int64_t context() const { return context_; }

  // An empty sequence; null when sequences_max have state already.
  std::unique_ptr<SequenceState> open();
  // Room for `tokens` in all. False when pages lack; nothing has changed then.
  bool reserve(SequenceState& s, int64_t tokens);
  // Shares the full pages of `s` and copies the rest. Empty when the copies of all snapshots would be larger
  // than snapshot_bytes_max; a single one may be.
  std::optional<Snapshot> save(SequenceState& s);
  // The sequence goes on from the snapshot: shares its pages, gets a copy of the rest. False when pages lack;
  // nothing has changed then. REQUIRES: the snapshot is of this cache, and the sequence shares no page yet.
  bool restore(SequenceState& s, const Snapshot& from);

 private:
  friend class SequenceState;
  friend class Snapshot;
  Cache(StateLayout layout, Chip& on, const Options& options);
  int take_page();
  void hold(int page) { ++holders_[page]; }
  void give_back(int page);
  void release(SequenceState& s);
  void release(Snapshot& s);
  void set_page(SequenceState& s, int64_t at, int page);
  void poison(std::byte* at, int64_t bytes);
  std::byte* page_at(int page) const { return memory_.get() + page * layout_.page_bytes; }
  std::byte* rings_at(int place) const {
    return memory_.get() + pages_total_ * layout_.page_bytes + place * layout_.ring_bytes;
  }

  StateLayout layout_;
  Chip& on_;
  Options options_;
  std::vector<int> first_stream_;  // of each layer, and the end
  int64_t pages_total_ = 0, context_ = 0, bytes_ = 0, snapshot_bytes_ = 0;
  StateMemory memory_;
  std::vector<int> holders_;                   // of each page
  std::vector<int> free_pages_, free_places_;  // the last ones are taken first: warm memory is used again
};

}  // namespace autark::engine

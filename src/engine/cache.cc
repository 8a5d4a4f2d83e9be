#include "engine/cache.h"
#include <sys/mman.h>
#include <algorithm>
#include <cstring>
#include <numeric>

namespace autark::engine {
namespace {

constexpr int64_t kAlign = 64;
int64_t aligned(int64_t bytes) {
  return (bytes + kAlign - 1) / kAlign * kAlign;
}

}  // namespace

StateLayout layout_of(const Model& m, Rounding::Cache rounding, int slack, const Drafter* drafter) {
  std::vector<std::vector<Stream>> streams;  // of each layer
  for (int i = 0; i < m.layers(); ++i) streams.push_back(m.state(i));
  for (int i = 0; drafter && i < drafter->layers(); ++i) {
    streams.push_back(drafter->state(i));
    for (const Stream& s : streams.back()) AUTARK_CHECK(s.keep > 0);  // guesses may go beyond the pages
  }
  StateLayout l;
  l.page_tokens = kPageTokens;
  for (const auto& layer : streams) {
    for (const Stream& s : layer) l.page_tokens = std::lcm(l.page_tokens, s.per);
  }
  for (const auto& layer : streams) {
    auto& places = l.layers.emplace_back();
    for (const Stream& s : layer) {
      StateLayout::Place p{.stream = s,
                           .record = rounding == Rounding::Cache::native ? s.record : Format::f32,
                           .codes = rounding == Rounding::Cache::f32 ? Format::f32 : s.record,
                           .ring = s.keep ? s.keep + slack : 0};
      p.page_rows = p.ring ? p.ring : l.page_tokens / s.per;
      int64_t& end = p.ring ? l.ring_bytes : l.page_bytes;
      p.at = end;
      end += aligned(p.page_rows * row_bytes(p.record, s.row.numel()));
      places.push_back(p);
    }
  }
  return l;
}

SequenceState::~SequenceState() {
  cache_->release(*this);
}

int64_t SequenceState::capacity() const {
  return std::ssize(pages_) * cache_->layout_.page_tokens;
}

Result<std::unique_ptr<Cache>> Cache::make(const Model& m, const Options& options) {
  auto c = std::unique_ptr<Cache>(
      new Cache(layout_of(m, options.rounding, options.slack, options.drafter), options));
  if (c->options_.context <= 0) c->options_.context = m.context();
  const StateLayout& l = c->layout_;
  const int64_t pages_wanted = l.pages_for(c->options_.context) * options.sequences_max;
  const int64_t rings = l.ring_bytes * options.sequences_max;
  c->pages_total_ = pages_wanted;
  if (l.page_bytes > 0) c->pages_total_ = std::min(pages_wanted, (options.bytes_max - rings) / l.page_bytes);
  if (c->pages_total_ < 1 || rings > options.bytes_max)
    return Error{Code::exhausted,
                 "engine: the state of requests may take " + std::to_string(options.bytes_max >> 20) +
                     " MiB, one page and the windows take " + std::to_string((rings + l.page_bytes) >> 20) +
                     "; allow more memory or fewer requests at a time"};
  c->context_ = std::min(c->options_.context, c->pages_total_ * l.page_tokens);
  c->bytes_ = c->pages_total_ * l.page_bytes + rings;
  void* at = mmap(nullptr, std::max<int64_t>(c->bytes_, 1), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED)
    return Error{Code::exhausted, "engine: cannot map " + std::to_string(c->bytes_ >> 20) +
                                      " MiB for the state of requests; allow less with --state-memory"};
  madvise(at, c->bytes_, MADV_HUGEPAGE);
  c->memory_ = static_cast<std::byte*>(at);
  c->free_pages_.resize(c->pages_total_);
  std::iota(c->free_pages_.rbegin(), c->free_pages_.rend(), 0);
  c->free_places_.resize(options.sequences_max);
  std::iota(c->free_places_.rbegin(), c->free_places_.rend(), 0);
  return c;
}

Cache::Cache(StateLayout layout, const Options& options) : layout_(std::move(layout)), options_(options) {
  int n = 0;
  for (const auto& places : layout_.layers) {
    first_stream_.push_back(n);
    n += int(places.size());
  }
  first_stream_.push_back(n);
}

Cache::~Cache() {
  if (memory_) munmap(memory_, std::max<int64_t>(bytes_, 1));
}

std::unique_ptr<SequenceState> Cache::open() {
  if (free_places_.empty()) return nullptr;
  std::unique_ptr<SequenceState> s(new SequenceState(this));
  s->place_ = free_places_.back();
  free_places_.pop_back();
  std::byte* rings = rings_at(s->place_);
  if (options_.poison) std::memset(rings, 0xff, layout_.ring_bytes);
  for (const auto& places : layout_.layers) {
    for (const auto& p : places) {
      auto& table = s->tables_.emplace_back();
      if (p.ring)
        table.push_back(rings + p.at);
      else
        table.reserve(layout_.pages_for(context_));
    }
  }
  return s;
}

bool Cache::reserve(SequenceState& s, int64_t tokens) {
  const int64_t more = layout_.pages_for(tokens) - std::ssize(s.pages_);
  if (more > pages_free()) return false;
  for (int64_t i = 0; i < more; ++i) {
    const int page = free_pages_.back();
    free_pages_.pop_back();
    s.pages_.push_back(page);
    if (options_.poison) std::memset(page_at(page), 0xff, layout_.page_bytes);
    for (size_t layer = 0; layer < layout_.layers.size(); ++layer) {
      for (size_t k = 0; k < layout_.layers[layer].size(); ++k) {
        const auto& p = layout_.layers[layer][k];
        if (!p.ring) s.tables_[stream_at(int(layer), int(k))].push_back(page_at(page) + p.at);
      }
    }
  }
  return true;
}

Snapshot Cache::save(const SequenceState& s) const {
  const int64_t pages = layout_.pages_for(s.length_);
  Snapshot to{.length = s.length_};
  to.bytes.resize(layout_.ring_bytes + pages * layout_.page_bytes);
  std::memcpy(to.bytes.data(), rings_at(s.place_), layout_.ring_bytes);
  std::byte* at = to.bytes.data() + layout_.ring_bytes;
  for (int64_t i = 0; i < pages; ++i, at += layout_.page_bytes)
    std::memcpy(at, page_at(s.pages_[i]), layout_.page_bytes);
  return to;
}

bool Cache::restore(SequenceState& s, const Snapshot& from) {
  const int64_t pages = layout_.pages_for(from.length);
  AUTARK_CHECK(std::ssize(from.bytes) == layout_.ring_bytes + pages * layout_.page_bytes);
  if (!reserve(s, from.length)) return false;
  std::memcpy(rings_at(s.place_), from.bytes.data(), layout_.ring_bytes);
  const std::byte* at = from.bytes.data() + layout_.ring_bytes;
  for (int64_t i = 0; i < pages; ++i, at += layout_.page_bytes)
    std::memcpy(page_at(s.pages_[i]), at, layout_.page_bytes);
  s.length_ = from.length;
  return true;
}

void Cache::release(SequenceState& s) {
  free_pages_.insert(free_pages_.end(), s.pages_.rbegin(), s.pages_.rend());
  free_places_.push_back(s.place_);
}

}  // namespace autark::engine

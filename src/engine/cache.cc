#include "engine/cache.h"
#include <algorithm>
#include <numeric>
#include <utility>

namespace autark::engine {
namespace {

constexpr int64_t kAlign = 64;
int64_t aligned(int64_t bytes) {
  return (bytes + kAlign - 1) / kAlign * kAlign;
}

}  // namespace

StateLayout layout_of(const Model& m, Rounding::Cache rounding, int rewind_tokens, const Drafter* drafter) {
  std::vector<std::vector<StateSpec>> streams;  // of each layer
  for (int i = 0; i < m.layers(); ++i) streams.push_back(m.state_specs(i));
  for (int i = 0; drafter && i < drafter->layers(); ++i) {
    streams.push_back(drafter->state_specs(i));
    // Drafts can run past the reserved pages, so a drafter may use rings only.
    for (const StateSpec& s : streams.back()) AUTARK_CHECK(s.window_rows > 0 && s.rewind == Rewind::rows);
  }
  StateLayout l;
  l.page_tokens = kPageTokens;
  for (const auto& layer : streams) {
    for (const StateSpec& s : layer) l.page_tokens = std::lcm(l.page_tokens, s.tokens_per_row);
  }
  for (const auto& layer : streams) {
    auto& places = l.layers.emplace_back();
    for (const StateSpec& s : layer) {
      StateLayout::Place p{.spec = s,
                           .stored = rounding == Rounding::Cache::native ? s.stored : Format::f32,
                           .simulated = rounding == Rounding::Cache::f32 ? Format::f32 : s.stored,
                           .ring = s.ring_rows(rewind_tokens)};
      p.page_rows = p.ring ? p.ring : l.page_tokens / s.tokens_per_row;
      int64_t& end = p.ring ? l.ring_bytes : l.page_bytes;
      p.at = end;
      end += aligned(p.page_rows * row_bytes(p.stored, s.row.numel()));
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

void SequenceState::advance(int64_t tokens) {
  length_ += tokens;
  reached_ = std::max(reached_, length_);
}

void SequenceState::take_back(int64_t tokens) {
  AUTARK_CHECK(tokens >= 0 && tokens <= takeable());
  length_ -= tokens;
}

int64_t SequenceState::takeable() const {
  return length_ - std::max(settled(), shared_ * cache_->layout_.page_tokens);
}

int64_t SequenceState::settled_after(int64_t length) const {
  return std::max<int64_t>(0, std::max(reached_, length) - cache_->options_.rewind_tokens);
}

Snapshot::~Snapshot() {
  if (cache_) cache_->release(*this);
}

Snapshot::Snapshot(Snapshot&& other) noexcept
    : cache_(std::exchange(other.cache_, nullptr)),
      length_(other.length_),
      reached_(other.reached_),
      pages_(std::move(other.pages_)),
      copy_(std::move(other.copy_)) {}

Page::~Page() {
  if (cache_) cache_->give_back(number_);
}

Page::Page(Page&& other) noexcept : cache_(std::exchange(other.cache_, nullptr)), number_(other.number_) {}

Result<std::unique_ptr<Cache>> Cache::make(const Model& m, Chip& on, const Options& options) {
  auto c = std::unique_ptr<Cache>(
      new Cache(layout_of(m, options.rounding, options.rewind_tokens, options.drafter), on, options));
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
  c->pages_total_ += options.pages_more;
  c->context_ = std::min(c->options_.context, c->pages_total_ * l.page_tokens);
  c->bytes_ = c->pages_total_ * l.page_bytes + rings;
  c->memory_ = on.state_memory(c->bytes_);
  if (!c->memory_)
    return Error{Code::exhausted, "engine: cannot map " + std::to_string(c->bytes_ >> 20) +
                                      " MiB for the state of requests; allow less with --cache-memory"};
  c->holders_.resize(c->pages_total_);
  c->free_pages_.resize(c->pages_total_);
  std::iota(c->free_pages_.rbegin(), c->free_pages_.rend(), 0);
  c->free_places_.resize(options.sequences_max);
  std::iota(c->free_places_.rbegin(), c->free_places_.rend(), 0);
  return c;
}

Cache::Cache(StateLayout layout, Chip& on, const Options& options)
    : layout_(std::move(layout)), on_(on), options_(options) {
  int n = 0;
  for (const auto& places : layout_.layers) {
    first_stream_.push_back(n);
    n += int(places.size());
  }
  first_stream_.push_back(n);
}

void Cache::fill(std::byte* at, int64_t bytes, std::byte with) {
  if (bytes == 0) return;
  filler_.assign(bytes, with);
  on_.copy_in(filler_, at);
}

// A ring's table has one entry. A paged stream's table grows in reserve() without allocating.
std::unique_ptr<SequenceState> Cache::open() {
  if (free_places_.empty()) return nullptr;
  std::unique_ptr<SequenceState> s(new SequenceState(this));
  s->place_ = free_places_.back();
  free_places_.pop_back();
  std::byte* rings = rings_at(s->place_);
  if (options_.poison) fill(rings, layout_.ring_bytes, std::byte{0xff});
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
  const int64_t have = std::ssize(s.pages_), need = layout_.pages_for(tokens);
  if (need - have > pages_free()) return false;
  for (int64_t i = have; i < need; ++i) set_page(s, i, take_page());
  return true;
}

std::optional<Snapshot> Cache::save(SequenceState& s) {
  const int64_t full = s.length_ / layout_.page_tokens;
  const bool part = s.length_ % layout_.page_tokens != 0;
  const int64_t bytes = layout_.ring_bytes + (part ? layout_.page_bytes : 0);
  if (snapshot_bytes_ > 0 && snapshot_bytes_ + bytes > options_.snapshot_bytes_max) return std::nullopt;
  Snapshot to(this);
  to.length_ = s.length_, to.reached_ = s.reached_;
  to.pages_.assign(s.pages_.begin(), s.pages_.begin() + full);
  for (int page : to.pages_) hold(page);
  s.shared_ = std::max(s.shared_, full);
  to.copy_.resize(bytes);
  snapshot_bytes_ += bytes;
  const std::span<std::byte> copy(to.copy_);
  on_.copy_out(rings_at(s.place_), copy.first(layout_.ring_bytes));
  if (part) on_.copy_out(page_at(s.pages_[full]), copy.subspan(layout_.ring_bytes));
  return to;
}

// Takes at most one page, for the copied part. Pages that `s` had in the place of shared ones become free.
bool Cache::restore(SequenceState& s, const Snapshot& from) {
  AUTARK_CHECK(from.cache_ == this && s.shared_ == 0);
  const int64_t full = std::ssize(from.pages_), had = std::ssize(s.pages_);
  const bool part = from.length_ % layout_.page_tokens != 0;
  if (part && had <= full && pages_free() == 0) return false;
  for (int64_t i = 0; i < full; ++i) {
    hold(from.pages_[i]);
    if (i < had) give_back(s.pages_[i]);
    set_page(s, i, from.pages_[i]);
  }
  if (part && had <= full) set_page(s, full, take_page());
  const std::span<const std::byte> copy(from.copy_);
  on_.copy_in(copy.first(layout_.ring_bytes), rings_at(s.place_));
  if (part) on_.copy_in(copy.subspan(layout_.ring_bytes), page_at(s.pages_[full]));
  s.length_ = from.length_, s.reached_ = from.reached_, s.shared_ = full;
  return true;
}

Page Cache::share(SequenceState& s, int64_t at) {
  AUTARK_CHECK((at + 1) * layout_.page_tokens <= s.length_);
  s.shared_ = std::max(s.shared_, at + 1);
  hold(s.pages_[at]);
  return Page(this, s.pages_[at]);
}

void Cache::restore(SequenceState& s, std::span<const Page* const> pages) {
  AUTARK_CHECK(layout_.ring_bytes == 0 && s.pages_.empty());
  for (const Page* p : pages) {
    AUTARK_CHECK(p->cache_ == this);
    hold(p->number_);
    set_page(s, std::ssize(s.pages_), p->number_);
  }
  s.shared_ = std::ssize(pages);
  s.length_ = s.reached_ = s.shared_ * layout_.page_tokens;
}

void Cache::replace(SequenceState& s, int64_t at, const Page& by) {
  AUTARK_CHECK(by.cache_ == this && (at + 1) * layout_.page_tokens <= s.length_);
  hold(by.number_);
  give_back(s.pages_[at]);
  set_page(s, at, by.number_);
  s.shared_ = std::max(s.shared_, at + 1);
}

std::vector<std::byte> Cache::bytes_of(const Page& page) const {
  AUTARK_CHECK(page.cache_ == this);
  std::vector<std::byte> bytes(layout_.page_bytes);
  on_.copy_out(page_at(page.number_), bytes);
  return bytes;
}

Page Cache::page_of(std::span<const std::byte> bytes) {
  AUTARK_CHECK(std::ssize(bytes) == layout_.page_bytes && pages_free() > 0);
  const int page = take_page();
  on_.copy_in(bytes, page_at(page));
  return Page(this, page);
}

std::optional<Snapshot> Cache::snapshot_of(std::span<const Page* const> pages,
                                           std::span<const std::byte> rings, int64_t ahead) {
  const int64_t bytes = std::ssize(rings);
  if (bytes != layout_.ring_bytes || ahead < 0 || ahead > options_.rewind_tokens) return {};
  if (snapshot_bytes_ > 0 && snapshot_bytes_ + bytes > options_.snapshot_bytes_max) return {};
  Snapshot to(this);
  to.length_ = std::ssize(pages) * layout_.page_tokens;
  to.reached_ = to.length_ + ahead;
  to.copy_.assign(rings.begin(), rings.end());
  snapshot_bytes_ += bytes;
  for (const Page* p : pages) {
    AUTARK_CHECK(p->cache_ == this);
    to.pages_.push_back(p->number_);
    hold(p->number_);
  }
  return to;
}

int Cache::take_page() {
  const int page = free_pages_.back();
  free_pages_.pop_back();
  hold(page);
  if (options_.poison) fill(page_at(page), layout_.page_bytes, std::byte{0xff});
  return page;
}

void Cache::give_back(int page) {
  AUTARK_CHECK(holders_[page] > 0);
  if (--holders_[page] > 0) return;
  fill(page_at(page), layout_.page_bytes, std::byte{0});
  free_pages_.push_back(page);
}

void Cache::set_page(SequenceState& s, int64_t at, int page) {
  const bool more = at == std::ssize(s.pages_);
  more ? s.pages_.push_back(page) : void(s.pages_[at] = page);
  for (size_t layer = 0; layer < layout_.layers.size(); ++layer) {
    for (size_t k = 0; k < layout_.layers[layer].size(); ++k) {
      const auto& p = layout_.layers[layer][k];
      if (p.ring) continue;
      auto& table = s.tables_[stream_at(int(layer), int(k))];
      std::byte* part = page_at(page) + p.at;
      more ? table.push_back(part) : void(table[at] = part);
    }
  }
}

// In reverse, so that the sequence's first page is on top of the stack of free pages.
void Cache::release(SequenceState& s) {
  for (auto page = s.pages_.rbegin(); page != s.pages_.rend(); ++page) give_back(*page);
  fill(rings_at(s.place_), layout_.ring_bytes, std::byte{0});
  free_places_.push_back(s.place_);
}

void Cache::release(Snapshot& s) {
  for (auto page = s.pages_.rbegin(); page != s.pages_.rend(); ++page) give_back(*page);
  snapshot_bytes_ -= s.bytes();
  std::ranges::fill(s.copy_, std::byte{0});
}

}  // namespace autark::engine

#include "engine/prefix_loader.h"
#include <algorithm>
#include <utility>
#include "base/check.h"

namespace autark::engine {
namespace {

constexpr int64_t kPieceBytes = int64_t{64} << 20;  // that are read at once
constexpr float kWeight = 4;                        // of a copy that was worth a place on the disk

}  // namespace

PrefixLoader::~PrefixLoader() {
  tree_.release(held_);
}

std::vector<Sha256> PrefixLoader::names_of(const PrefixTree::Text& text, int64_t blocks) const {
  const int64_t block = tree_.options().block;
  std::vector<Sha256> names;
  for (int64_t i = 0; i < blocks; ++i) {
    const bool everybody = (i + 1) * block <= text.hints.public_tokens;
    names.push_back(block_name(names.empty() ? Sha256{} : names.back(), everybody, text.hints.domain,
                               text.tokens.subspan(i * block, block)));
  }
  return names;
}

// A model with rings only has no pages.
bool PrefixLoader::has_page(const Sha256& name) const {
  return cache_.layout().page_bytes == 0 || disk_.holds({name, EntryKind::page});
}

// The tree's own pages are there in any case. With rings, a prefix ends where there is a copy. Names that are needed and
// not given are found.
PrefixLoader::Plan PrefixLoader::plan(const PrefixTree::Text& text, std::vector<Sha256> names) const {
  const int64_t blocks = (std::ssize(text.tokens) - 1) / tree_.options().block;
  const auto m = tree_.find(text, blocks);
  if (m.blocks == blocks) return {};
  Plan p{.known = m.known, .names = names.empty() ? names_of(text, blocks) : std::move(names)};
  int64_t end = m.known;
  while (end < blocks && has_page(p.names[end])) ++end;
  while (with_copy() && end > m.blocks && !disk_.holds({p.names[end - 1], EntryKind::copy})) --end;
  if (end > m.blocks) p.end = end;
  p.known = std::min(p.known, p.end);
  return p;
}

std::vector<Sha256> PrefixLoader::names_if_more(const PrefixTree::Text& text) const {
  Plan p = plan(text, {});
  return p.end > 0 ? std::move(p.names) : std::vector<Sha256>{};
}

void PrefixLoader::begin(const PrefixTree::Text& text, std::vector<Sha256> names) {
  AUTARK_CHECK(!busy_);
  Plan p = plan(text, std::move(names));
  if (p.end == 0) return;
  hints_ = text.hints;
  tokens_.assign(text.tokens.begin(), text.tokens.end());
  plan_ = std::move(p);
  at_ = plan_.known;
  const auto known = tree_.extend(nullptr, this->text(), at_);
  held_ = known.empty() ? nullptr : known.back().node;
  busy_ = true, dropped_ = false;
  read_more();
}

void PrefixLoader::read_more() {
  const int64_t page = cache_.layout().page_bytes;
  const int64_t to =
      page == 0 ? plan_.end : std::min(plan_.end, at_ + std::max<int64_t>(1, kPieceBytes / page));
  std::vector<DiskTier::Wanted> wanted;
  for (int64_t i = at_; page > 0 && i < to; ++i) wanted.push_back({{plan_.names[i], EntryKind::page}, page});
  if (with_copy() && to == plan_.end)
    wanted.push_back({{plan_.names[to - 1], EntryKind::copy}, cache_.layout().ring_bytes});
  disk_.read(std::move(wanted));
}

// The last entry of the last piece is the copy.
bool PrefixLoader::plant_all(const DiskTier::Found& found) {
  const int64_t pages = cache_.layout().page_bytes == 0
                            ? plan_.end - at_
                            : std::min<int64_t>(plan_.end - at_, std::ssize(found));
  for (int64_t i = 0; i < pages; ++i)
    if (!plant(cache_.layout().page_bytes == 0 ? std::nullopt : found[i])) return false;
  return at_ < plan_.end || !with_copy() || plant_copy(found.back());
}

bool PrefixLoader::advance() {
  const auto found = disk_.take_read();
  if (!found) return false;
  if (!dropped_ && plant_all(*found) && at_ < plan_.end) {
    read_more();
    return false;
  }
  plan_.names.resize(at_);
  disk_.write({}, std::move(plan_.names));
  tree_.release(std::exchange(held_, nullptr));
  store_.free_losses();
  busy_ = false;
  return true;
}

// Another request may have computed the block meanwhile.
bool PrefixLoader::plant(const std::optional<EntryFolder::Loaded>& page) {
  const bool pages = cache_.layout().page_bytes > 0;
  if ((pages && !page) || !scheduler_.make_room()) return false;
  store_.free_losses();
  const auto added = tree_.extend(held_, text(), at_ + 1).front();
  held_ = added.node;
  ++at_;
  if (!added.fresh) return true;
  store_.keep_page(*added.node, pages ? page->entry.bytes : std::span<const std::byte>());
  tree_.set_loaded(*added.node);
  return true;
}

bool PrefixLoader::plant_copy(const std::optional<EntryFolder::Loaded>& copy) {
  if (!copy || held_->copy) return copy.has_value();
  tree_.make_room_for_copy();
  store_.free_losses();
  if (!store_.keep_copy(*held_, copy->entry.bytes, copy->entry.ahead)) return false;
  tree_.mark(held_, kWeight, true);
  tree_.set_loaded(*held_);
  return true;
}

bool PrefixLoader::other_program_has(const PrefixTree::Text& text, int64_t read) const {
  const int64_t blocks = read / tree_.options().block + 1;
  return disk_.elsewhere({names_of(text, blocks).back(), EntryKind::page});
}

}  // namespace autark::engine

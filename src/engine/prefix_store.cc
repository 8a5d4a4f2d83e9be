#include "engine/prefix_store.h"
#include <algorithm>

namespace autark::engine {

std::vector<const PrefixTree::Node*> path_to(const PrefixTree::Node& node) {
  std::vector<const PrefixTree::Node*> path;
  for (const auto* n = &node; n->parent; n = n->parent) path.push_back(n);
  std::ranges::reverse(path);
  return path;
}

void PrefixStore::free_losses() {
  const auto losses = tree_.take_losses();
  for (uint64_t id : losses.copies) {
    if (const auto k = kept_.find(id); k != kept_.end()) k->second.copy.reset();
  }
  for (uint64_t id : losses.pages) kept_.erase(id);
}

// Marks the node last: if there is no memory for a copy, the tree never hears of it, and the job's copy before
// it stays.
void PrefixStore::keep(SequenceState& s, const Stored& stored) {
  if (stored.added.empty()) return;
  if (stored.copy && !stored.copy->copy) tree_.make_room_for_copy();
  free_losses();
  for (size_t i = 0; i < stored.added.size(); ++i) {
    const auto& [node, fresh] = stored.added[i];
    const int64_t at = stored.first + int64_t(i);
    if (fresh)
      kept_[node->id].page.emplace(cache_.share(s, at));
    else
      cache_.replace(s, at, *kept_.at(node->id).page);
  }
  if (!stored.copy) return write(*stored.added.back().node, false);
  auto& copy = kept_.at(stored.copy->id).copy;
  if (!copy) {
    auto saved = cache_.save(s);
    if (!saved) return;
    copy.emplace(std::move(*saved));
  }
  tree_.mark(stored.copy, stored.weight, stored.lasting);
  if (stored.replaces) tree_.demote(stored.replaces, stored.keeps_replaced);
  write(*stored.copy, stored.lasting || stored.copy->depth % kCopyStride == 0);
}

std::vector<const Page*> PrefixStore::pages_to(const PrefixTree::Node& node) const {
  std::vector<const Page*> pages;
  for (const auto* n : path_to(node)) pages.push_back(&*kept_.at(n->id).page);
  return pages;
}

void PrefixStore::restore(SequenceState& s, const PrefixTree::Node& node) const {
  if (tree_.options().anywhere) return cache_.restore(s, pages_to(node));
  AUTARK_CHECK(cache_.restore(s, *kept_.at(node.id).copy));
}

void PrefixStore::keep_page(const PrefixTree::Node& node, std::span<const std::byte> page) {
  kept_[node.id].page.emplace(cache_.page_of(page));
}

bool PrefixStore::keep_copy(const PrefixTree::Node& node, std::span<const std::byte> rings, int64_t ahead) {
  auto copy = cache_.snapshot_of(pages_to(node), rings, ahead);
  if (copy) kept_.at(node.id).copy.emplace(std::move(*copy));
  return copy.has_value();
}

std::vector<Sha256> PrefixStore::names_to(const PrefixTree::Node& node) {
  std::vector<Sha256> names;
  for (const auto* n : path_to(node)) {
    auto& name = kept_.at(n->id).name;
    if (!name) {
      const Sha256 parent = names.empty() ? Sha256{} : names.back();
      name = block_name(parent, tree_.is_public(*n), n->domain->name, n->key->second);
    }
    names.push_back(*name);
  }
  return names;
}

// The pages up to the node that are not on the disk yet, from the first on, and its copy. Stops when the queue has no
// room; the rest is tried again when a job extends this path.
void PrefixStore::write(const PrefixTree::Node& node, bool copy) {
  if (!disk_) return;
  auto names = names_to(node);
  const auto path = path_to(node);
  const StateLayout& layout = cache_.layout();
  std::vector<Entry> entries;
  int64_t room = disk_->room();
  const auto wants = [&](const EntryId& id, int64_t bytes) {
    if (room < 0 || disk_->has(id)) return false;
    room = room < bytes ? -1 : room - bytes;  // the first that does not fit is the last one
    if (room < 0) disk_->skip();
    return room >= 0;
  };
  for (size_t i = 0; layout.page_bytes > 0 && i < path.size(); ++i) {
    const EntryId id{names[i], EntryKind::page};
    if (wants(id, layout.page_bytes))
      entries.push_back({id, 0, cache_.bytes_of(*kept_.at(path[i]->id).page)});
  }
  if (const EntryId id{names.back(), EntryKind::copy}; copy && wants(id, layout.ring_bytes)) {
    const Snapshot& from = *kept_.at(node.id).copy;
    entries.push_back({id, from.ahead(), {from.copy().begin(), from.copy().end()}});
  }
  if (!entries.empty()) disk_->write(std::move(entries), std::move(names));
}

}  // namespace autark::engine

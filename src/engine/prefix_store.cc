#include "engine/prefix_store.h"
#include <algorithm>

namespace autark::engine {

void PrefixStore::free_losses() {
  const auto losses = tree_.take_losses();
  for (uint64_t id : losses.copies) {
    if (const auto k = kept_.find(id); k != kept_.end()) k->second.copy.reset();
  }
  for (uint64_t id : losses.pages) kept_.erase(id);
}

// Marks the node last: if there is no memory for a copy, the tree never hears of it.
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
  if (!stored.copy) return;
  auto& copy = kept_.at(stored.copy->id).copy;
  if (!copy) {
    auto saved = cache_.save(s);
    if (!saved) return;
    copy.emplace(std::move(*saved));
  }
  tree_.mark(stored.copy, stored.weight, stored.lasting);
}

void PrefixStore::restore(SequenceState& s, const PrefixTree::Node& node) const {
  if (!tree_.options().anywhere) {
    AUTARK_CHECK(cache_.restore(s, *kept_.at(node.id).copy));
    return;
  }
  std::vector<const Page*> pages;
  for (const auto* n = &node; n->parent; n = n->parent) pages.push_back(&*kept_.at(n->id).page);
  std::ranges::reverse(pages);
  cache_.restore(s, pages);
}

}  // namespace autark::engine

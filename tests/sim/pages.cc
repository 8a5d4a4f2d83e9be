#include "pages.h"
#include <algorithm>
#include <utility>

namespace autark::sim {

void Pages::fault(const char* what, uint64_t id) {
  faults_.push_back(std::string(what) + " " + std::to_string(id));
}

void Pages::hold(int64_t page) {
  const auto h = holders_.find(page);
  if (h == holders_.end()) return fault("a free page is held:", uint64_t(page));
  ++h->second;
}

void Pages::drop(int64_t page) {
  const auto h = holders_.find(page);
  if (h == holders_.end()) return fault("a page is freed twice:", uint64_t(page));
  if (--h->second == 0) holders_.erase(h);
}

void Pages::reserve(Owned& job, int64_t pages) {
  while (std::ssize(job) < pages) {
    job.push_back(++last_page_);
    holders_[last_page_] = 1;
  }
}

void Pages::restore(Owned& job, const engine::PrefixTree::Node& node) {
  if (!job.empty()) fault("a job that runs is admitted behind node", node.id);
  for (const auto* n = &node; n->parent; n = n->parent) {
    const auto k = kept_.find(n->id);
    if (k == kept_.end()) return fault("a job starts behind a node whose page is gone:", n->id);
    hold(k->second.page);
    job.push_back(k->second.page);
  }
  std::ranges::reverse(job);
  if (!tree_.options().anywhere && !kept_.at(node.id).copy)
    fault("a job starts without a copy of node", node.id);
}

void Pages::keep(Owned& job, const engine::Stored& stored, bool saves) {
  if (stored.added.empty()) return;
  if (stored.copy && !stored.copy->copy) tree_.make_room_for_copy();
  free_losses();
  for (size_t i = 0; i < stored.added.size(); ++i) {
    const auto& [node, fresh] = stored.added[i];
    int64_t& page = job.at(size_t(stored.first) + i);
    if (fresh && !kept_.try_emplace(node->id, Kept{page, false}).second)
      fault("a node is new twice:", node->id);
    if (!fresh) drop(std::exchange(page, kept_.at(node->id).page));
    hold(page);
  }
  if (!stored.copy || !saves) return;
  copies_ += !std::exchange(kept_.at(stored.copy->id).copy, true);
  tree_.mark(stored.copy, stored.weight, stored.lasting);
}

void Pages::free(Owned& job) {
  for (int64_t page : std::exchange(job, {})) drop(page);
}

void Pages::free_losses() {
  const auto losses = tree_.take_losses();
  for (uint64_t id : losses.copies) {
    const auto k = kept_.find(id);
    if (k == kept_.end() || !std::exchange(k->second.copy, false))
      fault("a copy is freed twice: of node", id);
    --copies_;
  }
  for (uint64_t id : losses.pages) {
    const auto k = kept_.find(id);
    if (k == kept_.end()) {
      fault("the page of a node is freed twice:", id);
      continue;
    }
    drop(k->second.page);
    kept_.erase(k);
  }
}

int64_t Pages::idle() const {
  return std::ranges::count_if(kept_, [&](const auto& k) { return holders_.at(k.second.page) == 1; });
}

}  // namespace autark::sim

// The pages and the copies of rings that belong to the nodes of a prefix tree. What it keeps also goes to the
// disk tier, if there is one. Not thread-safe.
#pragma once
#include <map>
#include <optional>
#include "engine/cache.h"
#include "engine/disk_tier.h"
#include "engine/prefix_tree.h"
#include "engine/scheduler.h"

namespace autark::engine {

class PrefixStore {
 public:
  // References must outlive the store.
  PrefixStore(Cache& cache, PrefixTree& tree) : cache_(cache), tree_(tree) {}
  // From now on everything that is kept is written to this disk, too, which must outlive the store.
  void use(DiskTier& disk) { disk_ = &disk; }

  // Frees what the tree has lost. Call after every call to the scheduler or the tree that can lose nodes,
  // before pages are reserved.
  void free_losses();
  // Keeps the pages of the blocks that the tree got from this sequence, and copies its rings if asked to. The
  // sequence then uses the pages of the tree. If it throws, nodes of the tree lack their pages: release the
  // job and clear the tree.
  void keep(SequenceState& s, const Stored& stored);
  // Sets an empty sequence to the state behind a node that has one.
  void restore(SequenceState& s, const PrefixTree::Node& node) const;

  // The same for what was read from the disk. REQUIRES: a page is free.
  void keep_page(const PrefixTree::Node& node, std::span<const std::byte> page);
  // The copy behind a held node. False: there is no room for it, or it is not of this layout.
  bool keep_copy(const PrefixTree::Node& node, std::span<const std::byte> rings, int64_t ahead);

 private:
  struct Kept {
    std::optional<Page> page;
    std::optional<Snapshot> copy;
    std::optional<Sha256> name;  // on the disk; found when it is needed
  };
  std::vector<const Page*> pages_to(const PrefixTree::Node& node) const;
  std::vector<Sha256> names_to(const PrefixTree::Node& node);
  void write(const PrefixTree::Node& node, bool copy);

  Cache& cache_;
  PrefixTree& tree_;
  DiskTier* disk_ = nullptr;
  std::map<uint64_t, Kept> kept_;  // by Node::id
};

// Nodes from the first block to this one.
std::vector<const PrefixTree::Node*> path_to(const PrefixTree::Node& node);

}  // namespace autark::engine

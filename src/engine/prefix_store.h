// The pages and the copies of rings that belong to the nodes of a prefix tree. Not thread-safe.
#pragma once
#include <map>
#include <optional>
#include "engine/cache.h"
#include "engine/prefix_tree.h"
#include "engine/scheduler.h"

namespace autark::engine {

class PrefixStore {
 public:
  // References must outlive the store.
  PrefixStore(Cache& cache, PrefixTree& tree) : cache_(cache), tree_(tree) {}

  // Frees what the tree has lost. Call after every call to the scheduler or the tree that can lose nodes,
  // before pages are reserved.
  void free_losses();
  // Keeps the pages of the blocks that the tree got from this sequence, and copies its rings if asked to. The
  // sequence then uses the pages of the tree.
  void keep(SequenceState& s, const Stored& stored);
  // Sets an empty sequence to the state behind a node that has one.
  void restore(SequenceState& s, const PrefixTree::Node& node) const;

 private:
  struct Kept {
    std::optional<Page> page;
    std::optional<Snapshot> copy;
  };
  Cache& cache_;
  PrefixTree& tree_;
  std::map<uint64_t, Kept> kept_;  // by Node::id
};

}  // namespace autark::engine

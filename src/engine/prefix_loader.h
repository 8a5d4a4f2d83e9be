// Reads the prefix of a request from the disk into the prefix tree, before the request is scheduled. The reading
// is done by the tier's thread in pieces of bounded size, while the engine computes other requests. What is read is
// held until all is there; then it is an ordinary entry of the tree. Without free pages it stops early.
// Not thread-safe; the engine thread owns it.
#pragma once
#include "engine/disk_tier.h"
#include "engine/prefix_store.h"

namespace autark::engine {

class PrefixLoader {
 public:
  // References must outlive the loader.
  PrefixLoader(Cache& cache, PrefixTree& tree, PrefixStore& store, Scheduler& scheduler, DiskTier& disk)
      : cache_(cache), tree_(tree), store_(store), scheduler_(scheduler), disk_(disk) {}
  ~PrefixLoader();

  bool busy() const { return busy_; }
  // The names of the text's blocks, less its last token, if the disk has more of them than the tree; else none.
  std::vector<Sha256> names_if_more(const PrefixTree::Text& text) const;
  // Begins to read that, by these names. If there is nothing more, it stays idle. REQUIRES: it is not busy.
  void begin(const PrefixTree::Text& text, std::vector<Sha256> names);
  // Takes what was read and goes on. Call it after the tier has called `wake`. False: there is more to come.
  bool advance();
  // What is being read is not used: kept state was cleared.
  void drop_read() { dropped_ = true; }
  // The reason that a request hears instead of never_stored, if another program has stored the block behind the
  // first `read` tokens.
  bool other_program_has(const PrefixTree::Text& text, int64_t read) const;

 private:
  struct Plan {
    int64_t known = 0;  // leading blocks that are in the tree
    int64_t end = 0;    // read the blocks up to here; 0: nothing
    std::vector<Sha256> names;
  };
  Plan plan(const PrefixTree::Text& text, std::vector<Sha256> names) const;
  std::vector<Sha256> names_of(const PrefixTree::Text& text, int64_t blocks) const;
  bool has_page(const Sha256& name) const;
  void read_more();
  bool plant(const std::optional<EntryFolder::Loaded>& page);
  bool plant_copy(const std::optional<EntryFolder::Loaded>& copy);
  bool plant_all(const DiskTier::Found& found);
  bool with_copy() const { return !tree_.options().anywhere; }
  PrefixTree::Text text() const { return {hints_, tokens_}; }

  Cache& cache_;
  PrefixTree& tree_;
  PrefixStore& store_;
  Scheduler& scheduler_;
  DiskTier& disk_;
  bool busy_ = false, dropped_ = false;
  PrefixHints hints_;  // of the text that is read, which the request may not outlive
  std::vector<int32_t> tokens_;
  Plan plan_;
  int64_t at_ = 0;                    // blocks that are there
  PrefixTree::Node* held_ = nullptr;  // the last of them
};

}  // namespace autark::engine

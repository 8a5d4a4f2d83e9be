// The pages and copies that an engine would hold, counted one by one: what Cache and PrefixStore do, without
// memory. Faults are collected as sentences.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>
#include "engine/scheduler.h"

namespace autark::sim {

class Pages {
 public:
  using Owned = std::vector<int64_t>;  // the pages of one job, in the order of its tokens

  Pages(engine::PrefixTree& tree, std::vector<std::string>& faults) : tree_(tree), faults_(faults) {}

  // Takes new pages until the job has `pages`.
  void reserve(Owned& job, int64_t pages);
  // The job continues behind a node of the tree. REQUIRES: it has no pages.
  void restore(Owned& job, const engine::PrefixTree::Node& node);
  // The tree got blocks of the job. `saves`: there is memory for a copy of its rings.
  void keep(Owned& job, const engine::Stored& stored, bool saves);
  void free(Owned& job);
  void free_losses();  // what the tree has lost

  int64_t taken() const { return std::ssize(holders_); }
  int64_t kept() const { return std::ssize(kept_); }
  int64_t copies() const { return copies_; }
  int64_t idle() const;  // pages that only the tree holds

 private:
  struct Kept {
    int64_t page = 0;
    bool copy = false;
  };
  void hold(int64_t page);
  void drop(int64_t page);
  void fault(const char* what, uint64_t id);

  engine::PrefixTree& tree_;
  std::vector<std::string>& faults_;
  std::map<int64_t, int> holders_;  // by page
  std::map<uint64_t, Kept> kept_;   // by PrefixTree::Node::id
  int64_t last_page_ = 0, copies_ = 0;
};

}  // namespace autark::sim

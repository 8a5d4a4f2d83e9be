// A tensor-parallel group whose ranks are threads of one process. Tests of chips, models and engine
// run on it.
#pragma once
#include <barrier>
#include <functional>
#include <vector>
#include "cluster/comm.h"

namespace autark {

class ThreadGroup {
 public:
  explicit ThreadGroup(int ranks);
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;
  // The Comm of rank `r`: for use by one thread, valid as long as the group.
  Comm& rank(int r) { return ranks_[r]; }

 private:
  class Rank final : public Comm {
   public:
    Rank(ThreadGroup& group, int rank) : group_(group), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return int(group_.ranks_.size()); }
    void all_sum(std::span<float> x) override;
    void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override;
    void broadcast(std::span<std::byte> bytes) override;

   private:
    // Publishes `mine` to the other ranks and waits until all have done so. The bytes must
    // stay until close().
    void open(std::span<const std::byte> mine);
    void close() { group_.meet_.arrive_and_wait(); }

    ThreadGroup& group_;
    int rank_;
  };

  std::barrier<> meet_;
  std::vector<std::span<const std::byte>> shown_;  // indexed by rank
  std::vector<Rank> ranks_;
};

// Runs work(rank's Comm) for every rank of a new group, each on its own thread; returns when all have ended.
void run_ranks(int ranks, const std::function<void(Comm&)>& work);

}  // namespace autark

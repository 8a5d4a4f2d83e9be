#include "cluster/thread_comm.h"
#include <algorithm>
#include <thread>
#include "base/check.h"

namespace autark {

ThreadGroup::ThreadGroup(int ranks) : meet_(ranks), shown_(ranks) {
  AUTARK_CHECK(ranks > 0);
  for (int r = 0; r < ranks; ++r) ranks_.emplace_back(*this, r);
}

void ThreadGroup::Rank::open(std::span<const std::byte> mine) {
  group_.shown_[rank_] = mine;
  group_.meet_.arrive_and_wait();
  for (const auto& theirs : group_.shown_) AUTARK_CHECK(theirs.size() == mine.size());
}

void ThreadGroup::Rank::all_sum(std::span<float> x) {
  open(std::as_bytes(x));
  std::vector<float> sum(x.size());
  for (const auto& bytes : group_.shown_) {
    const auto* theirs = reinterpret_cast<const float*>(bytes.data());
    for (size_t i = 0; i < x.size(); ++i) sum[i] += theirs[i];
  }
  close();  // no other rank reads x from here on
  std::ranges::copy(sum, x.begin());
}

void ThreadGroup::Rank::all_gather(std::span<const std::byte> mine, std::span<std::byte> all) {
  AUTARK_CHECK(all.size() == mine.size() * group_.shown_.size());
  open(mine);
  auto to = all.begin();
  for (const auto& theirs : group_.shown_) to = std::ranges::copy(theirs, to).out;
  close();
}

void ThreadGroup::Rank::broadcast(std::span<std::byte> bytes) {
  open(bytes);
  if (rank_ != 0) std::ranges::copy(group_.shown_[0], bytes.begin());
  close();
}

void run_ranks(int ranks, const std::function<void(Comm&)>& work) {
  ThreadGroup group(ranks);
  std::vector<std::jthread> threads;
  for (int r = 0; r < ranks; ++r) threads.emplace_back([&, r] { work(group.rank(r)); });
}

}  // namespace autark

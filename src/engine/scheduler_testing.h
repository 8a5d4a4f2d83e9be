// For tests of the scheduler: one with its tree, and the tokens of its jobs.
#pragma once
#include <map>
#include <optional>
#include "engine/scheduler.h"

namespace autark::engine {

class Queue {
 public:
  explicit Queue(const Limits& limits, int block = 8, PrefixTree::Options tree = {})
      : tree_(at(tree, block)), s_(limits, tree_) {}

  // `prompt` tokens that no other job has, or `shared` ones and then such.
  struct Asked {
    uint64_t id = 0;
    int64_t tokens = 0;
    int rows_max = 0;
    int64_t shared = 0;
    std::string domain = {};
    bool reads = true;
    Service service = {};
  };
  // Times are seconds.
  bool submit(const Asked& a, double now) {
    Kept& k = jobs_[a.id];
    for (int64_t i = 0; i < a.tokens; ++i)
      k.tokens.push_back(int32_t(i < a.shared ? i : 1000 * int64_t(a.id) + i));
    k.hints.domain = a.domain;
    return s_.submit({.id = a.id,
                      .tokens = k.tokens,
                      .rows_max = a.rows_max,
                      .reads = a.reads,
                      .hints = &k.hints,
                      .service = a.service},
                     micros(now));
  }
  void append(uint64_t id, int n = 1) {
    Kept& k = jobs_.at(id);
    for (int i = 0; i < n; ++i) k.tokens.push_back(int32_t(1000 * id + k.tokens.size()));
    s_.append(id, k.tokens);
  }
  void set_drafts(uint64_t id, int n) { s_.set_drafts(id, n); }
  void hold(uint64_t id) { s_.hold(id); }
  void release(uint64_t id) { s_.release(id); }
  std::optional<uint64_t> first_held() const { return s_.first_held(); }
  void remove(uint64_t id) {
    s_.remove(id, jobs_.contains(id) ? jobs_[id].tokens : std::vector<int32_t>{});
    jobs_.erase(id);
  }
  Stored store(uint64_t id) {
    const Stored s = s_.store(id);
    if (s.copy) tree_.make_room_for_copy(), tree_.mark(s.copy, s.weight, s.lasting);
    if (s.replaces) tree_.demote(s.replaces, s.keeps_replaced);
    return s;
  }
  Plan next(double now, double step = 0) { return s_.next({micros(now), micros(step)}); }
  std::vector<uint64_t> late(double now) { return s_.late(micros(now)); }
  std::vector<Scheduler::Queued> queue() const { return s_.queue(); }
  int running() const { return s_.running(); }
  int waiting() const { return s_.waiting(); }
  int64_t flows() const { return s_.flows(); }
  int64_t pages_used() const { return s_.pages_used(); }
  int64_t pages_taken() const { return s_.pages_taken(); }
  const PrefixTree& tree() const { return tree_; }
  std::span<const int32_t> tokens(uint64_t id) const { return jobs_.at(id).tokens; }
  const PrefixHints& hints(uint64_t id) const { return jobs_.at(id).hints; }

 private:
  static int64_t micros(double seconds) { return int64_t(seconds * 1e6); }
  static PrefixTree::Options at(PrefixTree::Options o, int block) {
    o.block = block;
    return o;
  }
  struct Kept {
    std::vector<int32_t> tokens;
    PrefixHints hints;
  };
  std::map<uint64_t, Kept> jobs_;
  PrefixTree tree_;
  Scheduler s_;
};

}  // namespace autark::engine

// One seeded life of a scheduler and its prefix tree: users of several domains who chat, flood, abort and set
// deadlines; little memory; a machine whose steps take odd times, and a clock that jumps. After every step it
// checks that the plan keeps its contract, that every page and count is exact, and that nobody waits longer than
// the scheduler's bound. Numbers only: no model, no thread, no real clock.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>
#include "engine/scheduler.h"
#include "pages.h"

namespace autark::sim {

// What happened, summed over steps and seeds.
struct Counts {
  int64_t steps = 0, arrived = 0, refused = 0, finished = 0, cancelled = 0, late = 0, preempted = 0;
  int64_t rows = 0, drafts = 0, read = 0;  // read: tokens that were not computed, of `possible`
  int64_t possible = 0, evicted_all = 0, jumps = 0;
  int64_t mixed_steps = 0, slow_steps = 0;   // slow: a mixed one that took more than three times its decodes
  int64_t wait_max = 0, probe_wait_max = 0;  // steps without a slice; probe: of one request of a new domain
  int64_t probes = 0, overtaken_max = 0;     // overtaken: how often a probe was
  int64_t held = 0;                          // requests whose prefix was read from the disk first
  void add(const Counts& c);
};

class Simulation {
 public:
  explicit Simulation(uint32_t seed);
  ~Simulation();
  void step();
  // Runs without new requests until all have ended.
  void drain();
  const Counts& counts() const { return counts_; }
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  struct Life {
    std::vector<int32_t> tokens;
    engine::PrefixHints hints;
    engine::Service service;
    int64_t prompt = 0, to_generate = 0, computed = 0;
    int64_t arrived_micros = 0;
    int64_t idle_steps = 0;  // since it arrived, lost its state or had a slice
    int drafts = 0, rows_max = 0;
    bool reads = true;
    bool running = false;
    bool probe = false;  // of a domain that is never used again
    bool held = false;   // until its prefix is read from the disk
    int overtaken = 0;   // by requests that were admitted first
    Pages::Owned pages;
  };
  using Lives = std::map<uint64_t, std::unique_ptr<Life>>;

  int pick(int from, int to) { return std::uniform_int_distribution(from, to)(gen_); }
  bool chance(int one_in) { return pick(1, one_in) == 1; }
  int64_t pages_for(int64_t tokens) const { return (tokens + block_ - 1) / block_; }

  void change_weather();
  void arrive();
  std::vector<int32_t> prompt_for(const std::string& domain, int64_t most);
  engine::Service service();
  std::unique_ptr<Life> life_of(const std::string& domain);
  void submit(std::unique_ptr<Life> life);
  void abort_some();
  void end_late();
  void end(uint64_t id);
  void read_some();
  void advance_clock();

  void run_plan();
  void take(const engine::Plan& plan);
  void admit(const engine::Plan::Admitted& a);
  void count_overtaken(uint64_t by);
  void check_slices(const engine::Plan& plan);
  void check_slice(const engine::Slice& s);
  void measure(const engine::Plan& plan);
  void compute(const engine::Plan& plan);
  void compute(const engine::Slice& s);
  void check_counts();
  void check_queue();
  void check_waits(const engine::Plan& plan);
  void expect(bool ok, const std::string& what, uint64_t id = 0);
  void expect_equal(int64_t got, int64_t want, const char* what);

  std::mt19937 gen_;
  const int block_;
  const engine::Limits limits_;
  std::vector<std::string> faults_;
  engine::PrefixTree tree_;
  engine::Scheduler scheduler_;
  Pages pages_;
  Lives lives_;
  std::map<std::string, std::vector<int32_t>> last_texts_;  // by domain: what its last request ended with
  Counts counts_;
  uint64_t last_id_ = 0;
  int64_t now_ = 0, step_micros_ = 0;
  double slowness_ = 1;  // of the machine
  int flood_ = 0;        // the domain that floods; 0: none
};

}  // namespace autark::sim

// The work that `bench` times: sequences that are read one after the other and then written together.
#pragma once
#include <memory>
#include <vector>
#include "engine/forward.h"

namespace autark::apps {

class SpeedRun {
 public:
  // REQUIRES: the cache has room for so many sequences, each of its whole context.
  SpeedRun(const Model& m, Chip& on, engine::Cache& cache, int sequences);

  // Tokens before all others. fill() gives them synthetic state, skip() only counts them.
  void fill(int64_t tokens);
  void skip(int64_t tokens);
  void read(int tokens, int chunk);  // of each sequence
  void write(int tokens);            // of each sequence, always the likeliest

 private:
  struct Sequence {
    std::unique_ptr<engine::SequenceState> state;
    int32_t next = 0;
  };
  void read(int number, int tokens, int chunk);

  int64_t vocabulary_;
  Chip& on_;
  engine::Cache& cache_;
  engine::Forward forward_;
  std::vector<Sequence> sequences_;
};

}  // namespace autark::apps

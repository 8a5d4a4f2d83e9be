// Predicts how long a step takes, from the times that earlier steps took:
//
//   microseconds ≈ Σ weight · feature, weights ≥ 0
//   features: 1, decoding requests, rows, min(rows, 64), min(rows, 8), depths of decodes, depths of prompt rows
//
// So the time never falls when rows or depth are added, and never rises faster with many rows than with few: the
// weights of the model are read once for all rows of a step, and rows that share experts read them once.
//
// Steps of similar size are averaged in a cell. The weights are fitted to the cells, old ones counting less, by
// their relative errors. A factor for all cells follows a machine that becomes slower. One odd time, for example after the machine slept, moves a cell by half at most.
// Deterministic: the same calls give the same predictions on every rank.
#pragma once
#include <array>
#include <cstdint>
#include <map>

namespace autark::engine {

// What a step computes.
struct StepLoad {
  int64_t decodes = 0;       // requests that decode
  int64_t rows = 0;          // all: decodes, drafts, prompts
  int64_t decode_depth = 0;  // tokens before the rows of decodes and drafts, summed over these rows
  int64_t prompt_depth = 0;  // the same of prompt rows
  void add_decode(int64_t first, int64_t count);  // `count` rows: one and its drafts
  void add_prompt(int64_t first, int64_t count);
};

class StepCost {
 public:
  // A step took so many microseconds. Times are rounded to five binary digits. Zero and less are ignored.
  void learn(const StepLoad& load, int64_t micros);
  bool known() const { return !cells_.empty(); }
  double micros(const StepLoad& load) const;  // REQUIRES: known()
  // How many rows of a prompt, from token `first` on, a step of this load can have in addition so that it takes
  // at most `micros`: 0 … most. At most twice as many rows as the largest step that was measured.
  int64_t rows_within(const StepLoad& load, int64_t first, int64_t most, double micros) const;

 private:
  static constexpr int kFeatures = 7;
  using Features = std::array<double, kFeatures>;
  struct Cell {
    Features mean = {};
    double micros = 0;  // divided by slowness_
    int64_t steps = 0, used = 0;
  };
  static Features features(const StepLoad& load);
  static int cell_of(const StepLoad& load);
  double within_reason(const StepLoad& load, const Cell& cell, double micros) const;
  void note_error(const StepLoad& load, double ratio);
  void fit();

  std::map<int, Cell> cells_;
  Features weights_ = {};
  double slowness_ = 1;     // of the machine now, for all cells: other programs and heat come and go
  double mixed_error_ = 1;  // mean of measured / predicted, of steps with decodes and prompt rows
  int64_t rows_seen_ = 0, steps_ = 0;
};

}  // namespace autark::engine

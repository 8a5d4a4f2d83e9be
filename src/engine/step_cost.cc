#include "engine/step_cost.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include "base/check.h"

namespace autark::engine {

namespace {

constexpr int64_t kDigits = 5;
constexpr double kMemory = 8;           // steps over which a cell averages
constexpr double kSpeedMemory = 32;     // and the speed of the machine
constexpr double kOldSteps = 1024;      // a cell that was not used for so long counts half
constexpr double kJump = 4, kNew = 16;  // bounds of one time, relative to its cell or to the prediction
constexpr int kSweeps = 8;

int64_t rounded(int64_t micros) {
  const int drop = std::max<int>(0, int(std::bit_width(uint64_t(micros))) - int(kDigits));
  return micros >> drop << drop;
}

bool is_mixed(const StepLoad& l) {
  return l.decodes > 0 && l.prompt_depth > 0;
}

double depths(int64_t first, int64_t count) {
  return double(count) * (double(first) + double(count + 1) / 2);
}

}  // namespace

void StepLoad::add_decode(int64_t first, int64_t count) {
  ++decodes;
  rows += count;
  decode_depth += int64_t(depths(first, count));
}

void StepLoad::add_prompt(int64_t first, int64_t count) {
  rows += count;
  prompt_depth += int64_t(depths(first, count));
}

// Depths in units of 1024, so that all features are of similar size.
StepCost::Features StepCost::features(const StepLoad& l) {
  const double rows = double(l.rows);
  return {rows,
          1,
          double(l.decodes),
          std::min(rows, 64.),
          std::min(rows, 8.),
          double(l.decode_depth) / 1024,
          double(l.prompt_depth) / 1024};
}

// Octaves of rows, four-fold steps of depth, and whether there are decodes, prompt rows or both.
int StepCost::cell_of(const StepLoad& l) {
  const int kind = (l.decodes > 0) + 2 * (l.prompt_depth > 0);
  const int rows = int(std::bit_width(uint64_t(l.rows)));
  const int depth = int(std::bit_width(uint64_t(l.decode_depth + l.prompt_depth) >> 12) / 2);
  return (kind * 64 + rows) * 64 + depth;
}

double StepCost::micros(const StepLoad& load) const {
  AUTARK_CHECK(known());
  const Features x = features(load);
  double sum = 0;
  for (int i = 0; i < kFeatures; ++i) sum += weights_[i] * x[i];
  return sum * slowness_;
}

double StepCost::within_reason(const StepLoad& load, const Cell& cell, double micros) const {
  const double mean = cell.micros * slowness_;
  if (cell.steps > 0) return std::clamp(micros, mean / kJump, mean * kJump);
  if (!known() || this->micros(load) <= 0) return micros;
  return std::clamp(micros, this->micros(load) / kNew, this->micros(load) * kNew);
}

// `ratio`: measured / predicted.
void StepCost::note_error(const StepLoad& load, double ratio) {
  if (is_mixed(load)) mixed_error_ += (ratio - mixed_error_) / kMemory;
  slowness_ *= 1 + (ratio - 1) / kSpeedMemory;
}

void StepCost::learn(const StepLoad& load, int64_t measured) {
  if (measured <= 0 || load.rows <= 0) return;
  const auto known_cell = cells_.find(cell_of(load));
  const Cell before = known_cell == cells_.end() ? Cell{} : known_cell->second;
  const double micros = within_reason(load, before, double(rounded(measured)));
  if (known() && this->micros(load) > 0) note_error(load, std::clamp(micros / this->micros(load), .25, 4.));
  Cell& cell = cells_[cell_of(load)];
  const double share = std::max(1 / kMemory, 1 / double(++cell.steps));
  const Features x = features(load);
  for (int i = 0; i < kFeatures; ++i) cell.mean[i] += share * (x[i] - cell.mean[i]);
  cell.micros += share * (micros / slowness_ - cell.micros);
  cell.used = ++steps_;
  rows_seen_ = std::max(rows_seen_, load.rows);
  fit();
}

// Least squares of the relative errors by coordinate descent, which keeps the weights positive and stays near the
// last ones where the cells do not tell.
void StepCost::fit() {
  std::array<Features, kFeatures> a = {};
  Features b = {};
  for (const auto& [key, c] : cells_) {
    const double w = 1 / (1 + double(steps_ - c.used) / kOldSteps);
    for (int i = 0; i < kFeatures; ++i) {
      b[i] += w * c.mean[i] / c.micros;
      for (int j = 0; j < kFeatures; ++j) a[i][j] += w * c.mean[i] * c.mean[j] / (c.micros * c.micros);
    }
  }
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (int i = 0; i < kFeatures; ++i) {
      if (a[i][i] <= 0) continue;
      double left = b[i];
      for (int j = 0; j < kFeatures; ++j) left -= a[i][j] * weights_[j];
      weights_[i] = std::max(0., weights_[i] + left / a[i][i]);
    }
  }
}

int64_t StepCost::rows_within(const StepLoad& load, int64_t first, int64_t most, double limit) const {
  AUTARK_CHECK(known());
  int64_t fits = 0, beyond = std::min(most, 2 * rows_seen_ - load.rows) + 1;
  while (fits + 1 < beyond) {
    const int64_t rows = (fits + beyond) / 2;
    StepLoad with = load;
    with.add_prompt(first, rows);
    (micros(with) * std::max(1., mixed_error_) <= limit ? fits : beyond) = rows;
  }
  return fits;
}

}  // namespace autark::engine

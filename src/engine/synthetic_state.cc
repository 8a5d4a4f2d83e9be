#include "engine/synthetic_state.h"
#include <cmath>
#include <random>
#include <vector>

namespace autark::engine {
namespace {

// A part takes its rows from a run of random ones, and begins at another of these for every part.
constexpr int kStarts = 61;

class Values {
 public:
  explicit Values(uint64_t seed) : bits_(seed) {}
  // Uniform, with mean 0 and variance 1.
  float next() { return float((double(bits_() >> 11) * 0x1p-53 - 0.5) * std::sqrt(12.0)); }

 private:
  std::mt19937_64 bits_;
};

std::vector<std::byte> random_rows(const StateLayout::Place& p, int64_t rows, Values& values) {
  const int64_t width = p.spec.row.numel(), bytes = row_bytes(p.stored, width);
  std::vector<std::byte> all(rows * bytes);
  std::vector<float> row(width);
  for (int64_t i = 0; i < rows; ++i) {
    for (float& v : row) v = values.next();
    quantise(p.simulated, row);
    encode(p.stored, row, all.data() + i * bytes);
  }
  return all;
}

void fill(const StateLayout::Place& p, std::span<std::byte* const> parts, Chip& on, Values& values) {
  const std::vector<std::byte> rows = random_rows(p, p.page_rows + kStarts, values);
  const int64_t bytes = row_bytes(p.stored, p.spec.row.numel());
  for (size_t i = 0; i < parts.size(); ++i) {
    const int64_t start = int64_t(i) % kStarts;
    on.copy_in(std::span(rows).subspan(start * bytes, p.page_rows * bytes), parts[i]);
  }
}

}  // namespace

void fill_synthetic(const Cache& cache, Chip& on, SequenceState& s, int64_t tokens, uint64_t seed) {
  AUTARK_CHECK(s.length() == 0 && s.capacity() >= tokens);
  Values values(seed);
  const auto& layers = cache.layout().layers;
  for (int layer = 0; layer < int(layers.size()); ++layer) {
    for (int stream = 0; stream < int(layers[layer].size()); ++stream)
      fill(layers[layer][stream], s.parts(cache.stream_at(layer, stream)), on, values);
  }
  s.advance(tokens);
}

}  // namespace autark::engine

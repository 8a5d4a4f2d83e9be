#include "chips/cpu/testing.h"
#include <algorithm>
#include <cstring>
#include <random>
#include <utility>
#include "chips/cpu/prepare.h"
#include "tensor/int4.h"
#include "tensor/minifloat.h"

namespace autark::cpu_testing {

std::vector<Format> block_formats() {
  std::vector<Format> all(std::begin(kFormats), std::end(kFormats));
  std::erase_if(all, [](Format f) { return !takes_rounded(kind_of(f)); });
  return all;
}

std::vector<float> random_values(int64_t n, uint32_t seed) {
  std::mt19937 g(seed);
  std::normal_distribution<float> d;
  std::vector<float> x(n);
  for (float& v : x) v = d(g);
  return x;
}

int64_t fitting(Format f, int64_t cols) {
  const int64_t b = has_runs(f) ? kRunLength : block_values(f);
  return (cols + b - 1) / b * b;
}

Matrix::Matrix(Format f, int64_t experts, int64_t rows, int64_t cols, uint32_t seed) {
  for (int64_t e = 0; e < experts; ++e) add_part(f, rows, cols, seed + e);
  for (size_t e = 0; e < codes.size(); ++e) parts.push_back({codes[e].data(), scales[e].data()});
  weight = {f, experts > 1 ? Shape{experts, rows, cols} : Shape{rows, cols}, parts};
}

Matrix::Matrix(Format f, int64_t rows, int64_t cols, uint32_t seed) : Matrix(f, 1, rows, cols, seed) {}
Matrix::~Matrix() = default;

void Matrix::add_part(Format f, int64_t rows, int64_t cols, uint32_t seed) {
  auto& c = codes.emplace_back(rows * row_bytes(f, cols) + 1);
  auto& s = scales.emplace_back();
  const std::vector<float> x = random_values(rows * cols, seed);
  if (f == Format::fp8_e4m3_b128x128) {
    for (int64_t i = 0; i < rows * cols; ++i) c[i] = std::byte{encode_e4m3(x[i] * 64)};
    for (int64_t i = 0; i < (rows + 127) / 128 * ((cols + 127) / 128); ++i)
      s.push_back(std::byte(118 + i % 4));
  } else if (f == Format::e2m1_b32) {
    for (int64_t i = 0; i < rows * cols; i += 2)
      c[i / 2] = std::byte(encode_e2m1(2 * x[i]) | encode_e2m1(2 * x[i + 1]) << 4);
    for (int64_t i = 0; i < rows * cols / 32; ++i) s.push_back(std::byte(124 + i % 5));
  } else if (f == Format::int4_b32) {
    s.resize(rows * cols / 16);
    for (int64_t i = 0; i < rows * cols; i += 32) {
      const uint16_t d = encode_int4(&x[i], reinterpret_cast<uint8_t*>(&c[i / 2]));
      std::memcpy(&s[i / 16], &d, 2);
    }
  } else {
    for (int64_t r = 0; r < rows; ++r) {
      std::span<const float> row(&x[r * cols], cols);
      encode(f, row, c.data() + r * row_bytes(f, cols));
    }
  }
}

std::vector<float> Matrix::row(int64_t expert, int64_t r) const {
  std::vector<float> x(weight.cols());
  decode_row(weight.shape.rank == 3 ? weight.expert(expert) : weight, r, x);
  return x;
}

Tensor floats(Chip& on, Shape s, const std::vector<float>& x) {
  Tensor t = on.scratch(s);
  std::copy(x.begin(), x.end(), t.f32());
  return t;
}

Vector vector_of(const Tensor& t) {
  return {t.f32(), t.shape};
}

Tensor ints(Chip& on, const std::vector<int32_t>& x) {
  Tensor t = on.scratch({std::ssize(x)}, Format::i32);
  std::copy(x.begin(), x.end(), t.i32());
  return t;
}

std::vector<float> values(Chip& on, const Tensor& t) {
  on.wait();
  return {t.f32(), t.f32() + t.shape.numel()};
}

std::unique_ptr<Chip> cpu(const ChipOptions& o) {
  auto chip = make_chip("cpu", o);
  if (!chip) {
    ADD_FAILURE() << chip.error().message;
    return nullptr;
  }
  return std::move(*chip);
}

State::State(Format record, int64_t width, int window_rows, int ring, int page_rows, int sequences)
    : record_(record),
      width_(width),
      window_rows_(window_rows),
      ring_(ring),
      page_rows_(page_rows),
      pages_(sequences),
      tables_(sequences),
      views_(sequences) {}

State::~State() = default;

StateView State::view(std::span<const Span> spans, std::span<const int64_t> lengths) {
  for (size_t i = 0; i < spans.size(); ++i) {
    const int64_t need = ring_ ? ring_ : lengths[i] + spans[i].count;
    while (std::ssize(pages_[i]) * page_rows_ < need)
      pages_[i].emplace_back(page_rows_ * row_bytes(record_, width_), std::byte{0xff});
    tables_[i].clear();
    for (auto& p : pages_[i]) tables_[i].push_back(p.data());
    views_[i] = tables_[i];
  }
  return {.stored = record_,
          .simulated = record_,
          .width = width_,
          .window_rows = window_rows_,
          .ring = ring_,
          .page_rows = page_rows_,
          .sequences = spans,
          .pages = views_,
          .length = lengths};
}

}  // namespace autark::cpu_testing

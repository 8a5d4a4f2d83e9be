// Measures products of the cpu chip by format: one row (decoding) as GB/s of prepared weights, 8 and 512
// rows (prefill) as GOP/s, beside the machine's peaks measured in the same run. Time is the CPU time of the
// process divided by its threads, and the best of several rounds counts: other work on the machine disturbs
// wall clocks more than CPU times.
//
//   linear_bench [threads [out in]]
#include <time.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <vector>
#include "chips/registry.h"

namespace autark {
namespace {

constexpr Format kFormats[] = {Format::f32,  Format::bf16, Format::q8_0, Format::q4_0,
                               Format::q4_1, Format::q5_0, Format::q5_1, Format::q4_k,
                               Format::q5_k, Format::q6_k, Format::mxfp4};

double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Matrix {
  Matrix(Format f, int64_t out, int64_t in) : codes(out * row_bytes(f, in)) {
    std::mt19937 gen(1);
    std::normal_distribution<float> normal;
    std::vector<float> row(in);
    for (float& v : row) v = normal(gen);
    for (int64_t r = 0; r < out; ++r) encode(f, row, codes.data() + r * row_bytes(f, in));
    part = {codes.data(), nullptr};
    weight = {f, {out, in}, {&part, 1}};
  }
  std::vector<std::byte> codes;
  Part part;
  Weight weight;
};

// The CPU seconds per thread of one product with `rows` rows, in the best round.
double seconds_of(Chip& on, int threads, const Weight& w, int64_t rows) {
  double best = 1e9;
  const int64_t work = rows * w.rows() * w.cols();
  const int repeats = static_cast<int>(std::clamp<int64_t>((int64_t{1} << 26) / work, 1, 200));
  for (int round = 0; round < 8; ++round) {
    on.reset();
    Tensor x = on.scratch({rows, w.cols()});
    for (int64_t i = 0; i < rows * w.cols(); ++i) x.f32()[i] = static_cast<float>(i % 17) - 8;
    for (int i = 0; i < repeats; ++i) on.linear(x, w);
    const double begin = cpu_seconds();
    on.wait();
    if (round) best = std::min(best, (cpu_seconds() - begin) / repeats / threads);
  }
  return best;
}

int run(int threads, int64_t out, int64_t in) {
  auto speed = measure_machine({.threads = threads});
  auto chip = make_chip("cpu", {.inputs = Rounding::Inputs::int8, .threads = threads});
  if (!speed || !chip) {
    std::fprintf(stderr, "%s\n", (speed ? chip.error() : speed.error()).message.c_str());
    return 1;
  }
  std::printf("%s, %d threads: reads %.1f GB/s, %.0f GFLOP/s, %.0f GOP/s; matrix %lld x %lld\n",
              speed->isa.c_str(), speed->threads, speed->read_gb_per_second, speed->f32_gflop_per_second,
              speed->int8_gop_per_second, static_cast<long long>(out), static_cast<long long>(in));
  std::printf("%-6s %14s %14s %14s\n", "format", "1 row GB/s", "8 rows GOP/s", "512 rows GOP/s");
  std::deque<Matrix> kept;  // the chip identifies a matrix by its address
  for (const Format f : kFormats) {
    const Matrix& m = kept.emplace_back(f, out, in);
    const double ops = 2.0 * static_cast<double>(out * in), bytes = static_cast<double>(bytes_of(m.weight));
    std::printf("%-6s %14.1f %14.0f %14.0f\n", name_of(f),
                bytes / 1e9 / seconds_of(**chip, speed->threads, m.weight, 1),
                8 * ops / 1e9 / seconds_of(**chip, speed->threads, m.weight, 8),
                512 * ops / 1e9 / seconds_of(**chip, speed->threads, m.weight, 512));
  }
  return 0;
}

}  // namespace
}  // namespace autark

int main(int argc, char** argv) {
  const auto number = [&](int i, int64_t otherwise) { return argc > i ? std::atoll(argv[i]) : otherwise; };
  return autark::run(static_cast<int>(number(1, 0)), number(2, 4864), number(3, 1024));
}

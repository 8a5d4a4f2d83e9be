// Measures products of the cpu chip by format. Few rows (decoding): the share of the read bandwidth, with at
// least `megabytes` of weights (1,024: more than caches hold), read once per pass; bandwidth and products are
// measured in turns. 512 rows (prefill): GOP/s of one thread's CPU time, since other work on the machine disturbs
// wall clocks more than CPU times. The best of several rounds counts.
//
//   linear_bench [threads [out in [megabytes [rounds [format]]]]]
#include <time.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <vector>
#include "chips/registry.h"

namespace autark {
namespace {

constexpr Format kFormats[] = {Format::f32,  Format::f16,  Format::bf16, Format::fp8_e4m3_b128x128,
                               Format::q8_0, Format::q4_0, Format::q4_1, Format::q5_0,
                               Format::q5_1, Format::q4_k, Format::q5_k, Format::q6_k,
                               Format::mxfp4};
constexpr int64_t kRows[] = {1, 2, 4, 8};

struct Settings {
  int threads;
  int64_t out, in, megabytes;
  int rounds;
  const char* only;  // the format's name, or null
};

double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Matrix {
  Matrix(Format f, int64_t out, int64_t in, Round inputs)
      : codes(out * row_bytes(f, in)), scales(tiles(out) * tiles(in), std::byte{120}) {
    std::mt19937 gen(1);
    std::normal_distribution<float> normal;
    std::vector<float> row(in);
    for (float& v : row) v = normal(gen);
    if (f == Format::fp8_e4m3_b128x128) {
      for (std::byte& c : codes) c = static_cast<std::byte>((gen() & 0xbf) | 8);  // no subnormal one
    } else {
      encode(f, row, codes.data());
      for (int64_t r = 1; r < out; ++r)
        std::memcpy(codes.data() + r * row_bytes(f, in), codes.data(), row_bytes(f, in));
    }
    part = {codes.data(), scales.data()};
    weight = {f, {out, in}, {&part, 1}, inputs};
  }
  std::vector<std::byte> codes, scales;
  Part part;
  Weight weight;
};

Tensor rows_of(Chip& on, int64_t rows, int64_t cols) {
  Tensor x = on.scratch({rows, cols});
  for (int64_t i = 0; i < rows * cols; ++i) x.f32()[i] = static_cast<float>(i % 17) - 8;
  return x;
}

// Seconds of one pass over all the matrices, with `rows` rows each.
double pass(Chip& on, const std::deque<Matrix>& all, int64_t rows) {
  on.reset();
  const Tensor x = rows_of(on, rows, all[0].weight.cols());
  for (const Matrix& m : all) on.linear(x, m.weight);
  const double begin = wall_seconds();
  on.wait();
  return wall_seconds() - begin;
}

// GOP/s of a thread's CPU time, 512 rows.
double many_rows(Chip& on, const Settings& s, const Weight& w) {
  constexpr int64_t kMany = 512;
  double best = 1e9;
  for (int round = 0; round < s.rounds; ++round) {
    on.reset();
    on.linear(rows_of(on, kMany, w.cols()), w);
    const double begin = cpu_seconds();
    on.wait();
    best = std::min(best, (cpu_seconds() - begin));
  }
  return 2e-9 * static_cast<double>(kMany * w.rows() * w.cols()) / best;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

void measure(const Settings& s, Format f, Rounding::Inputs inputs) {
  auto chip = *make_chip("cpu", {.inputs = inputs, .threads = s.threads});
  const bool official = inputs == Rounding::Inputs::official;
  std::deque<Matrix> all;  // the chip knows a matrix by its address
  double bytes = 0;
  while (bytes < 1e6 * static_cast<double>(s.megabytes))
    bytes += static_cast<double>(bytes_of(
        all.emplace_back(f, s.out, s.in, f == Format::bf16 ? Round::bf16 : Round::e4m3_b128).weight));
  pass(*chip, all, 1);
  double read = 0, best[std::size(kRows)] = {};
  std::vector<double> shares[std::size(kRows)];
  for (int round = 0; round < s.rounds; ++round) {
    const double now = measure_machine({.threads = s.threads}, 0.15)->read_gb_per_second;
    read = std::max(read, now);
    pass(*chip, all, 1);  // writes back what the measurement left in the caches
    for (size_t i = 0; i < std::size(kRows); ++i) {
      const double speed = bytes / 1e9 / pass(*chip, all, kRows[i]);
      best[i] = std::max(best[i], speed);
      shares[i].push_back(speed / now);
    }
  }
  std::printf("%-9s%-9s %6.1f ", name_of(f), official ? "official" : "", read);
  for (size_t i = 0; i < std::size(kRows); ++i)
    std::printf(" %6.1f %3.0f/%3.0f", best[i], 100 * best[i] / read, 100 * median(shares[i]));
  std::printf(" %8.0f\n", many_rows(*chip, s, all[0].weight));
  std::fflush(stdout);
}

int run(const Settings& s) {
  auto speed = measure_machine({.threads = s.threads});
  if (!speed) {
    std::fprintf(stderr, "%s\n", speed.error().message.c_str());
    return 1;
  }
  std::printf(
      "%s, %d threads: reads %.1f GB/s, %.0f GFLOP/s, bf16 %.0f GFLOP/s, %.0f GOP/s; matrices %lld x %lld, "
      "%lld MB\n",
      speed->isa.c_str(), speed->threads, speed->read_gb_per_second, speed->f32_gflop_per_second,
      speed->bf16_gflop_per_second.value_or(0), speed->int8_gop_per_second, static_cast<long long>(s.out),
      static_cast<long long>(s.in), static_cast<long long>(s.megabytes));
  std::printf("rows 1, 2, 4, 8: best GB/s, best/median %% of what was read in the same rounds\n");
  for (const Format f : kFormats) {
    if (s.only && std::strcmp(s.only, name_of(f))) continue;
    measure(s, f, Rounding::Inputs::int8);
    if (f != Format::f32 && f != Format::f16) measure(s, f, Rounding::Inputs::official);
  }
  return 0;
}

}  // namespace
}  // namespace autark

int main(int argc, char** argv) {
  const auto number = [&](int i, int64_t otherwise) { return argc > i ? std::atoll(argv[i]) : otherwise; };
  return autark::run({.threads = static_cast<int>(number(1, 0)),
                      .out = number(2, 4096),
                      .in = number(3, 4096),
                      .megabytes = number(4, 1024),
                      .rounds = static_cast<int>(number(5, 7)),
                      .only = argc > 6 ? argv[6] : nullptr});
}

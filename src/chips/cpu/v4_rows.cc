#include "chips/cpu/v4_rows.h"
#include <algorithm>
#include <cstring>
#include "tensor/v4_records.h"

namespace autark {
namespace {

// Whether the kernels serve a record of n values: whole runs.
bool serves_kv(int64_t n) {
  return n > v4::kRotary && (n - v4::kRotary) % v4::kKvBlock == 0;
}
bool serves_key(int64_t n) {
  return n % v4::kKeyBlock == 0;
}

bool serves(Format f, int64_t n) {
  return (f == Format::v4_kv584 && serves_kv(n)) || (f == Format::v4_key68 && serves_key(n));
}

void encode_row(const V4Kernels& k, Format f, const float* x, int64_t n, std::byte* to) {
  auto* row = reinterpret_cast<unsigned char*>(to);
  if (!serves(f, n)) return encode(f, {x, static_cast<size_t>(n)}, to);
  f == Format::v4_kv584 ? k.encode_kv(x, n, row) : k.encode_key(x, n, row);
}
void decode_row(const V4Kernels& k, Format f, const std::byte* from, int64_t n, float* x) {
  const auto* row = reinterpret_cast<const unsigned char*>(from);
  if (!serves(f, n)) return decode(f, from, {x, static_cast<size_t>(n)});
  f == Format::v4_kv584 ? k.decode_kv(row, n, x) : k.decode_key(row, n, x);
}

constexpr int64_t kRowBytesMax = 16 << 10;

}  // namespace

std::byte* record_of(const StateView& r, int64_t seq, int64_t row) {
  const int64_t slot = r.ring ? row % r.ring : row, page = slot / r.page_rows;
  AUTARK_CHECK(page < std::ssize(r.pages[seq]));
  return r.pages[seq][page] + slot % r.page_rows * row_bytes(r.stored, r.width);
}

void load_row(const V4Kernels& k, const StateView& r, int64_t seq, int64_t row, float* out) {
  decode_row(k, r.stored, record_of(r, seq, row), r.width, out);
}

void store_row(const V4Kernels& k, const StateView& r, int64_t seq, int64_t row, const float* x) {
  std::byte* to = record_of(r, seq, row);
  if (r.stored != Format::f32) return encode_row(k, r.stored, x, r.width, to);
  quantise_row(k, r.simulated, x, r.width, reinterpret_cast<float*>(to));
}

void as_stored(const V4Kernels& k, const StateView& r, const float* x, float* out) {
  if (r.stored == Format::f32) return quantise_row(k, r.simulated, x, r.width, out);
  std::byte bytes[kRowBytesMax];
  AUTARK_CHECK(row_bytes(r.stored, r.width) <= kRowBytesMax);
  encode_row(k, r.stored, x, r.width, bytes);
  decode_row(k, r.stored, bytes, r.width, out);
}

void quantise_row(const V4Kernels& k, Format f, const float* x, int64_t n, float* out) {
  if (f == Format::v4_key68 && serves_key(n)) return k.quantise_key(x, n, out);
  if (f == Format::v4_kv584 && serves_kv(n)) {
    std::byte bytes[kRowBytesMax];
    AUTARK_CHECK(row_bytes(f, n) <= kRowBytesMax);
    encode_row(k, f, x, n, bytes);
    decode_row(k, f, bytes, n, out);
    std::copy_n(x + n - v4::kRotary, v4::kRotary, out + n - v4::kRotary);
    return;
  }
  std::copy_n(x, n, out);
  quantise(f, {out, static_cast<size_t>(n)});
}

void append_rows(const V4Kernels& k, const StateView& r, int64_t seq, const float* fresh, int64_t from,
                 int64_t to) {
  const Span span = r.sequences[seq];
  const int64_t start = r.length[seq];
  if (r.ring) from = std::max<int64_t>(from, start + span.count - r.ring);
  for (int64_t row = from; row < to; ++row)
    store_row(k, r, seq, row, fresh + (span.first + row - start) * r.width);
}

const int32_t* sequences_of(Recorder& on, const StateView& r, int64_t rows) {
  int32_t* of = on.step_memory.take_of<int32_t>(rows);
  for (size_t seq = 0; seq < r.sequences.size(); ++seq)
    std::fill_n(of + r.sequences[seq].first, r.sequences[seq].count, static_cast<int32_t>(seq));
  return of;
}

}  // namespace autark

// Reading the file's blocks (tensor/ has their layouts) into panels. Each function takes one block of 32
// inputs of one row to one lane.
#include "chips/cpu/prepare.h"
#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>
#include <utility>
#include "base/check.h"
#include "tensor/bf16.h"
#include "tensor/minifloat.h"

namespace autark {
namespace {

// One row's block of 32 inputs as a lane holds it: four codes, or eight nibbles, a word.
struct Block {
  uint32_t low[8];
  uint32_t high[2];
  uint8_t scale[4];  // f16 d, f16 m; or bf16 d; or u8 scale, u8 minimum; or two i8 scales; or one exponent
  int scale_bytes;   // of each
  int scales;
};

const uint8_t* bytes(const std::byte* p) {
  return reinterpret_cast<const uint8_t*>(p);
}

uint32_t word(const uint8_t* p) {
  uint32_t v;
  std::memcpy(&v, p, 4);
  return v;
}

// Nibbles that already lie as 0–15 low, 16–31 high.
void take_nibbles(const uint8_t* q, Block& out) {
  for (int j = 0; j < 4; ++j) out.low[j] = word(q + 4 * j);
}

// Thirty-two nibbles that are all the low or all the high halves of 32 bytes.
void pair_nibbles(const uint8_t* q, bool high, Block& out) {
  for (int j = 0; j < 4; ++j) {
    const uint32_t a = word(q + 4 * j), b = word(q + 16 + 4 * j);
    out.low[j] = high ? (a >> 4 & 0x0f0f0f0f) | (b & 0xf0f0f0f0) : (a & 0x0f0f0f0f) | (b & 0x0f0f0f0f) << 4;
  }
}

// Bit i of a word belongs to input i: bits b, b + 4, … become byte b.
uint32_t fifth_bits(uint32_t bits) {
  uint32_t out = 0;
  for (int b = 0; b < 4; ++b) {
    uint32_t t = bits >> b & 0x11111111;
    t = (t | t >> 3) & 0x03030303;
    t = (t | t >> 6) & 0x000f000f;
    out |= ((t | t >> 12) & 0xff) << 8 * b;
  }
  return out;
}

void read_16_bit_scales(const uint8_t* p, int n, Block& out) {
  std::memcpy(out.scale, p, 2 * n);
  out.scale_bytes = 2;
  out.scales = n;
}

void read_byte_scales(uint8_t first, uint8_t second, Block& out) {
  out.scale[0] = first;
  out.scale[1] = second;
  out.scale_bytes = 1;
  out.scales = 2;
}

// The six-bit scale and minimum j of eight: twelve bytes, the upper two bits of the later four apart.
void read_six_bits(const uint8_t* p, int j, Block& out) {
  if (j < 4) return read_byte_scales(p[j] & 63, p[j + 4] & 63, out);
  read_byte_scales((p[j + 4] & 15) | (p[j - 4] >> 6) << 4, p[j + 4] >> 4 | (p[j] >> 6) << 4, out);
}

void read_q6_k(const uint8_t* p, int j, Block& out) {  // ql 128, qh 64, sixteen i8 scales, f16 d
  const int half = j / 4, quarter = j % 4;
  pair_nibbles(p + half * 64 + quarter % 2 * 32, quarter >= 2, out);
  const uint8_t* high = p + 128 + half * 32;
  out.high[0] = out.high[1] = 0;
  for (int i = 0; i < 8; ++i)
    out.high[i / 4] |= (word(high + 4 * i) >> 2 * quarter & 0x03030303) << 2 * (i % 4);
  read_byte_scales(p[192 + 2 * j], p[193 + 2 * j], out);
}

void read_k_quant(const uint8_t* p, int j, bool five, Block& out) {  // d, dmin, twelve bytes, [qh], qs
  read_six_bits(p + 4, j, out);
  pair_nibbles(p + (five ? 48 : 16) + j / 2 * 32, j % 2, out);
  if (!five) return;
  out.high[0] = 0;
  for (int i = 0; i < 8; ++i) out.high[0] |= (word(p + 16 + 4 * i) >> j & 0x01010101) << i;
}

void take_pairs(const uint8_t* p, Block& out) {  // nibbles, even columns low
  const auto code = [p](int i) { return i % 2 ? p[i / 2] >> 4 : p[i / 2] & 15; };
  for (int j = 0; j < 4; ++j) {
    out.low[j] = 0;
    for (int b = 0; b < 4; ++b)
      out.low[j] |= static_cast<uint32_t>(code(4 * j + b) | code(16 + 4 * j + b) << 4) << 8 * b;
  }
}

template <Format F>
Block read_block(const Weight& w, int64_t row, int64_t b) {
  constexpr bool kMinimum = F == Format::q4_1 || F == Format::q5_1;
  constexpr int kScaleBytes = kMinimum ? 4 : 2;
  const int64_t per = std::max<int64_t>(block_values(F), kBlock);
  const uint8_t* p =
      bytes(w.parts[0].codes) + row * row_bytes(F, w.cols()) + b * kBlock / per * row_bytes(F, per);
  const int j = static_cast<int>(b % 8);
  Block out;
  if constexpr (F == Format::q8_0) {
    for (int i = 0; i < 8; ++i) out.low[i] = word(p + 2 + 4 * i) ^ 0x80808080;
    read_16_bit_scales(p, 1, out);
  } else if constexpr (F == Format::q4_0 || F == Format::q4_1) {
    take_nibbles(p + kScaleBytes, out);
    read_16_bit_scales(p, kScaleBytes / 2, out);
  } else if constexpr (F == Format::q5_0 || F == Format::q5_1) {
    take_nibbles(p + kScaleBytes + 4, out);
    out.high[0] = fifth_bits(word(p + kScaleBytes));
    read_16_bit_scales(p, kScaleBytes / 2, out);
  } else if constexpr (F == Format::mxfp4) {
    take_nibbles(p + 1, out);
    out.scale[0] = p[0];
    out.scale_bytes = out.scales = 1;
  } else if constexpr (F == Format::e2m1_b32) {
    take_pairs(p, out);
    out.scale[0] = bytes(w.parts[0].scales)[row * (w.cols() / kBlock) + b];
    out.scale_bytes = out.scales = 1;
  } else if constexpr (F == Format::int4_b32) {
    take_pairs(p, out);
    read_16_bit_scales(bytes(w.parts[0].scales) + (row * (w.cols() / kBlock) + b) * 2, 1, out);
  } else if constexpr (F == Format::q6_k) {
    read_q6_k(p, j, out);
  } else {
    read_k_quant(p, j, F == Format::q5_k, out);
  }
  return out;
}

// Where the parts of a panel's block lie.
struct BlockAt {
  uint8_t *low, *high, *scale, *super;
};

BlockAt block_at(const Panels& w, uint8_t* panel, int64_t b) {
  const KindLayout l = layout_of(w.kind);
  const int64_t first = b / kGroup * kGroup, i = b - first, n = std::min<int64_t>(kGroup, w.blocks - first);
  uint8_t* group = panel + w.groups_at + b / kGroup * l.group(kGroup);
  uint8_t* codes = group + l.head(n) + i * (l.low + l.high);
  return {codes, codes + l.low, group + l.super + i * l.scale, group};
}

// The f16 factors of a K-quant's 256.
void write_super(const Weight& w, int64_t row, int64_t b, int lane, uint8_t* to) {
  const uint8_t* p =
      bytes(w.parts[0].codes) + row * row_bytes(w.format, w.cols()) + b / 8 * row_bytes(w.format, 256);
  if (w.format == Format::q6_k) {
    std::memcpy(to + 2 * lane, p + 208, 2);
  } else {
    std::memcpy(to + 2 * lane, p, 2);
    std::memcpy(to + 32 + 2 * lane, p + 2, 2);
  }
}

// Makes the scales of MXFP4 as run_scales-inl.h wants them: blocks of zeros take one that the rest of their run has, and
// one scale that is no number makes its whole run so.
void unify_scales(const Panels& to, int64_t lane, uint8_t* panel) {
  constexpr uint8_t kNoNumber = 255;
  const auto scale = [&](int64_t b) -> uint8_t& { return block_at(to, panel, b).scale[lane]; };
  const auto is_zero = [&](int64_t b) {
    const uint8_t* low = block_at(to, panel, b).low + 4 * lane;
    for (int j = 0; j < layout_of(Kind::mxfp4).low; j += 64) {
      if (word(low + j) & 0x77777777) return false;  // without signs
    }
    return true;
  };
  for (int64_t first = 0; first < to.blocks; first += kRunBlocks) {
    const int64_t end = std::min(first + kRunBlocks, to.blocks);
    bool zero[kRunBlocks], number = true;
    int64_t some = first;  // a block that is not zero, if there is one
    for (int64_t b = end - 1; b >= first; --b) {
      zero[b - first] = is_zero(b);
      if (!zero[b - first]) some = b;
      number = number && scale(b) != kNoNumber;
    }
    const uint8_t shared = number ? scale(some) : kNoNumber;
    for (int64_t b = first; b < end; ++b) {
      if (zero[b - first] || !number) scale(b) = shared;
    }
  }
}

template <Format F>
void write_row(const Weight& w, const Panels& to, int64_t row, uint8_t* panel) {
  const KindLayout l = layout_of(to.kind);
  const int64_t lane = row % kLanes;
  for (int64_t b = 0; b < to.blocks; ++b) {
    const Block x = read_block<F>(w, row, b);
    const BlockAt at = block_at(to, panel, b);
    for (int j = 0; j < l.low / 64; ++j) std::memcpy(at.low + 4 * lane + 64 * j, &x.low[j], 4);
    for (int j = 0; j < l.high / 64; ++j) std::memcpy(at.high + 4 * lane + 64 * j, &x.high[j], 4);
    for (int s = 0; s < x.scales; ++s)
      std::memcpy(at.scale + (s * kLanes + lane) * x.scale_bytes, x.scale + s * x.scale_bytes, x.scale_bytes);
    if (l.super && b % kGroup == 0) write_super(w, row, b, static_cast<int>(lane), at.super);
  }
  if (to.kind == Kind::mxfp4) unify_scales(to, lane, panel);
}

void write_block_row(const Weight& w, const Panels& to, int64_t row, uint8_t* panel) {
  switch (w.format) {
    case Format::q8_0:
      return write_row<Format::q8_0>(w, to, row, panel);
    case Format::q4_0:
      return write_row<Format::q4_0>(w, to, row, panel);
    case Format::q4_1:
      return write_row<Format::q4_1>(w, to, row, panel);
    case Format::q5_0:
      return write_row<Format::q5_0>(w, to, row, panel);
    case Format::q5_1:
      return write_row<Format::q5_1>(w, to, row, panel);
    case Format::q4_k:
      return write_row<Format::q4_k>(w, to, row, panel);
    case Format::q5_k:
      return write_row<Format::q5_k>(w, to, row, panel);
    case Format::q6_k:
      return write_row<Format::q6_k>(w, to, row, panel);
    case Format::mxfp4:
      return write_row<Format::mxfp4>(w, to, row, panel);
    case Format::e2m1_b32:
      return write_row<Format::e2m1_b32>(w, to, row, panel);
    case Format::int4_b32:
      return write_row<Format::int4_b32>(w, to, row, panel);
    default:
      AUTARK_CHECK(!"a format without blocks");
  }
}

// The codes of a row, and from the panel's first row the scales, which all its rows share. False where a code
// is no number.
bool write_e4m3_row(const Weight& w, const Panels& to, int64_t row, uint8_t* panel) {
  const int64_t lane = row % kLanes, n = w.cols();
  const uint8_t* from = bytes(w.parts[0].codes) + row * n;
  bool numbers = true;
  for (int64_t k = 0; k < n; ++k) {
    panel[to.groups_at + k / 4 * 64 + 4 * lane + k % 4] = from[k];
    numbers = numbers && (from[k] & 0x7f) != 0x7f;
  }
  if (lane) return numbers;
  for (int64_t t = 0; t < tiles(n); ++t) {
    const float scale = tile_scale(w, row, t);
    std::memcpy(panel + 4 * t, &scale, 4);
  }
  return numbers;
}

void write_plain_row(const Weight& w, const Panels& to, int64_t row, uint8_t* panel, std::vector<float>& x) {
  const int64_t lane = row % kLanes, n = w.cols();
  const uint8_t* from = bytes(w.parts[0].codes) + row * row_bytes(w.format, n);
  if (to.kind == Kind::f32) {
    x.resize(n);
    decode_row(w, row, x);
    for (int64_t k = 0; k < n; ++k) std::memcpy(panel + (k * kLanes + lane) * 4, &x[k], 4);
  } else if (to.kind == Kind::f16) {
    for (int64_t k = 0; k < n; ++k) std::memcpy(panel + (k * kLanes + lane) * 2, from + 2 * k, 2);
  } else if (w.format == Format::bf16) {
    for (int64_t k = 0; k < n; ++k)
      std::memcpy(panel + (k / 2 * kLanes + lane) * 4 + k % 2 * 2, from + 2 * k, 2);
  } else {
    x.resize(n);
    decode_row(w, row, x);
    for (int64_t k = 0; k < n; ++k) {
      const uint16_t c = encode_bf16(x[k]);
      std::memcpy(panel + (k / 2 * kLanes + lane) * 4 + k % 2 * 2, &c, 2);
    }
  }
}

Panels shape_panels(const Weight& w, Kind kind) {
  const KindLayout l = layout_of(kind);
  Panels p{.kind = kind, .out = w.rows(), .in = w.cols(), .blocks = (w.cols() + kBlock - 1) / kBlock};
  if (kind == Kind::e4m3) p.groups_at = (tiles(p.in) * 4 + 63) / 64 * 64;
  const int64_t whole = p.blocks / kGroup, rest = p.blocks % kGroup;
  p.panel_bytes = p.groups_at + whole * l.group(kGroup) + (rest ? l.group(rest) : 0);
  return p;
}

int64_t panels_of(const Panels& p) {
  return (p.out + kLanes - 1) / kLanes;
}

// One matrix on its way into panels, a panel at a time by any thread.
struct Writing {
  const Weight& w;
  const Panels& shape;  // of the first part; the others follow
  int64_t per_part;     // panels
  std::atomic<int64_t> next{0};
  int64_t end = 0;                // panels up to here are written now
  std::atomic<bool> holds{true};  // whether this kind can say what the file says

  int64_t panels() const { return per_part * std::ssize(w.parts); }
  void write_panel(int64_t p, std::vector<float>& row) {
    const Weight one = w.expert(p / per_part);
    const int64_t first = p % per_part * kLanes, end_row = std::min(first + kLanes, shape.out);
    auto* panel = const_cast<uint8_t*>(shape.bytes) + p * shape.panel_bytes;
    for (int64_t r = first; r < end_row; ++r) {
      if (takes_rounded(shape.kind))
        write_block_row(one, shape, r, panel);
      else if (shape.kind != Kind::e4m3)
        write_plain_row(one, shape, r, panel, row);
      else if (!write_e4m3_row(one, shape, r, panel))
        holds = false;
    }
  }
};

// What holds E4M3 codes with a NaN among them: BF16, if its 8 bits hold code times scale.
Kind kind_with_nan(Format f) {
  return f == Format::fp8_e4m3_b128x128_f32 ? Kind::f32 : Kind::bf16;
}

// The layout and the family of processors that reads it.
#if defined(__x86_64__)
constexpr std::string_view kFamily = "x86/";
#elif defined(__aarch64__)
constexpr std::string_view kFamily = "arm64/";
#else
constexpr std::string_view kFamily = "generic/";
#endif

std::string layout_name() {
  return std::string(kFamily) + kLayoutName;
}

}  // namespace

Kind kind_of(Format f) {
  switch (f) {
    case Format::f32:
      return Kind::f32;
    case Format::f16:
      return Kind::f16;
    case Format::bf16:
      return Kind::bf16;
    case Format::fp8_e4m3_b128x128:
    case Format::fp8_e4m3_b128x128_f32:
      return Kind::e4m3;
    case Format::q8_0:
      return Kind::q8_0;
    case Format::q4_0:
      return Kind::q4_0;
    case Format::q4_1:
      return Kind::q4_1;
    case Format::q5_0:
      return Kind::q5_0;
    case Format::q5_1:
      return Kind::q5_1;
    case Format::q4_k:
      return Kind::q4_k;
    case Format::q5_k:
      return Kind::q5_k;
    case Format::q6_k:
      return Kind::q6_k;
    case Format::e2m1_b32:
    case Format::mxfp4:
      return Kind::mxfp4;
    case Format::int4_b32:
      return Kind::int4;
    case Format::i32:
    case Format::v4_kv584:
    case Format::v4_key68:
      break;
  }
  AUTARK_CHECK(!"not the format of a matrix");
}

const std::vector<Panels>& PreparedWeights::of(const Weight& w, Team& team) {
  const Key key{w.parts[0].codes, w.format, w.rows(), w.cols(), std::ssize(w.parts)};
  const auto known = all_.find(key);
  return known != all_.end() ? known->second : all_.emplace(key, make(w, team)).first->second;
}

// Small matrices lie side by side, so that they too lie in large pages.
uint8_t* PreparedWeights::take(int64_t bytes) {
  constexpr int64_t kShared = 32 << 20;
  if (bytes >= kShared / 4) return reinterpret_cast<uint8_t*>(pages_.emplace_back(bytes).data());
  if (end_ - free_ < bytes) {
    free_ = pages_.emplace_back(kShared).data();
    end_ = free_ + kShared;
  }
  return reinterpret_cast<uint8_t*>(std::exchange(free_, free_ + bytes));
}

// One Panels a part, side by side, in the store where it has room.
std::vector<Panels> PreparedWeights::make(const Weight& w, Team& team) {
  for (const Kind kind : {kind_of(w.format), kind_with_nan(w.format)}) {
    std::vector<Panels> parts(w.parts.size(), shape_panels(w, kind));
    const int64_t bytes = panels_of(parts[0]) * parts[0].panel_bytes, size = std::ssize(parts) * bytes;
    const auto lie = [&](const uint8_t* at) {
      for (Panels& p : parts) p.bytes = std::exchange(at, at + bytes);
    };
    const WeightStore::Place place = store_ ? store_->place(w, layout_name(), size) : WeightStore::Place{};
    lie(place.bytes ? reinterpret_cast<const uint8_t*>(place.bytes) : take(size));
    if (!place.filled && !fill(parts, w, team)) continue;
    if (place.bytes && !(place.filled ? place.stays : store_->filled(place)))
      lie(copy({place.bytes, size_t(size)}, team));
    return parts;
  }
  AUTARK_CHECK(!"the second kind holds every format");
}

// Into memory of the chip. Some bytes at a time, so that the form is never in memory whole twice.
const uint8_t* PreparedWeights::copy(std::span<const std::byte> form, Team& team) {
  constexpr int64_t kAtOnce = 32 << 20;
  static constexpr int64_t kShare = 1 << 20;
  struct Copying {
    std::span<const std::byte> from;
    uint8_t* to;
    std::atomic<int64_t> next = 0;
  };
  const auto work = [](void* context, int) {
    Copying& j = *static_cast<Copying*>(context);
    for (int64_t at; (at = j.next.fetch_add(kShare, std::memory_order_relaxed)) < std::ssize(j.from);)
      std::memcpy(j.to + at, j.from.data() + at, std::min<int64_t>(kShare, std::ssize(j.from) - at));
  };
  uint8_t* const all = take(std::ssize(form));
  for (int64_t at = 0; at < std::ssize(form); at += kAtOnce) {
    Copying job{form.subspan(at, std::min(kAtOnce, std::ssize(form) - at)), all + at};
    team.run(work, &job);
    store_->copied(job.from);
  }
  return all;
}

// False where this kind cannot hold the weight. Some panels at a time: with a store, the checkpoint and the
// forms are never in memory whole together.
bool PreparedWeights::fill(const std::vector<Panels>& parts, const Weight& w, Team& team) {
  constexpr int64_t kBytesAtOnce = 32 << 20;
  Writing job{w, parts[0], panels_of(parts[0])};
  const int64_t at_once = std::max<int64_t>(1, kBytesAtOnce / std::max<int64_t>(1, parts[0].panel_bytes));
  const auto work = [](void* context, int) {
    Writing& j = *static_cast<Writing*>(context);
    std::vector<float> row;
    for (int64_t p; (p = j.next.fetch_add(1, std::memory_order_relaxed)) < j.end;) j.write_panel(p, row);
  };
  for (int64_t first = 0; first < job.panels(); first += at_once) {
    job.next = first;
    job.end = std::min(first + at_once, job.panels());
    team.run(work, &job);
    if (store_) release(w, first, job.end, job.per_part);
  }
  return job.holds;
}

// The panels [first, end) of all parts are written.
void PreparedWeights::release(const Weight& w, int64_t first, int64_t end, int64_t per_part) {
  for (int64_t p = first; p < end;) {
    const int64_t part = p / per_part, last = std::min(end, (part + 1) * per_part);
    const int64_t row = p % per_part * kLanes, rows = std::min((last - p) * kLanes, w.rows() - row);
    store_->release(w, part, row, rows);
    p = last;
  }
}

}  // namespace autark

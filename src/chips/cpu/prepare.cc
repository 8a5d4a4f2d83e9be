// Reading the file's blocks (tensor/ has their layouts) into panels. Each function takes one block of 32
// inputs of one row to one lane.
#include "chips/cpu/prepare.h"
#include <algorithm>
#include <cstring>
#include <deque>
#include "base/check.h"
#include "tensor/bf16.h"

namespace autark {
namespace {

// One row's block of 32 as plain codes, with its scale bytes as they go into the panel.
struct Block {
  uint8_t code[32];
  uint8_t scale[4];  // f16 d, f16 m; or u8 scale, u8 minimum; or two i8 scales; or one exponent
  int scale_bytes;   // in each of its `scales` fields
  int scales;
};

const uint8_t* bytes(const std::byte* p) {
  return reinterpret_cast<const uint8_t*>(p);
}

void split_nibbles(const uint8_t* q, Block& out) {  // low nibbles first
  for (int i = 0; i < 16; ++i) {
    out.code[i] = q[i] & 15;
    out.code[16 + i] = q[i] >> 4;
  }
}

void add_fifth_bits(const uint8_t* h, Block& out) {
  uint32_t bits;
  std::memcpy(&bits, h, 4);
  for (int i = 0; i < 32; ++i) out.code[i] |= (bits >> i & 1) << 4;
}

void read_f16_scales(const uint8_t* p, int n, Block& out) {
  std::memcpy(out.scale, p, 2 * n);
  out.scale_bytes = 2;
  out.scales = n;
}

// The six-bit scale and minimum j of eight: twelve bytes, the upper two bits of the later four apart.
void read_six_bits(const uint8_t* p, int j, Block& out) {
  out.scale[0] = j < 4 ? p[j] & 63 : (p[j + 4] & 15) | (p[j - 4] >> 6) << 4;
  out.scale[1] = j < 4 ? p[j + 4] & 63 : p[j + 4] >> 4 | (p[j] >> 6) << 4;
  out.scale_bytes = 1;
  out.scales = 2;
}

void read_q6_k(const uint8_t* p, int j, Block& out) {  // ql 128, qh 64, sixteen i8 scales, f16 d
  const int half = j / 4, quarter = j % 4;
  const uint8_t *low = p + half * 64 + quarter % 2 * 32, *high = p + 128 + half * 32;
  for (int i = 0; i < 32; ++i) {
    const int nibble = quarter < 2 ? low[i] & 15 : low[i] >> 4;
    out.code[i] = static_cast<uint8_t>(nibble | (high[i] >> 2 * quarter & 3) << 4);
  }
  std::memcpy(out.scale, p + 192 + 2 * j, 2);
  out.scale_bytes = 1;
  out.scales = 2;
}

void read_k_quant(const uint8_t* p, int j, bool five, Block& out) {  // d, dmin, twelve bytes, [qh], qs
  read_six_bits(p + 4, j, out);
  const uint8_t *high = p + 16, *low = p + (five ? 48 : 16) + j / 2 * 32;
  for (int i = 0; i < 32; ++i) {
    out.code[i] = j % 2 ? low[i] >> 4 : low[i] & 15;
    if (five) out.code[i] |= (high[i] >> j & 1) << 4;
  }
}

Block read_block(const Weight& w, int64_t row, int64_t b) {
  Block out;
  const int64_t per = std::max<int64_t>(block_values(w.format), kBlock);
  const uint8_t* p = bytes(w.parts[0].codes) + row * row_bytes(w.format, w.cols()) +
                     b * kBlock / per * row_bytes(w.format, per);
  const int j = static_cast<int>(b % 8);
  switch (w.format) {
    case Format::q8_0:
      read_f16_scales(p, 1, out);
      for (int i = 0; i < 32; ++i) out.code[i] = p[2 + i] ^ 0x80;
      break;
    case Format::q4_0:
    case Format::q4_1: {
      const int n = w.format == Format::q4_1 ? 2 : 1;
      read_f16_scales(p, n, out);
      split_nibbles(p + 2 * n, out);
      break;
    }
    case Format::q5_0:
    case Format::q5_1: {
      const int n = w.format == Format::q5_1 ? 2 : 1;
      read_f16_scales(p, n, out);
      split_nibbles(p + 2 * n + 4, out);
      add_fifth_bits(p + 2 * n, out);
      break;
    }
    case Format::q4_k:
      read_k_quant(p, j, false, out);
      break;
    case Format::q5_k:
      read_k_quant(p, j, true, out);
      break;
    case Format::q6_k:
      read_q6_k(p, j, out);
      break;
    case Format::mxfp4:
      split_nibbles(p + 1, out);
      out.scale[0] = p[0];
      out.scale_bytes = out.scales = 1;
      break;
    case Format::e2m1_b32:  // even columns low
      for (int i = 0; i < 16; ++i) {
        out.code[2 * i] = p[i] & 15;
        out.code[2 * i + 1] = p[i] >> 4;
      }
      out.scale[0] = bytes(w.parts[0].scales)[row * (w.cols() / kBlock) + b];
      out.scale_bytes = out.scales = 1;
      break;
    default:
      AUTARK_CHECK(!"a format without blocks");
  }
  return out;
}

void write_codes(const Block& x, Kind k, int lane, uint8_t* low, uint8_t* high) {
  if (layout_of(k).low == 512) {
    for (int j = 0; j < 8; ++j) std::memcpy(low + 64 * j + 4 * lane, x.code + 4 * j, 4);
    return;
  }
  for (int j = 0; j < 4; ++j) {
    for (int i = 4 * j; i < 4 * j + 4; ++i)
      low[64 * j + 4 * lane + i % 4] = static_cast<uint8_t>((x.code[i] & 15) | (x.code[16 + i] & 15) << 4);
  }
  if (k == Kind::q6_k) {
    for (int i = 0; i < 32; ++i)
      high[i / 16 * 64 + 4 * lane + i % 4] |= static_cast<uint8_t>((x.code[i] >> 4) << 2 * (i / 4 % 4));
  } else if (layout_of(k).high) {
    for (int i = 0; i < 32; ++i) high[4 * lane + i % 4] |= static_cast<uint8_t>((x.code[i] >> 4) << i / 4);
  }
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

void write_row(const Weight& w, const Panels& to, int64_t row, uint8_t* panel) {
  const KindLayout l = layout_of(to.kind);
  const int lane = static_cast<int>(row % kLanes);
  for (int64_t b = 0; b < to.blocks; ++b) {
    const Block x = read_block(w, row, b);
    write_codes(x, to.kind, lane, panel + b * l.low, panel + to.high_at + b * l.high);
    for (int s = 0; s < x.scales; ++s)
      std::memcpy(panel + to.scale_at + b * l.scale + (s * kLanes + lane) * x.scale_bytes,
                  x.scale + s * x.scale_bytes, x.scale_bytes);
    if (l.super && b % 8 == 0) write_super(w, row, b, lane, panel + to.super_at + b / 8 * l.super);
  }
}

void write_plain_row(const Weight& w, const Panels& to, int64_t row, uint8_t* panel, std::vector<float>& x) {
  const int64_t lane = row % kLanes, n = w.cols();
  const uint8_t* from = bytes(w.parts[0].codes) + row * row_bytes(w.format, n);
  if (to.kind == Kind::f32) {
    for (int64_t k = 0; k < n; ++k) std::memcpy(panel + (k * kLanes + lane) * 4, from + 4 * k, 4);
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

Panels shape_panels(const Weight& w) {
  const Kind kind = kind_of(w.format);
  const KindLayout l = layout_of(kind);
  Panels p{.kind = kind, .out = w.rows(), .in = w.cols(), .blocks = (w.cols() + kBlock - 1) / kBlock};
  p.high_at = p.blocks * l.low;
  p.scale_at = p.high_at + p.blocks * l.high;
  p.super_at = p.scale_at + p.blocks * l.scale;
  p.panel_bytes = (p.super_at + (p.blocks + 7) / 8 * l.super + 63) / 64 * 64;
  return p;
}

}  // namespace

Kind kind_of(Format f) {
  switch (f) {
    case Format::f32:
      return Kind::f32;
    case Format::f16:
      return Kind::f16;
    case Format::bf16:
    case Format::fp8_e4m3_b128x128:
      return Kind::bf16;
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
    case Format::i32:
      break;
  }
  AUTARK_CHECK(!"whole numbers take part in no product");
}

const std::vector<Panels>& PreparedWeights::of(const Weight& w, Team& team) {
  std::vector<Prepared>& here = all_[w.parts[0].codes];
  for (const Prepared& p : here) {
    if (p.format == w.format && p.shape == w.shape) return p.parts;
  }
  here.reserve(4);  // views of one address keep their place
  AUTARK_CHECK(here.size() < 4);
  return here.emplace_back(make(w, team)).parts;
}

PreparedWeights::Prepared PreparedWeights::make(const Weight& w, Team& team) {
  Prepared made;
  made.format = w.format;
  made.shape = w.shape;
  const Panels shape = shape_panels(w);
  const int64_t per_part = (shape.out + kLanes - 1) / kLanes, parts = std::ssize(w.parts);
  made.pages = Pages(parts * per_part * shape.panel_bytes + 64);
  auto* base = reinterpret_cast<uint8_t*>(made.pages.data());
  for (int64_t e = 0; e < parts; ++e) {
    made.parts.push_back(shape);
    made.parts.back().bytes = base + e * per_part * shape.panel_bytes;
  }
  struct Job {
    const Weight& w;
    const Panels& shape;
    uint8_t* base;
    int64_t per_part, panels;
    std::atomic<int64_t> next{0};
  } job{w, shape, base, per_part, parts * per_part};
  const auto work = [](void* context, int) {
    Job& j = *static_cast<Job*>(context);
    std::vector<float> row;
    for (int64_t p; (p = j.next.fetch_add(1, std::memory_order_relaxed)) < j.panels;) {
      const Weight one{j.w.format, {j.w.rows(), j.w.cols()}, j.w.parts.subspan(p / j.per_part, 1)};
      const int64_t first = p % j.per_part * kLanes, end = std::min(first + kLanes, j.shape.out);
      uint8_t* panel = j.base + p * j.shape.panel_bytes;
      for (int64_t r = first; r < end; ++r) {
        takes_rounded(j.shape.kind) ? write_row(one, j.shape, r, panel)
                                    : write_plain_row(one, j.shape, r, panel, row);
      }
    }
  };
  team.run(work, &job);
  return made;
}

}  // namespace autark

#include "tensor/format.h"
#include <cstring>
#include "base/check.h"
#include "tensor/bf16.h"
#include "tensor/minifloat.h"
#include "tensor/mxfp4.h"
#include "tensor/q4_0.h"
#include "tensor/q4_1.h"
#include "tensor/q4_k.h"
#include "tensor/q5_0.h"
#include "tensor/q5_1.h"
#include "tensor/q5_k.h"
#include "tensor/q6_k.h"
#include "tensor/q8_0.h"
#include "tensor/v4_records.h"

namespace autark {
namespace {

// Plain formats as blocks of one value, so that every format is one line in with_block.
struct PlainF16 {
  static constexpr int kValues = 1;
  uint16_t code;
};
struct PlainBf16 {
  static constexpr int kValues = 1;
  uint16_t code;
};
void decode(const PlainF16& b, float* x) {
  *x = decode_f16(b.code);
}
void decode(const PlainBf16& b, float* x) {
  *x = decode_bf16(b.code);
}
void encode(const float* x, PlainF16& b) {
  b.code = encode_f16(*x);
}
void encode(const float* x, PlainBf16& b) {
  b.code = encode_bf16(*x);
}

// Calls work(Block{}) with the block type of a format whose rows decode() can read.
template <class Work>
void with_block(Format f, Work work) {
  switch (f) {
    case Format::f16:
      return work(PlainF16{});
    case Format::bf16:
      return work(PlainBf16{});
    case Format::q8_0:
      return work(BlockQ8_0{});
    case Format::q4_0:
      return work(BlockQ4_0{});
    case Format::q4_1:
      return work(BlockQ4_1{});
    case Format::q5_0:
      return work(BlockQ5_0{});
    case Format::q5_1:
      return work(BlockQ5_1{});
    case Format::q4_k:
      return work(BlockQ4_K{});
    case Format::q5_k:
      return work(BlockQ5_K{});
    case Format::q6_k:
      return work(BlockQ6_K{});
    case Format::mxfp4:
      return work(BlockMxfp4{});
    default:
      AUTARK_CHECK(!"not a format of single rows");
  }
}

}  // namespace

const char* name_of(Format f) {
  switch (f) {
    case Format::f32:
      return "F32";
    case Format::f16:
      return "F16";
    case Format::bf16:
      return "BF16";
    case Format::i32:
      return "I32";
    case Format::fp8_e4m3_b128x128:
      return "FP8_E4M3";
    case Format::fp8_e4m3_b128x128_f32:
      return "FP8_E4M3_F32";
    case Format::e2m1_b32:
      return "FP4_E2M1";
    case Format::q8_0:
      return "Q8_0";
    case Format::q4_0:
      return "Q4_0";
    case Format::q4_1:
      return "Q4_1";
    case Format::q5_0:
      return "Q5_0";
    case Format::q5_1:
      return "Q5_1";
    case Format::q4_k:
      return "Q4_K";
    case Format::q5_k:
      return "Q5_K";
    case Format::q6_k:
      return "Q6_K";
    case Format::mxfp4:
      return "MXFP4";
    case Format::v4_kv584:
      return "V4_KV584";
    case Format::v4_key68:
      return "V4_KEY68";
    case Format::int4_b32:
      return "INT4";
  }
  AUTARK_CHECK(!"a format without a name");
}

int64_t block_values(Format f) {
  switch (f) {
    case Format::q8_0:
    case Format::q4_0:
    case Format::q4_1:
    case Format::q5_0:
    case Format::q5_1:
    case Format::mxfp4:
      return 32;
    case Format::q4_k:
    case Format::q5_k:
    case Format::q6_k:
      return 256;
    case Format::e2m1_b32:
    case Format::int4_b32:
      return 2;
    default:
      return 1;
  }
}

int64_t block_bytes(Format f) {
  switch (f) {
    case Format::f32:
    case Format::i32:
      return 4;
    case Format::f16:
    case Format::bf16:
      return 2;
    case Format::fp8_e4m3_b128x128:
    case Format::fp8_e4m3_b128x128_f32:
    case Format::e2m1_b32:
    case Format::int4_b32:
      return 1;
    case Format::q8_0:
      return 34;
    case Format::q4_0:
      return 18;
    case Format::q4_1:
      return 20;
    case Format::q5_0:
      return 22;
    case Format::q5_1:
      return 24;
    case Format::q4_k:
      return 144;
    case Format::q5_k:
      return 176;
    case Format::q6_k:
      return 210;
    case Format::mxfp4:
      return 17;
    case Format::v4_kv584:
    case Format::v4_key68:
      break;  // a row is one record, see row_bytes
  }
  AUTARK_CHECK(!"a format without a size");
}

int64_t row_bytes(Format f, int64_t n) {
  if (f == Format::v4_kv584) return v4::kv_bytes(n);
  if (f == Format::v4_key68) return v4::key_bytes(n);
  return n / block_values(f) * block_bytes(f);
}

void encode(Format f, std::span<const float> x, std::byte* row) {
  if (f == Format::f32) {
    std::memcpy(row, x.data(), x.size_bytes());
    return;
  }
  if (f == Format::v4_kv584) return v4::encode_kv(x, row);
  if (f == Format::v4_key68) return v4::encode_key(x, row);
  AUTARK_CHECK(std::ssize(x) % block_values(f) == 0);
  with_block(f, [&]<class Block>(Block) {
    auto* blocks = reinterpret_cast<Block*>(row);
    for (size_t i = 0; i < x.size(); i += Block::kValues) encode(&x[i], *blocks++);
  });
}

void decode(Format f, const std::byte* row, std::span<float> x) {
  if (f == Format::f32) {
    std::memcpy(x.data(), row, x.size_bytes());
    return;
  }
  if (f == Format::v4_kv584) return v4::decode_kv(row, x);
  if (f == Format::v4_key68) return v4::decode_key(row, x);
  AUTARK_CHECK(std::ssize(x) % block_values(f) == 0);
  with_block(f, [&]<class Block>(Block) {
    const auto* blocks = reinterpret_cast<const Block*>(row);
    for (size_t i = 0; i < x.size(); i += Block::kValues) decode(*blocks++, &x[i]);
  });
}

void quantise(Format f, std::span<float> x) {
  if (f == Format::f32) return;
  if (f == Format::v4_kv584) return v4::quantise_kv(x);
  if (f == Format::v4_key68) return v4::quantise_key(x);
  AUTARK_CHECK(std::ssize(x) % block_values(f) == 0);
  with_block(f, [&]<class Block>(Block block) {
    for (size_t i = 0; i < x.size(); i += Block::kValues) {
      encode(&x[i], block);
      decode(block, &x[i]);
    }
  });
}

}  // namespace autark

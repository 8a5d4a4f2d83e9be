#include "tensor/format.h"
#include <cstring>
#include "base/check.h"
#include "tensor/bf16.h"
#include "tensor/minifloat.h"

namespace autark {

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
    case Format::e2m1_b32:
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
  }
  AUTARK_CHECK(!"a format without a size");
}

int64_t row_bytes(Format f, int64_t n) {
  return n / block_values(f) * block_bytes(f);
}

void encode(Format f, std::span<const float> x, std::byte* row) {
  auto* half = reinterpret_cast<uint16_t*>(row);
  switch (f) {
    case Format::f32:
      std::memcpy(row, x.data(), x.size_bytes());
      return;
    case Format::f16:
      for (size_t i = 0; i < x.size(); ++i) half[i] = encode_f16(x[i]);
      return;
    case Format::bf16:
      for (size_t i = 0; i < x.size(); ++i) half[i] = encode_bf16(x[i]);
      return;
    default:
      AUTARK_CHECK(!"not a format of single rows");
  }
}

void decode(Format f, const std::byte* row, std::span<float> x) {
  auto* half = reinterpret_cast<const uint16_t*>(row);
  switch (f) {
    case Format::f32:
      std::memcpy(x.data(), row, x.size_bytes());
      return;
    case Format::f16:
      for (size_t i = 0; i < x.size(); ++i) x[i] = decode_f16(half[i]);
      return;
    case Format::bf16:
      for (size_t i = 0; i < x.size(); ++i) x[i] = decode_bf16(half[i]);
      return;
    default:
      AUTARK_CHECK(!"not a format of single rows");
  }
}

void quantise(Format f, std::span<float> x) {
  switch (f) {
    case Format::f32:
      return;
    case Format::f16:
      for (float& v : x) v = decode_f16(encode_f16(v));
      return;
    case Format::bf16:
      for (float& v : x) v = decode_bf16(encode_bf16(v));
      return;
    default:
      AUTARK_CHECK(!"not a format of single rows");
  }
}

}  // namespace autark

// The V4 kernels of one ISA and their table: included by v4_kernels_<isa>.cc after its lanes.
// The includes are in order: each uses those above it.
#pragma once
#include "chips/cpu/layout.h"
//
#include "chips/cpu/exp-inl.h"
//
#include "chips/cpu/v4_rounding-inl.h"
//
#include "chips/cpu/v4_records-inl.h"
//
#include "chips/cpu/v4_streams-inl.h"
//
#include "chips/cpu/v4_sparse-inl.h"
//
#include "chips/cpu/v4_index-inl.h"

namespace autark {
namespace {

constexpr V4Kernels kV4Table = {
    .mix_sums = mix_sums,
    .mix_weights = mix_weights,
    .read_streams = read_streams,
    .round_bf16 = round_bf16,
    .round_e4m3 = round_e4m3,
    .head_norm = head_norm,
    .write_streams = write_streams,
    .pool = pool,
    .hadamard = hadamard,
    .sparse = sparse,
    .index_query = index_query,
    .index_keys = index_keys,
    .index_scores = index_scores,
    .index_float_scores = index_float_scores,
    .encode_kv = encode_kv,
    .decode_kv = decode_kv,
    .encode_key = encode_key,
    .decode_key = decode_key,
    .quantise_key = quantise_key,
};

}  // namespace
}  // namespace autark

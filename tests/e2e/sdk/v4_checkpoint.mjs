// Makes a DeepSeek-V4 checkpoint in the official format (FP8 blocks, FP4 experts, UE8M0 scales): tiny, with seeded
// noise as weights and the real vocabulary, beside the published tokenizer file. Its texts are noise, but it is served
// like a real model.
import { closeSync, cpSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const VOCABULARY = 129280;
const D = 128, HEADS = 2, HEAD = 128, Q = 128, GROUPS = 2, O = 64, EXPERTS = 4, INNER = 128, INDEX = 128, INDEX_HEADS = 2;

const config = {
  architectures: ["DeepseekV4ForCausalLM"],
  model_type: "deepseek_v4",
  bos_token_id: 0,
  eos_token_id: 1,
  hidden_size: D,
  num_hidden_layers: 3,
  num_attention_heads: HEADS,
  num_key_value_heads: 1,
  head_dim: HEAD,
  qk_rope_head_dim: 64,
  q_lora_rank: Q,
  o_groups: GROUPS,
  o_lora_rank: O,
  sliding_window: 128,
  compress_ratios: [0, 4, 128, 0],  // the last one belongs to the draft head
  index_n_heads: INDEX_HEADS,
  index_head_dim: INDEX,
  index_topk: 16,
  n_routed_experts: EXPERTS,
  num_experts_per_tok: 2,
  moe_intermediate_size: INNER,
  num_hash_layers: 1,
  routed_scaling_factor: 1.5,
  swiglu_limit: 10,
  hc_mult: 4,
  hc_sinkhorn_iters: 20,
  hc_eps: 1e-6,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  compress_rope_theta: 160000,
  rope_scaling: { type: "yarn", factor: 16, original_max_position_embeddings: 65536, beta_fast: 32, beta_slow: 1 },
  max_position_embeddings: 65536,
  vocab_size: VOCABULARY,
  num_nextn_predict_layers: 1,
};

let seed = 1;
const random = () => {  // xorshift32
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return seed >>> 0;
};
const uniform = () => random() / 2 ** 31 - 1;

const tensors = [];
const add = (name, dtype, shape, bytes) => tensors.push({ name, dtype, shape, bytes });
const count = (shape) => shape.reduce((a, b) => a * b, 1);
function f32(name, shape, size, middle = 0) {
  add(name, "F32", shape, new Uint8Array(Float32Array.from({ length: count(shape) }, () => middle + size * uniform()).buffer));
}
function bf16(name, shape, size, middle = 0) {
  const one = new Float32Array(1), bits = new Uint32Array(one.buffer), codes = new Uint16Array(count(shape));
  for (let i = 0; i < codes.length; ++i) {
    one[0] = middle + size * uniform();
    codes[i] = bits[0] >>> 16;
  }
  add(name, "BF16", shape, new Uint8Array(codes.buffer));
}
const bytes = (n, each) => Uint8Array.from({ length: n }, each);
function fp8(name, [out, wide]) {
  add(`${name}.weight`, "F8_E4M3", [out, wide], bytes(out * wide, () => random() & 0xbf));
  const scales = [Math.ceil(out / 128), Math.ceil(wide / 128)];
  add(`${name}.scale`, "F8_E8M0", scales, bytes(count(scales), () => 123 + (random() % 2)));
}
function fp4(name, [out, wide]) {
  add(`${name}.weight`, "I8", [out, wide / 2], bytes((out * wide) / 2, () => random() & 0xff));
  add(`${name}.scale`, "F8_E8M0", [out, wide / 32], bytes((out * wide) / 32, () => 121 + (random() % 2)));
}

function compressor(prefix, ratio, dim) {
  const wide = (ratio === 4 ? 2 : 1) * dim;
  f32(`${prefix}ape`, [ratio, wide], 0.5);
  bf16(`${prefix}norm.weight`, [dim], 0.2, 1);
  for (const name of ["wkv", "wgate"]) bf16(`${prefix}${name}.weight`, [wide, D], 0.15);
}

function block(p, ratio, byToken) {
  const a = `${p}attn.`, f = `${p}ffn.`;
  for (const name of ["attn_norm", "ffn_norm"]) bf16(`${p}${name}.weight`, [D], 0.2, 1);
  for (const name of ["hc_attn", "hc_ffn"]) {
    f32(`${p}${name}_fn`, [24, 4 * D], 0.05);
    f32(`${p}${name}_base`, [24], 0.5);
    f32(`${p}${name}_scale`, [3], 0.2, 1);
  }
  f32(`${a}attn_sink`, [HEADS], 0.5);
  fp8(`${a}wq_a`, [Q, D]);
  bf16(`${a}q_norm.weight`, [Q], 0.2, 1);
  fp8(`${a}wq_b`, [HEADS * HEAD, Q]);
  fp8(`${a}wkv`, [HEAD, D]);
  bf16(`${a}kv_norm.weight`, [HEAD], 0.2, 1);
  fp8(`${a}wo_a`, [GROUPS * O, (HEADS * HEAD) / GROUPS]);
  fp8(`${a}wo_b`, [D, GROUPS * O]);
  if (ratio) compressor(`${a}compressor.`, ratio, HEAD);
  if (ratio === 4) {
    fp8(`${a}indexer.wq_b`, [INDEX_HEADS * INDEX, Q]);
    bf16(`${a}indexer.weights_proj.weight`, [INDEX_HEADS, D], 0.2);
    compressor(`${a}indexer.compressor.`, 4, INDEX);
  }
  bf16(`${f}gate.weight`, [EXPERTS, D], 0.2);
  if (byToken) {
    const table = BigInt64Array.from({ length: VOCABULARY * 2 }, (_, i) => BigInt(((i >> 1) + (i & 1)) % EXPERTS));
    add(`${f}gate.tid2eid`, "I64", [VOCABULARY, 2], new Uint8Array(table.buffer));
  } else {
    f32(`${f}gate.bias`, [EXPERTS], 0.2);
  }
  for (let e = 0; e < EXPERTS; ++e) {
    for (const name of ["w1", "w3"]) fp4(`${f}experts.${e}.${name}`, [INNER, D]);
    fp4(`${f}experts.${e}.w2`, [D, INNER]);
  }
  for (const name of ["w1", "w3"]) fp8(`${f}shared_experts.${name}`, [INNER, D]);
  fp8(`${f}shared_experts.w2`, [D, INNER]);
}

// Weights that combine the residual streams before a head.
function collapse(p) {
  bf16(`${p}norm.weight`, [D], 0.2, 1);
  f32(`${p}hc_head_fn`, [4, 4 * D], 0.05);
  f32(`${p}hc_head_base`, [4], 0.5);
  f32(`${p}hc_head_scale`, [1], 0.2, 1);
}

function draftHead() {
  const p = "mtp.0.";
  block(p, 0, false);
  for (const name of ["e_proj", "h_proj"]) fp8(`${p}${name}`, [D, D]);
  for (const name of ["enorm", "hnorm"]) bf16(`${p}${name}.weight`, [D], 0.2, 1);
  collapse(p);
}

// Writes the checkpoint into `folder`, with the tokenizer files of `tokenizer` beside it.
export function makeV4Checkpoint(folder, tokenizer) {
  mkdirSync(folder, { recursive: true });
  cpSync(tokenizer, folder, { recursive: true });
  bf16("embed.weight", [VOCABULARY, D], 1);
  for (let i = 0; i < config.num_hidden_layers; ++i) block(`layers.${i}.`, config.compress_ratios[i], i < config.num_hash_layers);
  draftHead();
  collapse("");
  bf16("head.weight", [VOCABULARY, D], 0.3);
  const header = {};
  let at = 0;
  for (const t of tensors) header[t.name] = { dtype: t.dtype, shape: t.shape, data_offsets: [at, (at += t.bytes.length)] };
  const json = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(json.length));
  const file = openSync(join(folder, "model.safetensors"), "w");
  for (const part of [size, json, ...tensors.map((t) => t.bytes)]) writeSync(file, part);
  closeSync(file);
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
}

// Makes a checkpoint that answers every prompt with a script: a Llama of one layer whose layer adds nothing, with
// one-hot embeddings and a head in which each token votes for the next one of the script. Every token of all scripts
// is another vocabulary entry, so the last token always says what comes next.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const HEAD = 64, INNER = 64;

// The characters that stand for bytes in the vocabulary of a byte-level tokenizer.
const letters = (() => {
  const all = [];
  const shown = (b) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  for (let b = 0, next = 256; b < 256; ++b) all.push(String.fromCodePoint(shown(b) ? b : next++));
  return all;
})();
const inLetters = (text) => [...Buffer.from(text)].map((b) => letters[b]).join("");

// Cuts `script` into pieces that are not in `seen`, and adds them to it. The first time a marker appears it is a piece of its own.
function piecesOf(script, markers, seen) {
  const pieces = [];
  for (let at = 0; at < script.length; ) {
    const marker = markers.find((m) => script.startsWith(m, at) && !seen.has(m));
    let size = marker ? marker.length : 1 + (pieces.length % 3);
    const isFree = () => !seen.has(script.slice(at, at + size)) && !/[\uD800-\uDBFF]$/.test(script.slice(at, at + size));
    while (!isFree() && at + size < script.length) ++size;
    let piece = script.slice(at, at + size);
    while (seen.has(piece) && pieces.length) piece = pieces.pop() + piece;  // the end of a script may need its last pieces
    pieces.push(piece);
    seen.add(piece);
    at += size;
  }
  return pieces;
}

function safetensors(tensors) {
  const header = {};
  let at = 0;
  for (const t of tensors) header[t.name] = { dtype: "F32", shape: t.shape, data_offsets: [at, (at += t.data.byteLength)] };
  const json = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([size, json, ...tensors.map((t) => Buffer.from(t.data.buffer))]);
}

// `scripts`: the answer to a prompt that ends with the token <|go|> is the first one, after <|go1|> the second, and so on.
// `markers`: spellings of special tokens. `template`: a chat template whose prompts end so.
export function makeScriptedCheckpoint(folder, { scripts, markers, template, context = 8192 }) {
  mkdirSync(folder, { recursive: true });
  const starts = scripts.map((_, i) => (i ? `<|go${i}|>` : "<|go|>"));
  const special = ["<|eos|>", ...starts, ...markers];
  const seen = new Set();
  const answers = scripts.map((s) => piecesOf(s, markers, seen));
  const texts = [...letters, ...answers.flat().filter((w) => !markers.includes(w)).map(inLetters)];
  const vocab = {};
  for (const t of texts) vocab[t] ??= Object.keys(vocab).length;
  const first = Object.keys(vocab).length, count = first + special.length;
  const D = Math.ceil(count / 64) * 64;
  const id = (word) => (special.includes(word) ? first + special.indexOf(word) : vocab[inLetters(word)]);
  const next = Array(count).fill(id("<|eos|>"));
  const followed = new Set();
  for (const [i, words] of answers.entries()) {
    const chain = [starts[i], ...words, "<|eos|>"].map(id);
    for (const [j, t] of chain.slice(0, -1).entries()) {
      if (followed.has(t)) throw new Error("two pieces of the scripts are one token");
      followed.add(t);
      next[t] = chain[j + 1];
    }
  }

  const matrix = (name, shape, at = []) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (const i of at) data[i] = 1;
    return { name, shape, data };
  };
  const ones = (name) => ({ name, shape: [D], data: new Float32Array(D).fill(1) });
  const layer = (name, shape) => matrix(`model.layers.0.${name}.weight`, shape);
  writeFileSync(
    join(folder, "model.safetensors"),
    safetensors([
      matrix("model.embed_tokens.weight", [count, D], Array.from({ length: count }, (_, t) => t * D + t)),
      ...["input_layernorm", "post_attention_layernorm"].map((n) => ones(`model.layers.0.${n}.weight`)),
      ...["q", "k", "v"].map((n) => layer(`self_attn.${n}_proj`, [HEAD, D])),
      layer("self_attn.o_proj", [D, HEAD]),
      ...["gate", "up"].map((n) => layer(`mlp.${n}_proj`, [INNER, D])),
      layer("mlp.down_proj", [D, INNER]),
      ones("model.norm.weight"),
      matrix("lm_head.weight", [count, D], next.map((to, from) => to * D + from)),
    ]),
  );
  const config = {
    architectures: ["LlamaForCausalLM"], model_type: "llama", hidden_size: D, num_hidden_layers: 1,
    num_attention_heads: 1, num_key_value_heads: 1, head_dim: HEAD, intermediate_size: INNER, hidden_act: "silu",
    rms_norm_eps: 1e-5, rope_theta: 10000, max_position_embeddings: context, vocab_size: count, tie_word_embeddings: false,
    torch_dtype: "float32", bos_token_id: null, eos_token_id: id("<|eos|>"),
  };
  const added = special.map((content, i) => ({
    id: first + i, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true,
  }));
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const tokenizer = {
    version: "1.0", truncation: null, padding: null, added_tokens: added, normalizer: null, pre_tokenizer: bytes,
    post_processor: null, decoder: bytes,
    model: { type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null,
             fuse_unk: false, byte_fallback: false, vocab, merges: [] },
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify({ eos_token: "<|eos|>", chat_template: template }));
}

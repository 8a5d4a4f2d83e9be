// llama.cpp as node-llama-cpp ships it: prefill and decode speed of one GGUF file, as one JSON line.
//   node measure.mjs MODEL.gguf PREFILL DECODE THREADS
// No mmap, because llama.cpp is fastest when it may repack the weights for this CPU.
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const [file, prefill, decode, threads] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const llama = await getLlama({ gpu: false, build: "never", maxThreads: threads, logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath: file, useMmap: false, gpuLayers: 0 });
const context = await model.createContext({ contextSize: prefill + decode + 64, batchSize: prefill, threads });
const sequence = context.getSequence();
const seconds = () => performance.now() / 1000;
// The speed does not depend on the tokens; every engine gets the same ones.
const tokens = (n, seed) => Array.from({ length: n }, (_, i) => 1000 + ((i * 7919 + seed * 104729) % 20000));

await sequence.evaluateWithoutGeneratingNewTokens(tokens(16, 1));  // warm
await sequence.clearHistory();
let at = seconds();
await sequence.evaluateWithoutGeneratingNewTokens(tokens(prefill, 2));
const prefillSeconds = seconds() - at;

let count = 0;
at = 0;
for await (const _ of sequence.evaluate(tokens(1, 3), { temperature: 0, yieldEogToken: true })) {
  if (count++ === 0) at = seconds();  // the first token includes the start-up time
  if (count > decode) break;
}
console.log(JSON.stringify({
  prefill_tokens_per_second: prefill / prefillSeconds,
  decode_tokens_per_second: decode / (seconds() - at),
}));
process.exit(0);

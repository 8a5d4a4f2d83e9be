// Starts `autark serve` on a free port, waits until it is ready, and stops it.
import { spawn } from "node:child_process";
import { createServer } from "node:net";

export const MODEL = process.env.AUTARK_E2E_MODEL ?? "smollm2-135m";
export const KEY = "e2e-key";

const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

export const startProgram = (...options) => startProgramOf(MODEL, ...options);

export async function startProgramOf(model, ...options) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = ["serve", model, "--name", "model", "--port", String(port), "--api-key", KEY, ...options];
  const child = spawn(process.env.AUTARK_BIN, args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stdout.on("data", (text) => (log += text));
  child.stderr.on("data", (text) => (log += text));
  const ended = new Promise((resolve) => child.on("exit", (code) => resolve(code)));
  let gone = false;
  ended.then(() => (gone = true));
  const until = Date.now() + 300_000;
  for (;;) {
    if (gone || Date.now() > until) throw new Error(`autark serve did not become ready:\n${log}`);
    const answer = await fetch(`${url}/ready`).catch(() => undefined);
    if (answer?.ok) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    log: () => log,
    async stop() {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

// The value of one metric, the sum over its labels; 0 where it has no sample yet.
export async function metric(url, name) {
  const text = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${KEY}` } })).text();
  let sum = 0;
  for (const line of text.split("\n")) {
    if (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) sum += Number(line.slice(line.lastIndexOf(" ")));
  }
  return sum;
}

export async function eventually(what, condition) {
  const until = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > until) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

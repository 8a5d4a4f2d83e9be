// Starts `autark serve` on a free port, waits until it is ready, and stops it.
import { File } from "node:buffer";
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import "./round_trips.mjs";

globalThis.File ??= File; // the client needs it for uploads; Node 18, Debian's, has it here only

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

export const spawnProgram = (...options) => spawnProgramOf(MODEL, ...options);

// Like startProgramOf, but returns as soon as the process runs. `options` override the usual ones.
export async function spawnProgramOf(model, ...options) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const key = options.includes("--api-key") ? [] : ["--api-key", KEY];
  const args = ["serve", model, "--name", "model", "--port", String(port), "--state", "none", ...key, ...options];
  const child = spawn(process.env.AUTARK_BIN, args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stdout.on("data", (text) => (log += text));
  child.stderr.on("data", (text) => (log += text));
  const ended = new Promise((resolve) => child.on("exit", (code) => resolve(code)));
  const signal = (name) => child.kill(name);
  const stop = () => (signal("SIGTERM"), ended);
  return { url, ended, signal, stop, log: () => log };
}

export async function startProgramOf(model, ...options) {
  const program = await spawnProgramOf(model, ...options);
  let gone = false;
  program.ended.then(() => (gone = true));
  const until = Date.now() + 300_000;
  for (;;) {
    if (gone || Date.now() > until) throw new Error(`autark serve did not become ready:\n${program.log()}`);
    const answer = await fetch(`${program.url}/ready`).catch(() => undefined);
    if (answer?.ok) return program;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// The value of a metric, summed over its labels; 0 if it has no sample yet.
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

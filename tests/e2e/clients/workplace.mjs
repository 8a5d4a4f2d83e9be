// The tools of the session for clients in JavaScript, a record of their calls, and streams that are cut.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

export const session = JSON.parse(readFileSync("session.json"));
export const TASK = "Put the project in order.";
export const LONG = Boolean(process.env.AUTARK_LONG); // cuts streams with every client
export const SECONDS = 240; // for a session in which the stream of each turn is cut

const text = { type: "string" };
const object = (names) => ({ type: "object", properties: Object.fromEntries(names.map((n) => [n, text])), required: names });
// The tools, each with the schema of its arguments.
export const TOOLS = { read_file: object(["path"]), write_file: object(["path", "content"]), run_command: object(["line"]) };

export class Workplace {
  calls = [];
  run(name, input) {
    this.calls.push({ name, input });
    return `done: ${name} 😀`;
  }
}

// What the tools were asked and the model said must be the session's.
export function played(calls, texts, name) {
  assert.deepEqual(calls, session.flatMap((t) => t.calls), name);
  assert.deepEqual(texts.map((t) => t.trim()), session.map((t) => t.text.trim()), name);
}

// Calls `use` with the address of a proxy that cuts streams at an event; returns the events that it has cut.
export async function cut(url, event, where, options, use) {
  const wanted = ["--to", new URL(url).port, "--event", String(event), "--where", where, ...options];
  const proxy = spawn(process.env.AUTARK_CUT_PROXY, wanted, { stdio: "pipe" });
  let said = "";
  const [line] = await once(proxy.stdout, "data");
  proxy.stdout.on("data", (more) => (said += more));
  try {
    await use(`http://127.0.0.1:${String(line).split(" ")[1].trim()}`);
  } finally {
    proxy.stdin.end();
    await once(proxy, "close");
  }
  return [...said.matchAll(/cut (\d+)/g)].map((m) => Number(m[1]));
}

// Plays sessions in which each turn's stream is cut once, each some events later than the one before. `play(url)` returns
// how often a turn was repeated.
export async function checkCuts(name, url, play) {
  for (const [where, step] of [["inside", 1], ["before", 2], ["after", 3], ["after", 1]]) {
    const begun = Date.now();
    let broken;
    const cuts = await cut(url, 1, where, ["--times", "20", "--pass", "1", "--step", String(step)], async (address) => {
      broken = await play(address);
    });
    const seconds = (Date.now() - begun) / 1000;
    const said = `${name}, cut ${where} events ${cuts}: ${broken} repeated; ${seconds.toFixed(1)} s`;
    assert.ok(cuts.length >= 5 && broken > 0 && broken <= cuts.length && seconds < SECONDS, said);
    console.log(said);
  }
}

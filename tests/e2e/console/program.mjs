// The program under test: `autark serve` on a free port of this machine.
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const kStartMs = 120_000;

export class Program {
  static serve(...options) {
    return Program.of(process.env.AUTARK_E2E_MODEL ?? "smollm2-135m", ...options);
  }

  // With a tiny model, for tests that ask it for little or nothing.
  static async toy(...options) {
    const folder = join(await mkdtemp(join(tmpdir(), "autark-console-")), "toy");
    await makeToy(folder);
    const program = await Program.of(folder, "--name", "toy", "--threads", "1", ...options);
    program.folder = dirname(folder);
    return program;
  }

  static async of(model, ...options) {
    const program = new Program();
    const port = await freePort();
    program.url = `http://127.0.0.1:${port}/`;
    const args = ["serve", model, "--port", String(port), "--state", "none", ...options];
    program.process = spawn(process.env.AUTARK_BIN, args, { stdio: ["ignore", "pipe", "pipe"] });
    program.said = "";
    for (const stream of [program.process.stdout, program.process.stderr]) {
      stream.on("data", (bytes) => (program.said = (program.said + bytes).slice(-4000)));
    }
    program.ended = new Promise((ended) => program.process.on("exit", ended).on("error", ended));
    await program.ready();
    return program;
  }

  // Polls until the server answers. Fails if the program ends or takes too long.
  async ready() {
    const deadline = Date.now() + kStartMs;
    let over = false;
    void this.ended.then(() => (over = true));
    while (!over && Date.now() < deadline) {
      const response = await fetch(new URL("ready", this.url)).catch(() => undefined);
      if (response?.ok) return;
      await new Promise((next) => setTimeout(next, 100));
    }
    this.process.kill("SIGKILL");
    throw new Error(`autark serve ${over ? "ended" : "was not ready in time"}:\n${this.said}`);
  }

  async stop() {
    this.process.kill("SIGTERM");
    await this.ended;
    if (this.folder) await rm(this.folder, { recursive: true, force: true });
  }
}

const kToyTemplate =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking %}<think>\n{% endif %}{% endif %}";

// Makes a tiny model in `folder` whose answers are noise; with thinking, they are reasoning.
export async function makeToy(folder) {
  await cp(join(process.env.ROOT, "tests/golden/models/qwen2-untied-sharded"), folder, { recursive: true });
  const file = join(folder, "tokenizer_config.json");
  const settings = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...settings, chat_template: kToyTemplate }));
}

function freePort() {
  return new Promise((found) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
}

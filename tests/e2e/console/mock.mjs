// A server that answers the chat API from a script, step by step as the test allows it. It serves the console from the
// running program (with its bytes and headers) or from a folder.
//
//   const mock = await Mock.start({ page: "http://127.0.0.1:8080" });   // or { folder: "build/console/dist" }
//   mock.script = async (out) => { out.text("Hello"); await test.says(); out.end(); };
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

const kTypes = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};
// What GET /v1/engine says besides the requests (docs/engine-state.md).
const kIdle = {
  queue: { waiting: 1, waited_ms_max: 1500, rejected: 7 },
  batch: { running: 1, preemptions: 3 },
  pages: {
    memory: { running: 2, kept: 1, free: 1, total: 4 },
    ring_copies: { kept: 5, total: 8 },
    disk: { entries: 42, bytes: 1.5e9, bytes_max: 6e9 },
  },
  cache: { hit_ratio: 0.5, tokens: { none: { differs: 400, never_stored: 100 }, memory: { complete: 500 }, disk: {} } },
  speculation: { drafted: 10, acceptance: 0.6, drafters: { lookup: { proposals: 4, drafted: 10, acceptance: 0.6 } } },
  tokens: { prompt: 1000, generated: 20 },
  steps: { count: 20, last_ms: 12.5, seconds: { bounds: [0.01, 0.02, 0.05], counts: [9, 9, 1, 1] } },
};
const kPolicy = "default-src 'self'";

export class Mock {
  models = ["mock-model"];
  key = ""; // if not empty, requests without this key get 401
  loading = false; // true: requests get 503
  running = []; // the requests of /v1/engine
  requests = []; // bodies of the chat requests so far
  script = async (out) => out.say("A scripted answer.");

  static async start(source) {
    const mock = new Mock();
    mock.source = source;
    await mock.listen(0);
    return mock;
  }

  async listen(port) {
    this.server = createServer((request, response) => this.handle(request, response));
    await new Promise((ready) => this.server.listen(port, "127.0.0.1", ready));
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}/`;
  }

  // Disappears like a killed server; listen(mock.port) starts it again.
  async stop() {
    const closed = new Promise((done) => this.server.close(done));
    this.server.closeAllConnections();
    await closed;
  }

  async handle(request, response) {
    const path = new URL(request.url, this.url).pathname;
    if (!path.startsWith("/v1/")) return this.asset(path, response);
    if (this.key && request.headers.authorization !== `Bearer ${this.key}`) {
      return refuse(response, 401, {
        message: "Invalid API key.",
        type: "authentication_error",
        code: "invalid_api_key",
      });
    }
    if (this.loading) return refuse(response, 503, { message: "the model is being loaded" });
    if (path === "/v1/models") {
      return json(response, 200, { object: "list", data: this.models.map((id) => ({ id, object: "model" })) });
    }
    if (path === "/v1/engine") return json(response, 200, { ...kIdle, requests: this.running });
    const ended = path.match(/^\/v1\/engine\/requests\/(.*)\/cancel$/);
    if (ended) {
      this.running = this.running.filter((r) => r.id !== ended[1]);
      return json(response, 200, { id: ended[1], cancelled: true });
    }
    if (path !== "/v1/chat/completions") return refuse(response, 404, { message: `No ${path} here.` });
    let body = "";
    for await (const piece of request) body += piece;
    const asked = JSON.parse(body);
    this.requests.push(asked);
    await this.script(new Out(response, asked), asked);
  }

  async asset(path, response) {
    try {
      if (this.source.page) {
        const got = await fetch(new URL(path, this.source.page));
        const headers = Object.fromEntries(
          [...got.headers].filter(([name]) => /^content-(type|security)|^cache/.test(name)),
        );
        response.writeHead(got.status, headers).end(Buffer.from(await got.arrayBuffer()));
        return;
      }
      const file = normalize(path === "/" ? "/index.html" : path);
      const bytes = await readFile(join(this.source.folder, file));
      response.writeHead(200, { "content-type": kTypes[extname(file)], "content-security-policy": kPolicy }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  }
}

// One streamed answer.
class Out {
  constructor(response, asked) {
    this.response = response;
    this.asked = asked;
    this.gone = new Promise((gone) => response.on("close", gone));
  }

  text(content) {
    this.chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
  }

  end(reason = "stop", usage = { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 }) {
    this.chunk({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });
    if (this.asked.stream_options?.include_usage) this.chunk({ choices: [], usage });
    this.raw("data: [DONE]\n\n");
    this.response.end();
  }

  say(content) {
    for (const word of content.match(/\s*\S+\s*/g)) this.text(word);
    this.end();
  }

  fail(status, error) {
    refuse(this.response, status, error);
  }

  cut() {
    this.response.socket.destroy();
  }

  chunk(fields) {
    const chunk = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 0, model: this.asked.model, ...fields };
    this.raw(`data: ${JSON.stringify(chunk)}\n\n`);
  }

  raw(bytes) {
    if (!this.response.headersSent) this.response.writeHead(200, { "content-type": "text/event-stream" });
    this.response.write(bytes);
  }
}

export function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

export function refuse(response, status, error) {
  json(response, status, { error });
}

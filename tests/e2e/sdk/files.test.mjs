// Goal: the official OpenAI client's Files calls work unchanged. Method: files in the forms that the client takes,
// against what is shown, listed and read back.
import assert from "node:assert/strict";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import OpenAI, { toFile } from "openai";
import { KEY, startProgram } from "./program.mjs";

let program, client, folder;
before(async () => {
  program = await startProgram("--max-file", "3000000");
  client = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: KEY, maxRetries: 0 });
  folder = mkdtempSync(join(tmpdir(), "autark-files-"));
});
after(async () => {
  rmSync(folder, { recursive: true });
  assert.equal(await program?.stop(), 0);
});

const lines = Array.from({ length: 100_000 }, (_, i) => `{"line":${i}}`).join("\n");
const contentOf = async (id) => Buffer.from(await (await client.files.content(id)).arrayBuffer());

describe("files", () => {
  test("from a stream of the disk", async () => {
    const path = join(folder, "questions.jsonl");
    writeFileSync(path, lines);
    const file = await client.files.create({ file: createReadStream(path), purpose: "batch" });
    assert.match(file.id, /^file-/);
    assert.equal(file.object, "file");
    assert.equal(file.bytes, Buffer.byteLength(lines));
    assert.equal(file.filename, "questions.jsonl");
    assert.equal(file.purpose, "batch");
    assert.equal(file.status, "processed");
    assert.deepEqual(await client.files.retrieve(file.id), file);
    assert.equal((await contentOf(file.id)).toString(), lines);
  });

  test("from bytes, with an expiry", async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256));
    const file = await client.files.create({
      file: await toFile(bytes, "rohe Daten \u00e9.bin"),
      purpose: "user_data",
      expires_after: { anchor: "created_at", seconds: 7200 },
    });
    assert.equal(file.filename, "rohe Daten \u00e9.bin");
    assert.equal(file.expires_at, file.created_at + 7200);
    assert.ok((await contentOf(file.id)).equals(bytes));
  });

  test("listed in pages and deleted", async () => {
    const made = new Set();
    for (let i = 0; i < 5; ++i)
      made.add((await client.files.create({ file: await toFile(Buffer.from(`${i}`), "n"), purpose: "evals" })).id);
    const seen = [];
    for await (const file of client.files.list({ purpose: "evals", limit: 2, order: "asc" })) seen.push(file.id);
    assert.equal(seen.length, 5);
    assert.deepEqual(new Set(seen), made);
    for (const id of made) {
      assert.deepEqual(await client.files.delete(id), { id, object: "file", deleted: true });
      await assert.rejects(client.files.retrieve(id), OpenAI.NotFoundError);
      await assert.rejects(client.files.content(id), OpenAI.NotFoundError);
    }
    assert.equal((await client.files.list({ purpose: "evals" })).data.length, 0);
  });
});

describe("errors are the client's own classes", () => {
  test("a wrong purpose, a wrong key, a large file", async () => {
    const file = await toFile(Buffer.from("x"), "x");
    await assert.rejects(client.files.create({ file, purpose: "none" }), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, "purpose");
      return true;
    });
    const stranger = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: "wrong", maxRetries: 0 });
    await assert.rejects(stranger.files.create({ file, purpose: "batch" }), OpenAI.AuthenticationError);
    const large = await toFile(Buffer.alloc(3_000_001), "large");
    await assert.rejects(client.files.create({ file: large, purpose: "batch" }), (error) => error.status === 413);
  });
});

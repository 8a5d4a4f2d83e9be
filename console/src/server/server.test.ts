// Goal: a streamed answer yields its text, ending and counts; every failure has the right kind.
// Method: streams made of bytes, and the error bodies and statuses that servers send.
import { expect, test } from "vitest";
import { chatEvents, failureOf, ServerError, type ChatEvent } from "./server";

function streamOf(...pieces: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });
}

async function eventsOf(stream: ReadableStream<Uint8Array>): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const event of chatEvents(stream, new AbortController().signal)) events.push(event);
  return events;
}

async function failureIn(stream: ReadableStream<Uint8Array>): Promise<string> {
  const e: unknown = await eventsOf(stream).catch((thrown: unknown) => thrown);
  return e instanceof ServerError ? e.failure.kind : "none";
}

const text = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
const finish = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n';
const usage = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n';

test("a whole answer", async () => {
  const role = 'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n';
  expect(await eventsOf(streamOf(role, text("He"), text("llo"), finish, usage, "data: [DONE]\n\n"))).toEqual([
    { text: "He" },
    { text: "llo" },
    { finish: "stop" },
    { usage: { prompt_tokens: 3, completion_tokens: 2 } },
  ]);
});

test("reasoning and calls", async () => {
  const delta = (delta: object) => `data: ${JSON.stringify({ choices: [{ delta }] })}\n\n`;
  const begun = { index: 0, id: "call_1", type: "function", function: { name: "f", arguments: "" } };
  const more = { index: 0, function: { arguments: "{}" } };
  const stream = streamOf(
    delta({ reasoning_content: "Hm" }),
    delta({ tool_calls: [begun] }),
    delta({ tool_calls: [more] }),
    finish,
  );
  expect(await eventsOf(stream)).toEqual([{ reasoning: "Hm" }, { call: begun }, { call: more }, { finish: "stop" }]);
});

test("an answer that said why it ended needs no [DONE]; one that did not was cut", async () => {
  expect(await failureIn(streamOf(text("a"), finish))).toBe("none");
  expect(await failureIn(streamOf(text("a")))).toBe("cut");
  expect(await failureIn(streamOf())).toBe("cut");
});

test("an error in the stream ends the answer", async () => {
  expect(await failureIn(streamOf(text("a"), 'data: {"error":{"message":"out of memory"}}\n\n'))).toBe("broken");
  expect(await failureIn(streamOf("data: <html>\n\n"))).toBe("broken");
});

test.each([
  [401, '{"error":{"message":"no key"}}', "key", "no key"],
  [400, '{"error":{"message":"too long","code":"context_length_exceeded"}}', "context", "too long"],
  [400, '{"error":{"message":"m has no chat template"}}', "template", "m has no chat template"],
  [400, '{"error":{"message":"seed must be an integer"}}', "refused", "seed must be an integer"],
  [404, '{"error":"no such model"}', "refused", "no such model"],
  [413, "", "refused", "HTTP 413"],
  [429, '{"error":{"message":"queue full"}}', "busy", "queue full"],
  [503, "", "busy", ""],
  [500, "<html>nginx</html>", "broken", "HTTP 500"],
  [502, "plain words", "broken", "plain words"],
])("HTTP %i %s", (status, body, kind, detail) => {
  expect(failureOf(status, body)).toEqual({ kind, detail });
});

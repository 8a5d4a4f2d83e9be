// Goal: a stream gives the same events wherever the network cuts it.
// Method: property: every cut into two pieces, and single bytes, give the events of the whole; examples of special
// cases of the format.
import { expect, test } from "vitest";
import { SseParser, type SseEvent } from "./sse";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function parse(...pieces: Uint8Array[]): SseEvent[] {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

const streams = [
  'data: {"text":"grüße 😀 漢字"}\n\ndata: [DONE]\n\n',
  ": ping\r\n\r\nevent: error\r\ndata: one\r\ndata: two\r\n\r\ndata:three\r\n\r\n",
  "data: a\r\rdata\rdata:  b\r\rid: 7\rretry: 1\r\rdata: \r\r",
  "event: empty\n\ndata: after\n\ndata: never ended",
];

test.each(streams)("every cut gives the same events: %j", (text) => {
  const bytes = bytesOf(text);
  const whole = parse(bytes);
  expect(whole.length).toBeGreaterThan(0);
  for (let at = 0; at <= bytes.length; ++at) {
    expect(parse(bytes.subarray(0, at), bytes.subarray(at)), `cut at ${at}`).toEqual(whole);
  }
  expect(parse(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(whole);
});

test("the format's corners", () => {
  expect(parse(bytesOf(streams[1]!))).toEqual([
    { event: "error", data: "one\ntwo" },
    { event: "message", data: "three" },
  ]);
  expect(parse(bytesOf(streams[2]!)).map((e) => e.data)).toEqual(["a", "\n b", ""]);
  expect(parse(bytesOf(streams[3]!)).map((e) => e.data)).toEqual(["after"]);
});

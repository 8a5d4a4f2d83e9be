// Parses server-sent events from bytes that may be cut anywhere: within a character, a line or between \r and \n.
// Comment lines (":…"), the fields id and retry and events without data are dropped.

export interface SseEvent {
  event: string;
  data: string;
}

export class SseParser {
  private readonly decoder = new TextDecoder();
  private line = "";
  private event = "";
  private data: string[] = [];
  private afterCr = false;

  push(bytes: Uint8Array): SseEvent[] {
    const events: SseEvent[] = [];
    for (const c of this.decoder.decode(bytes, { stream: true })) {
      const afterCr = this.afterCr;
      this.afterCr = c === "\r";
      if (c === "\n" && afterCr) continue;
      if (c === "\n" || c === "\r") this.endLine(events);
      else this.line += c;
    }
    return events;
  }

  private endLine(events: SseEvent[]): void {
    const line = this.line;
    this.line = "";
    if (line === "") {
      if (this.data.length > 0) events.push({ event: this.event || "message", data: this.data.join("\n") });
      this.event = "";
      this.data = [];
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    else if (field === "event") this.event = value;
  }
}

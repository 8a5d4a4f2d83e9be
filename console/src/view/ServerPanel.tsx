// What the server does now: its queue, its memory and every request, each with a button that ends it. The numbers are
// those of GET /v1/engine, asked for while the panel is open.
import { useEffect, useRef } from "preact/hooks";
import type { Console } from "../console";
import type { EngineState, RunningRequest } from "../server/wire";
import { strings } from "../strings";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";

interface Props {
  page: Console;
  drawer: boolean;
  onClose: () => void;
}

export function ServerPanel({ page, drawer, onClose }: Props) {
  const { engine } = page.state;
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  useEffect(() => page.watchEngine(), [page]);
  return (
    <aside class={`settings${drawer ? " drawer" : ""}`} aria-label={strings.server}>
      <div class="settings-head">
        <h2>{strings.server}</h2>
        <button
          type="button"
          class="icon-button"
          ref={first}
          aria-label={strings.closeServer}
          title={strings.closeServer}
          onClick={onClose}
        >
          <Icon name="close" />
        </button>
      </div>
      {!engine && <p class="quiet">{strings.serverUnknown}</p>}
      {engine && <Rows rows={numbersOf(engine)} />}
      {engine && <Counts name={strings.reuse} rows={reuseOf(engine)} />}
      {engine && <Counts name={strings.pages} rows={pagesOf(engine)} />}
      {engine && <Counts name={strings.drafters} rows={draftersOf(engine)} />}
      {engine && <Requests page={page} requests={engine.requests} />}
    </aside>
  );
}

type Row = [name: string, value: string];

function numbersOf(engine: EngineState): Row[] {
  const { serverNumbers: names } = strings;
  const { memory } = engine.pages;
  return [
    [names.running, String(engine.batch.running)],
    [names.waiting, String(engine.queue.waiting)],
    [names.longest, strings.seconds(engine.queue.waited_ms_max)],
    [names.rejected, strings.number(engine.queue.rejected)],
    [names.preemptions, strings.number(engine.batch.preemptions)],
    [names.memory, strings.percent(memory.total ? (memory.running + memory.kept) / memory.total : 0)],
    [names.reused, strings.percent(engine.cache.hit_ratio)],
    [names.step, strings.milliseconds(engine.steps.last_ms)],
    [names.steps, timeOf(0.9, engine.steps.seconds)],
    [names.tokens, strings.twoCounts(engine.tokens.prompt, engine.tokens.generated)],
  ];
}

// The least bound that holds this share of the steps.
function timeOf(share: number, { bounds, counts }: EngineState["steps"]["seconds"]): string {
  const all = counts.reduce((sum, n) => sum + n, 0);
  let within = 0;
  const at = counts.findIndex((n) => (within += n) >= share * all);
  const bound = bounds[at];
  return all > 0 && bound !== undefined ? strings.atMost(bound * 1000) : "–";
}

// State by kind and place. Without windows or a disk, their rows are left out.
function pagesOf({ pages }: EngineState): Row[] {
  const { pageNames: names } = strings;
  const { memory, ring_copies: copies, disk } = pages;
  const rows: Row[] = [
    [names.running, strings.number(memory.running)],
    [names.kept, strings.number(memory.kept)],
    [names.free, strings.number(memory.free)],
  ];
  if (copies.total > 0) rows.push([names.copies, strings.twoCounts(copies.kept, copies.total)]);
  if (disk.bytes_max > 0) {
    rows.push([names.entries, strings.number(disk.entries)]);
    rows.push([names.disk, strings.gigabytes(disk.bytes, disk.bytes_max)]);
  }
  return rows;
}

// Prompt tokens by where their state came from and why not more was reused, the most first.
function reuseOf(engine: EngineState): Row[] {
  const counts = Object.entries(engine.cache.tokens).flatMap(([tier, of]) =>
    Object.entries(of).map(([why, n]) => ({ tier, why, n })),
  );
  counts.sort((a, b) => b.n - a.n);
  return counts.map(({ tier, why, n }) => [strings.tierAndWhy(tier, why), strings.tokenCount(n)]);
}

function draftersOf(engine: EngineState): Row[] {
  const drafters = Object.entries(engine.speculation.drafters);
  return drafters.map(([name, d]) => [name, strings.acceptedOf(d.acceptance, d.drafted)]);
}

function Counts({ name, rows }: { name: string; rows: Row[] }) {
  if (rows.length === 0) return null;
  return (
    <>
      <h3>{name}</h3>
      <Rows rows={rows} />
    </>
  );
}

function Rows({ rows }: { rows: Row[] }) {
  return (
    <dl class="shortcuts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Requests({ page, requests }: { page: Console; requests: RunningRequest[] }) {
  return (
    <>
      <h3>{strings.requests}</h3>
      {requests.length === 0 && <p class="quiet">{strings.noRequests}</p>}
      <ul class="requests">
        {requests.map((r) => (
          <li key={r.id} class="request">
            <div class="request-text">
              <code>{r.id}</code>
              <span class="quiet">{progressOf(r)}</span>
            </div>
            <IconButton
              icon="stop"
              label={strings.endRequest(r.id)}
              size={16}
              onClick={() => void page.endRequest(r.id)}
            />
          </li>
        ))}
      </ul>
    </>
  );
}

function progressOf(r: RunningRequest): string {
  const parts = [`${strings.stages[r.state]}, ${strings.seconds(r.ms)}`];
  if (r.queue) parts.push(strings.place(r.queue.position, r.queue.wait_ms));
  else parts.push(strings.twoCounts(r.prompt_tokens, r.completion_tokens));
  return parts.join(" · ");
}

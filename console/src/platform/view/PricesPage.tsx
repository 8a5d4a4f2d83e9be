// Price files: all versions, the one that counts now first, and a form for a new one.
import { useId, useState } from "preact/hooks";
import type { Admin } from "../admin";
import { may } from "../rights";
import { formatTime, texts } from "../texts";
import type { Me, PriceFile } from "../wire";
import { FormDialog } from "./Dialog";
import { Empty, LoadState, useDoing, useLoaded } from "./loading";
import type { PageProps } from "./Pages";

export function PricesPage({ platform, me }: PageProps) {
  const loaded = useLoaded(() => platform.admin.prices(), []);
  const [adding, setAdding] = useState(false);
  const { prices } = texts;
  const files = [...(loaded.data ?? [])].sort((a, b) => (a.valid_from < b.valid_from ? 1 : -1));
  return (
    <>
      <p class="lead quiet">{prices.hint}</p>
      {may(me, "prices") && (
        <div class="page-buttons">
          <button type="button" class="primary" onClick={() => setAdding(true)}>
            {prices.create}
          </button>
        </div>
      )}
      <LoadState loaded={loaded} />
      {loaded.data?.length === 0 && <Empty title={prices.empty} hint={prices.emptyHint} />}
      <ul class="cards">
        {files.map((file) => (
          <PriceCard key={file.version} file={file} />
        ))}
      </ul>
      {adding && (
        <NewPrices
          admin={platform.admin}
          me={me}
          latest={files[0]}
          onClose={() => setAdding(false)}
          onDone={() => {
            setAdding(false);
            void loaded.reload();
          }}
        />
      )}
    </>
  );
}

function PriceCard({ file }: { file: PriceFile }) {
  const { prices } = texts;
  const state = file.current ? "current" : Date.parse(file.valid_from) > Date.now() ? "future" : "past";
  const facts: [string, string | null][] = [
    [prices.validFrom, formatTime(file.valid_from)],
    [prices.currency, file.currency],
    [prices.timeZone, file.time_zone],
  ];
  return (
    <li class="card">
      <div class="card-head">
        <h2>{file.version}</h2>
        <span class={`badge ${file.current ? "active" : ""}`}>{prices[state]}</span>
      </div>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value ?? texts.none}</dd>
          </div>
        ))}
      </dl>
      <details open={file.current}>
        <summary>{prices.show}</summary>
        <pre tabIndex={0}>{file.body}</pre>
      </details>
    </li>
  );
}

interface NewProps {
  admin: Admin;
  me: Me;
  latest: PriceFile | undefined; // the new file begins as a copy of it
  onClose: () => void;
  onDone: () => void;
}

function NewPrices({ admin, me, latest, onClose, onDone }: NewProps) {
  const [body, setBody] = useState(() => latest?.body ?? sampleOf(me.account.currency));
  const doing = useDoing();
  const id = useId();
  const { prices } = texts;
  const submit = async () => {
    if (body.trim() && (await doing.run(() => admin.addPrices(body)))) onDone();
  };
  return (
    <FormDialog
      title={prices.title}
      submit={prices.create}
      doing={doing}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <div class="field">
        <label class="field-label" for={id}>
          {prices.body}
        </label>
        <textarea
          id={id}
          class="file"
          rows={16}
          spellcheck={false}
          aria-describedby={`${id}-hint`}
          value={body}
          onInput={(e) => setBody((e.currentTarget as HTMLTextAreaElement).value)}
        />
        <p id={`${id}-hint`} class="field-hint">
          {prices.hint} {prices.bodyHint}
        </p>
      </div>
    </FormDialog>
  );
}

function sampleOf(currency: string): string {
  const today = new Date().toISOString().slice(0, 10);
  return `version = "${today}"
valid_from = ${today}T00:00:00+08:00
currency = "${currency}"
time_zone = "Asia/Shanghai"

[models."*"]
input = 1
cached = 0.02
cache_write = 1
output = 4
reasoning = 4
`;
}

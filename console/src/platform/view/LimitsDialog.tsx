// The limits of one key or workspace: what is used of them, raises for some time, and, for system administrators, setting and
// removing them.
import { useState } from "preact/hooks";
import type { Admin } from "../admin";
import { may } from "../rights";
import { formatTime, texts } from "../texts";
import type { Limit, LimitKind, LimitLevel, Me, Sum } from "../wire";
import { amountText, sumOf, wholeOf } from "./amounts";
import { Dialog } from "./Dialog";
import { SelectField, TextField } from "./fields";
import { Failure, LoadState, useDoing, useLoaded } from "./loading";

interface Props {
  admin: Admin;
  me: Me;
  level: LimitLevel;
  subject: string; // id
  name: string;
  onClose: () => void;
  onChange: () => void;
}

export function LimitsDialog({ admin, me, level, subject, name, onClose, onChange }: Props) {
  const loaded = useLoaded(() => admin.limits({ level, subject }), [level, subject]);
  const [raising, setRaising] = useState<Limit | null>(null);
  const mayChange = may(me, "limits");
  const changed = () => {
    setRaising(null);
    void loaded.reload();
    onChange();
  };
  const doing = useDoing();
  const remove = async ({ model, kind }: Limit) => {
    const gone = { level, subject, kind, amount: null, ...(model && { model }) };
    if (await doing.run(() => admin.setLimit(gone))) changed();
  };
  return (
    <Dialog title={texts.limits.title(name)} onClose={onClose}>
      <LoadState loaded={loaded} />
      {loaded.data?.length === 0 && <p class="quiet">{texts.limits.empty}</p>}
      <ul class="limits">
        {loaded.data?.map((limit) => (
          <li key={`${limit.kind} ${limit.model}`}>
            <LimitLine limit={limit} />
            {mayChange && (
              <div class="row-buttons">
                <button type="button" class="link-button" onClick={() => setRaising(limit)}>
                  {texts.limits.raise}
                </button>
                <button type="button" class="link-button" onClick={() => void remove(limit)}>
                  {texts.limits.remove}
                </button>
              </div>
            )}
          </li>
        ))}
      </ul>
      <Failure failure={doing.failure} />
      {raising && <RaiseForm admin={admin} limit={raising} onCancel={() => setRaising(null)} onDone={changed} />}
      {mayChange && !raising && (
        <SetForm admin={admin} currency={me.account.currency} level={level} subject={subject} onDone={changed} />
      )}
    </Dialog>
  );
}

function LimitLine({ limit }: { limit: Limit }) {
  const { limits, budgets } = texts;
  const period = limit.kind === "budget" ? (budgets.periods[limit.period ?? ""] ?? limit.period) : "";
  const model = limit.model ? limits.forModel(limit.model) : "";
  const notes = [
    limit.used !== null ? limits.used(amountText(limit.used)) : "",
    limit.raised !== null && limit.until ? limits.raised(amountText(limit.raised), formatTime(limit.until)) : "",
    limit.kind === "budget" && limit.reset ? budgets.resets(formatTime(limit.reset)) : "",
  ].filter(Boolean);
  return (
    <div>
      <strong>{limits.kinds[limit.kind]}</strong>{" "}
      <span>{[amountText(limit.amount), period, model].filter(Boolean).join(" ")}</span>
      {notes.length > 0 && <p class="field-hint">{notes.join(" · ")}</p>}
    </div>
  );
}

// As the server takes it: a whole number, or a sum of a budget.
function amountOf(kind: LimitKind, text: string, currency: string): number | Sum | null {
  if (kind !== "budget") return wholeOf(text);
  const amount = sumOf(text);
  return amount ? { currency, amount } : null;
}

interface RaiseProps {
  admin: Admin;
  limit: Limit;
  onCancel: () => void;
  onDone: () => void;
}

function RaiseForm({ admin, limit, onCancel, onDone }: RaiseProps) {
  const { level, subject, kind, model } = limit;
  const currency = typeof limit.amount === "number" ? "" : limit.amount.currency;
  const [text, setText] = useState("");
  const [hours, setHours] = useState("24");
  const [tried, setTried] = useState(false);
  const doing = useDoing();
  const amount = amountOf(kind, text, currency);
  const submit = async (e: Event) => {
    e.preventDefault();
    setTried(true);
    if (!amount) return;
    const until = new Date(Date.now() + Number(hours) * 3_600_000).toISOString().replace(/\.\d+Z$/, "Z");
    const raise = { level, subject, kind, amount, until, ...(model && { model }) };
    if (await doing.run(() => admin.raiseLimit(raise))) onDone();
  };
  return (
    <form class="form boxed" noValidate onSubmit={(e) => void submit(e)}>
      <h3>{texts.limits.raiseTitle(texts.limits.kinds[kind])}</h3>
      <p class="quiet">{texts.limits.raiseHint}</p>
      <div class="pair">
        <AmountField
          kind={kind}
          currency={currency}
          value={text}
          onChange={setText}
          wrong={tried && !amount}
          isNew
          autofocus
        />
        <SelectField
          label={texts.limits.until}
          value={hours}
          onChange={setHours}
          options={Object.entries(texts.limits.durations)}
        />
      </div>
      <Failure failure={doing.failure} />
      <div class="dialog-foot">
        <button type="button" class="secondary" onClick={onCancel}>
          {texts.cancel}
        </button>
        <button type="submit" class="primary" disabled={doing.busy}>
          {doing.busy ? texts.working : texts.limits.raise}
        </button>
      </div>
    </form>
  );
}

interface AmountProps {
  kind: LimitKind;
  currency: string;
  value: string;
  onChange: (value: string) => void;
  wrong: boolean;
  isNew?: boolean; // another amount of a limit that there is
  autofocus?: boolean;
}

function AmountField({ kind, currency, wrong, isNew, ...field }: AmountProps) {
  const fault = kind === "budget" ? texts.sum : texts.wholeNumber;
  const words = isNew ? texts.limits.newAmount : texts.limits.amount;
  const label = kind === "budget" ? `${words} (${currency})` : words;
  return <TextField label={label} numeric wrong={wrong ? fault : undefined} {...field} />;
}

interface SetProps {
  admin: Admin;
  currency: string;
  level: LimitLevel;
  subject: string;
  onDone: () => void;
}

const kKinds: LimitKind[] = ["budget", "rpm", "tpm", "concurrency", "burst"];

function SetForm({ admin, currency, level, subject, onDone }: SetProps) {
  const [kind, setKind] = useState<LimitKind>("budget");
  const [text, setText] = useState("");
  const [period, setPeriod] = useState("month");
  const [model, setModel] = useState("");
  const [tried, setTried] = useState(false);
  const doing = useDoing();
  const amount = amountOf(kind, text, currency);
  const { limits, budgets, keys } = texts;
  const submit = async (e: Event) => {
    e.preventDefault();
    setTried(true);
    if (!amount) return;
    const narrow = { ...(model.trim() && { model: model.trim() }), ...(kind === "budget" && { period }) };
    if (!(await doing.run(() => admin.setLimit({ level, subject, kind, amount, ...narrow })))) return;
    setText("");
    setTried(false);
    onDone();
  };
  return (
    <form class="form boxed" noValidate onSubmit={(e) => void submit(e)}>
      <h3>{limits.set}</h3>
      <div class="pair">
        <SelectField
          label={limits.kind}
          value={kind}
          onChange={(value) => setKind(value as LimitKind)}
          options={kKinds.map((one) => [one, limits.kinds[one]])}
        />
        <AmountField kind={kind} currency={currency} value={text} onChange={setText} wrong={tried && !amount} />
        {kind === "budget" && (
          <SelectField
            label={keys.period}
            value={period}
            onChange={setPeriod}
            options={Object.entries(budgets.periods)}
          />
        )}
        <TextField label={limits.model} value={model} onChange={setModel} hint={limits.modelHint} />
      </div>
      <Failure failure={doing.failure} />
      <div class="dialog-foot">
        <button type="submit" class="secondary" disabled={doing.busy}>
          {doing.busy ? texts.working : limits.set}
        </button>
      </div>
    </form>
  );
}

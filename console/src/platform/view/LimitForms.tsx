// What all places that show limits share: a limit in words, the form that sets one, and the one that raises it for some time.
import { useState } from "preact/hooks";
import type { Admin } from "../admin";
import { nanosOf } from "../money";
import { formatTime, texts } from "../texts";
import type { Limit, LimitKind, LimitLevel, Sum } from "../wire";
import { amountText, sumOf, wholeOf } from "./amounts";
import { FormFoot } from "./Dialog";
import { SelectField, TextField } from "./fields";
import { useDoing } from "./loading";

// What a limit is of: "Requests a minute 60", and its notes: "raised to 240 until …".
export function LimitLine({ limit }: { limit: Limit }) {
  const { limits } = texts;
  const notes = notesOf(limit);
  return (
    <div>
      <strong>{limits.kinds[limit.kind]}</strong> <span>{boundText(limit)}</span>
      {notes.length > 0 && <p class="field-hint">{notes.join(" · ")}</p>}
    </div>
  );
}

// "¥40.00 a month for qwen3 only"
export function boundText(limit: Limit): string {
  const { limits, budgets } = texts;
  const period = limit.kind === "budget" ? (budgets.periods[limit.period ?? ""] ?? limit.period) : "";
  const model = limit.model ? limits.forModel(limit.model) : "";
  return [amountText(limit.amount), period, model].filter(Boolean).join(" ");
}

export function raiseText({ raised, until }: Limit): string {
  return raised !== null && until ? texts.limits.raised(amountText(raised), formatTime(until)) : "";
}

function notesOf(limit: Limit): string[] {
  const { limits, budgets } = texts;
  return [
    limit.used !== null ? limits.used(amountText(limit.used)) : "",
    raiseText(limit),
    limit.kind === "budget" && limit.reset ? budgets.resets(formatTime(limit.reset)) : "",
  ].filter(Boolean);
}

// The request that names a limit.
export function nameOf({ level, subject, kind, model }: Limit) {
  return { level, subject, kind, ...(model && { model }) };
}

// As the server takes it: a whole number, or a sum of a budget.
function amountOf(kind: LimitKind, text: string, currency: string): number | Sum | null {
  if (kind !== "budget") return wholeOf(text);
  const amount = sumOf(text);
  return amount ? { currency, amount } : null;
}

function isMore(a: number | Sum, b: number | Sum): boolean {
  if (typeof a === "number" || typeof b === "number") return Number(a) > Number(b);
  return (nanosOf(a.amount) ?? 0n) > (nanosOf(b.amount) ?? 0n);
}

interface AmountProps {
  label: string;
  kind: LimitKind;
  currency: string;
  value: string;
  onChange: (value: string) => void;
  wrong: string | undefined;
  autofocus?: boolean;
}

function AmountField({ label, kind, currency, ...field }: AmountProps) {
  return <TextField label={kind === "budget" ? texts.inUnit(label, currency) : label} numeric {...field} />;
}

interface RaiseProps {
  admin: Admin;
  limit: Limit;
  onCancel: () => void;
  onDone: () => void;
}

const kOther = "other"; // an end of the caller's choice
const kHourMs = 3_600_000;
const kRaiseMaxMs = 31 * 24 * kHourMs;

export function RaiseForm({ admin, limit, onCancel, onDone }: RaiseProps) {
  const { kind } = limit;
  const currency = typeof limit.amount === "number" ? "" : limit.amount.currency;
  const [text, setText] = useState("");
  const [span, setSpan] = useState("24");
  const [end, setEnd] = useState(() => localTime(Date.now() + 24 * kHourMs));
  const [tried, setTried] = useState(false);
  const doing = useDoing("amount", "until");
  const { limits } = texts;
  const amount = amountOf(kind, text, currency);
  const isAbove = amount !== null && isMore(amount, limit.amount);
  const until = span === kOther ? Date.parse(end) : Date.now() + Number(span) * kHourMs;
  const isLater = until > Date.now() && until <= Date.now() + kRaiseMaxMs;
  const wrongAmount = amount === null ? faultOf(kind) : isAbove ? undefined : limits.notAbove(amountText(limit.amount));
  const submit = async (e: Event) => {
    e.preventDefault();
    setTried(true);
    if (!amount || !isAbove || !isLater) return;
    const raise = { ...nameOf(limit), amount, until: new Date(until).toISOString().replace(/\.\d+Z$/, "Z") };
    if (await doing.run(() => admin.raiseLimit(raise))) onDone();
  };
  return (
    <form class="form boxed" noValidate onSubmit={(e) => void submit(e)}>
      <h3>{limits.raiseTitle(`${limits.kinds[kind]} ${boundText(limit)}`)}</h3>
      <p class="quiet">{limits.raiseHint}</p>
      <div class="pair">
        <AmountField
          label={limits.newAmount}
          kind={kind}
          currency={currency}
          value={text}
          onChange={setText}
          wrong={(tried ? wrongAmount : undefined) ?? doing.wrong("amount")}
          autofocus
        />
        <SelectField
          label={limits.until}
          value={span}
          onChange={setSpan}
          options={[...Object.entries(limits.durations), [kOther, limits.otherEnd]]}
          wrong={span === kOther ? undefined : doing.wrong("until")}
        />
        {span === kOther && (
          <TextField
            label={limits.end}
            type="datetime-local"
            value={end}
            min={localTime(Date.now())}
            onChange={setEnd}
            wrong={tried && !isLater ? limits.wrongEnd : doing.wrong("until")}
          />
        )}
      </div>
      <FormFoot doing={doing} submit={limits.raise} onCancel={onCancel} />
    </form>
  );
}

function faultOf(kind: LimitKind): string {
  return kind === "budget" ? texts.sum : texts.wholeNumber;
}

// As a field of the type datetime-local has it, in the browser's time zone.
function localTime(ms: number): string {
  const offset = new Date(ms).getTimezoneOffset() * 60_000;
  return new Date(ms - offset).toISOString().slice(0, 16);
}

// Asks before a limit goes: whoever it held is free at once.
export function RemoveForm({ admin, limit, onCancel, onDone }: RaiseProps) {
  const doing = useDoing();
  const { limits } = texts;
  const submit = async (e: Event) => {
    e.preventDefault();
    if (await doing.run(() => admin.setLimit({ ...nameOf(limit), amount: null }))) onDone();
  };
  return (
    <form class="form boxed" onSubmit={(e) => void submit(e)}>
      <h3>{limits.removeTitle(`${limits.kinds[limit.kind]} ${boundText(limit)}`)}</h3>
      <p class="quiet">{limits.removeHint}</p>
      <FormFoot doing={doing} submit={limits.remove} danger cancelFocused onCancel={onCancel} />
    </form>
  );
}

interface SetProps {
  admin: Admin;
  currency: string;
  level: LimitLevel;
  subject: string; // an id, or a model's name; empty: none chosen yet
  models: string[]; // proposals
  onDone: () => void;
  isWhole?: boolean; // the form is all of its dialog
  onMissing?: () => void; // sent without a subject
}

const kKinds: LimitKind[] = ["budget", "rpm", "tpm", "concurrency", "burst"];

export function SetForm({ admin, currency, level, subject, models, isWhole, onDone, onMissing }: SetProps) {
  const [kind, setKind] = useState<LimitKind>("budget");
  const [text, setText] = useState("");
  const [period, setPeriod] = useState("month");
  const [model, setModel] = useState("");
  const [tried, setTried] = useState(false);
  const doing = useDoing("amount", "period", "model");
  const amount = amountOf(kind, text, currency);
  const { limits, budgets, keys } = texts;
  const submit = async (e: Event) => {
    e.preventDefault();
    setTried(true);
    if (!subject) onMissing?.();
    if (!amount || !subject) return;
    const only = level !== "model" && model.trim() ? { model: model.trim() } : {};
    const limit = { level, subject, kind, amount, ...only, ...(kind === "budget" && { period }) };
    if (!(await doing.run(() => admin.setLimit(limit)))) return;
    setText("");
    setTried(false);
    onDone();
  };
  return (
    <form class={isWhole ? "form" : "form boxed"} noValidate onSubmit={(e) => void submit(e)}>
      {!isWhole && <h3>{limits.set}</h3>}
      <div class="pair">
        <SelectField
          label={limits.kind}
          value={kind}
          onChange={(value) => setKind(value as LimitKind)}
          options={kKinds.map((one) => [one, limits.kinds[one]])}
        />
        <AmountField
          label={limits.amount}
          kind={kind}
          currency={currency}
          value={text}
          onChange={setText}
          wrong={tried && !amount ? faultOf(kind) : doing.wrong("amount")}
        />
        {kind === "budget" && (
          <SelectField
            label={keys.period}
            value={period}
            onChange={setPeriod}
            options={Object.entries(budgets.periods)}
            wrong={doing.wrong("period")}
          />
        )}
        {level !== "model" && (
          <TextField
            label={limits.model}
            value={model}
            onChange={setModel}
            list={models}
            hint={limits.modelHint}
            wrong={doing.wrong("model")}
          />
        )}
      </div>
      <FormFoot doing={doing} submit={limits.set} />
    </form>
  );
}

// The usage page's question as fields. Each change goes to the address.
import { useEffect, useState } from "preact/hooks";
import { texts } from "../texts";
import { addressOf, bucketsOf, fitting, kDimensions, kPeriods, type Question } from "../usage";
import type { Bucket, Dimension } from "../wire";
import { SelectField, TextField } from "./fields";
import type { Names } from "./names";

interface Props {
  question: Question;
  names: Names;
}

export function ask(question: Question): void {
  location.hash = addressOf(fitting(question));
}

export function UsageFilters({ question, names }: Props) {
  const set = (patch: Partial<Question>) => ask({ ...question, ...patch });
  const filtered = question.workspace || question.key || question.model || question.user;
  const [open, setOpen] = useState(filtered !== "");
  const { usage } = texts;
  return (
    <div class="filters">
      <div class="filter-row">
        <SelectField
          label={usage.period}
          value={question.period}
          onChange={(period) => set({ period: period as Question["period"] })}
          options={kPeriods.map((period) => [period, usage.periods[period]])}
        />
        {question.period === "custom" && (
          <>
            <TextField label={usage.from} type="date" value={question.from} onChange={(from) => set({ from })} />
            <TextField label={usage.to} type="date" value={question.to} onChange={(to) => set({ to })} />
          </>
        )}
        <SelectField
          label={usage.bucket}
          value={question.bucket}
          onChange={(bucket) => set({ bucket: bucket as Bucket })}
          options={bucketsOf(question.period).map((bucket) => [bucket, usage.buckets[bucket]])}
        />
        <SelectField
          label={usage.by}
          value={question.by}
          onChange={(by) => set({ by: by as Dimension | "" })}
          options={[["", usage.ungrouped], ...kDimensions.map((by) => [by, usage.dimensions[by]] as const)]}
        />
        <button type="button" class="secondary" aria-expanded={open} onClick={() => setOpen(!open)}>
          {usage.filters}
        </button>
      </div>
      {open && (
        <div class="filter-row">
          <NameField dimension="workspace" value={question.workspace} names={names.workspace} onChange={set} />
          <NameField dimension="key" value={question.key} names={names.key} onChange={set} />
          <EnteredField dimension="model" value={question.model} list={names.models} onChange={set} />
          <EnteredField dimension="user" value={question.user} list={[]} onChange={set} />
        </div>
      )}
    </div>
  );
}

interface NameProps {
  dimension: "workspace" | "key";
  value: string;
  names: Map<string, string>;
  onChange: (patch: Partial<Question>) => void;
}

function NameField({ dimension, value, names, onChange }: NameProps) {
  const options: [string, string][] = [["", texts.usage.noFilter], ...names];
  if (value && !names.has(value)) options.push([value, value]);
  return (
    <SelectField
      label={texts.usage.dimensions[dimension]}
      value={value}
      onChange={(id) => onChange({ [dimension]: id })}
      options={options}
    />
  );
}

interface EnteredProps {
  dimension: "model" | "user";
  value: string;
  list: string[];
  onChange: (patch: Partial<Question>) => void;
}

// Asks with Enter, or when the field is left: not with each letter.
function EnteredField({ dimension, value, list, onChange }: EnteredProps) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const done = () => typed.trim() !== value && onChange({ [dimension]: typed.trim() });
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        done();
      }}
      onFocusOut={done}
    >
      <TextField label={texts.usage.dimensions[dimension]} value={typed} onChange={setTyped} list={list} />
    </form>
  );
}

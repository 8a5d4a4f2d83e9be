// Labelled fields of forms. A field says what is wrong with its value once somebody has tried to send it.
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { copyText } from "../../view/copy";
import { Icon } from "../../view/Icon";
import { texts } from "../texts";

interface TextProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  hint?: string;
  wrong?: string | undefined; // what is wrong with the value
  type?: "text" | "password" | "date" | "datetime-local" | "search";
  min?: string; // of dates
  autocomplete?: string;
  numeric?: boolean;
  autofocus?: boolean;
  list?: string[]; // proposals
  end?: ComponentChildren; // beside the field
}

export function TextField({ label, value, onChange, hint, wrong, type = "text", list, end, ...how }: TextProps) {
  const id = useId();
  const said = wrong ?? hint;
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      <div class="field-line">
        <input
          id={id}
          type={type}
          value={value}
          spellcheck={false}
          autocomplete={how.autocomplete ?? "off"}
          autofocus={how.autofocus}
          min={how.min}
          dir={type === "text" ? "auto" : undefined}
          inputMode={how.numeric ? "decimal" : undefined}
          list={list ? `${id}-list` : undefined}
          aria-invalid={wrong !== undefined}
          aria-describedby={said ? `${id}-hint` : undefined}
          onInput={(e) => onChange((e.currentTarget as HTMLInputElement).value)}
        />
        {end}
      </div>
      {list && (
        <datalist id={`${id}-list`}>
          {list.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      )}
      <Hint id={`${id}-hint`} said={said} wrong={wrong !== undefined} />
    </div>
  );
}

interface SelectProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  options: readonly (readonly [value: string, words: string])[];
  hint?: string;
  wrong?: string | undefined;
}

export function SelectField({ label, value, onChange, options, hint, wrong }: SelectProps) {
  const id = useId();
  const said = wrong ?? hint;
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      <select
        id={id}
        value={value}
        aria-invalid={wrong !== undefined}
        aria-describedby={said ? `${id}-hint` : undefined}
        onChange={(e) => onChange((e.currentTarget as HTMLSelectElement).value)}
      >
        {options.map(([option, words]) => (
          <option key={option} value={option}>
            {words}
          </option>
        ))}
      </select>
      <Hint id={`${id}-hint`} said={said} wrong={wrong !== undefined} />
    </div>
  );
}

function Hint({ id, said, wrong }: { id: string; said: string | undefined; wrong: boolean }) {
  if (!said) return null;
  return (
    <p id={id} class={wrong ? "field-hint wrong" : "field-hint"} role={wrong ? "alert" : undefined}>
      {said}
    </p>
  );
}

interface ChecksProps {
  label: string;
  options: readonly (readonly [value: string, words: string, hint?: string])[];
  values: string[];
  onChange: (values: string[]) => void;
  hint?: string;
  wrong?: string | undefined;
}

export function CheckFields({ label, options, values, onChange, hint, wrong }: ChecksProps) {
  const id = useId();
  const toggle = (value: string) =>
    onChange(values.includes(value) ? values.filter((v) => v !== value) : [...values, value]);
  return (
    <fieldset class="field checks" aria-describedby={(wrong ?? hint) ? `${id}-hint` : undefined}>
      <legend class="field-label">{label}</legend>
      {options.map(([value, words, more]) => (
        <label key={value} class="check">
          <input type="checkbox" checked={values.includes(value)} onChange={() => toggle(value)} />
          <span>
            <bdi>{words}</bdi>
            {more && <span class="quiet"> {more}</span>}
          </span>
        </label>
      ))}
      <Hint id={`${id}-hint`} said={wrong ?? hint} wrong={wrong !== undefined} />
    </fieldset>
  );
}

// A text to take along, with a button that copies it.
export function CopyField({ label, text }: { label: string; text: string }) {
  const [state, setState] = useState<"" | "copied" | "copyFailed">("");
  const id = useId();
  const copy = async () => setState((await copyText(text)) ? "copied" : "copyFailed");
  return (
    <div class="field">
      <span class="field-label" id={id}>
        {label}
      </span>
      <div class="copy-line">
        <code tabIndex={0} role="textbox" aria-readonly="true" aria-labelledby={id}>
          {text}
        </code>
        <button type="button" class="secondary" aria-label={texts.copiedTo(label)} onClick={() => void copy()}>
          <Icon name={state === "copied" ? "check" : "copy"} size={16} />
          {state === "copied" ? texts.copied : texts.copy}
        </button>
      </div>
      <p class="field-hint" role="status">
        {state === "copyFailed" ? texts.copyFailed : state === "copied" ? texts.copied : ""}
      </p>
    </div>
  );
}

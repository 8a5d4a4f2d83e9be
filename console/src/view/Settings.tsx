// Sampling controls and the system prompt. A field with an invalid value says so and changes nothing.
import { useEffect, useRef, useState } from "preact/hooks";
import { kBounds, kDefaultSampling, kSamplingNumbers, parseSampling, type SamplingNumber } from "../chat/sampling";
import type { Console } from "../console";
import { strings } from "../strings";
import { Icon } from "./Icon";

interface Props {
  page: Console;
  drawer: boolean;
  onClose: () => void;
}

export function Settings({ page, drawer, onClose }: Props) {
  const { sampling } = page.state;
  const [reset, setReset] = useState(0);
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <aside class={`settings${drawer ? " drawer" : ""}`} aria-label={strings.settings}>
      <div class="settings-head">
        <h2>{strings.settings}</h2>
        <button
          type="button"
          class="icon-button"
          ref={first}
          aria-label={strings.closeSettings}
          title={strings.closeSettings}
          onClick={onClose}
        >
          <Icon name="close" />
        </button>
      </div>
      <label class="field">
        <span class="field-label">{strings.systemPrompt}</span>
        <textarea
          rows={4}
          placeholder={strings.systemHint}
          value={sampling.system}
          onInput={(e) => page.setSampling({ system: (e.currentTarget as HTMLTextAreaElement).value })}
        />
      </label>
      <p class="quiet">{strings.settingsHint}</p>
      <div class="fields">
        {kSamplingNumbers.map((name) => (
          <NumberField
            key={`${name}${reset}`}
            name={name}
            value={sampling[name]}
            onChange={(value) => page.setSampling({ [name]: value })}
          />
        ))}
      </div>
      <button
        type="button"
        class="secondary"
        onClick={() => {
          page.setSampling(kDefaultSampling);
          setReset(reset + 1);
        }}
      >
        {strings.reset}
      </button>
      <h3>{strings.keyboard}</h3>
      <dl class="shortcuts">
        {strings.shortcuts.map(([key, effect]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{effect}</dd>
          </div>
        ))}
      </dl>
    </aside>
  );
}

interface NumberProps {
  name: SamplingNumber;
  value: number | null;
  onChange: (value: number | null) => void;
}

function NumberField({ name, value, onChange }: NumberProps) {
  const [text, setText] = useState(value === null ? "" : String(value));
  const [wrong, setWrong] = useState(false);
  const { label, hint } = strings.sampling[name];
  const { least, most, whole } = kBounds[name];
  const onInput = (typed: string) => {
    setText(typed);
    const parsed = parseSampling(name, typed);
    setWrong(parsed === undefined);
    if (parsed !== undefined) onChange(parsed);
  };
  return (
    <div class="field">
      <label class="field-row">
        <span class="field-label">{label}</span>
        <input
          name={name}
          inputMode={whole ? "numeric" : "decimal"}
          autocomplete="off"
          placeholder={strings.unset}
          value={text}
          aria-invalid={wrong}
          aria-describedby={`hint-${name}`}
          onInput={(e) => onInput((e.currentTarget as HTMLInputElement).value)}
        />
      </label>
      <p id={`hint-${name}`} class={wrong ? "field-hint wrong" : "field-hint"} role={wrong ? "alert" : undefined}>
        {wrong ? strings.invalid(least, most, whole) : hint}
      </p>
    </div>
  );
}

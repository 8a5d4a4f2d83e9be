// The form of a new key: what it is for, what it may do and how much.
import { useState } from "preact/hooks";
import type { Admin } from "../admin";
import { texts } from "../texts";
import type { Key, Me, NewKey, Workspace } from "../wire";
import { sumOf, wholeOf } from "./amounts";
import { FormDialog } from "./Dialog";
import { SelectField, TextField } from "./fields";
import { useDoing } from "./loading";

interface Props {
  admin: Admin;
  me: Me;
  workspaces: Workspace[];
  workspace: string; // proposed; may be empty
  onClose: () => void;
  onDone: (key: Key & { secret: string }) => void;
}

const kFields = [
  "name",
  "workspace",
  "models",
  "ips",
  "expires",
  "role",
  "budget",
  "rpm",
  "tpm",
  "concurrency",
  "burst",
];
const kNumbers = ["rpm", "tpm", "concurrency", "burst"] as const;

interface Draft {
  name: string;
  workspace: string;
  models: string;
  ips: string;
  expires: string;
  role: string;
  budget: string;
  period: string;
  rpm: string;
  tpm: string;
  concurrency: string;
  burst: string;
}

const kEmpty = { name: "", models: "", ips: "", expires: "90d", role: "", budget: "", period: "month" };
const kNoLimits = { rpm: "", tpm: "", concurrency: "", burst: "" };

export function NewKeyDialog({ admin, me, workspaces, workspace, onClose, onDone }: Props) {
  const [draft, setDraft] = useState<Draft>({
    ...kEmpty,
    ...kNoLimits,
    workspace: workspace || (workspaces[0]?.id ?? ""),
  });
  const [tried, setTried] = useState(false);
  const doing = useDoing(...kFields);
  const { keys, limits, members } = texts;
  const set = (name: keyof Draft) => (value: string) => setDraft({ ...draft, [name]: value });
  const faults = tried ? faultsOf(draft) : {};
  const wrong = (name: keyof Draft) => faults[name] ?? doing.wrong(name);
  const submit = () => {
    setTried(true);
    if (Object.keys(faultsOf(draft)).length > 0) return;
    void doing.run(async () => onDone(await admin.createKey(keyOf(draft, me.account.currency))));
  };
  // Nobody makes a key of a role that is not held.
  const administrative = (["system", "security", "audit"] as const)
    .filter((role) => me.roles.includes(role))
    .map((role) => [role, members.roleNames[role]] as const);
  return (
    <FormDialog title={keys.title} submit={keys.create} doing={doing} onSubmit={submit} onClose={onClose}>
      <TextField
        label={keys.name}
        value={draft.name}
        onChange={set("name")}
        hint={keys.nameHint}
        wrong={wrong("name")}
        autofocus
      />
      <SelectField
        label={keys.workspace}
        value={draft.workspace}
        onChange={set("workspace")}
        options={workspaces.map(({ id, name }) => [id, name])}
        wrong={wrong("workspace")}
      />
      <SelectField
        label={keys.expires}
        value={draft.expires}
        onChange={set("expires")}
        options={Object.entries(keys.expiries)}
        wrong={wrong("expires")}
      />
      <fieldset class="group">
        <legend>{keys.limits}</legend>
        <p class="quiet">{keys.limitsHint}</p>
        <div class="pair">
          <TextField
            label={texts.inUnit(keys.budget, me.account.currency)}
            value={draft.budget}
            onChange={set("budget")}
            wrong={wrong("budget")}
            numeric
          />
          <SelectField
            label={keys.period}
            value={draft.period}
            onChange={set("period")}
            options={Object.entries(texts.budgets.periods)}
          />
        </div>
        <div class="pair">
          {kNumbers.map((kind) => (
            <TextField
              key={kind}
              label={limits.kinds[kind]}
              value={draft[kind]}
              onChange={set(kind)}
              wrong={wrong(kind)}
              numeric
            />
          ))}
        </div>
      </fieldset>
      <TextField
        label={keys.models}
        value={draft.models}
        onChange={set("models")}
        hint={keys.modelsHint}
        wrong={wrong("models")}
      />
      <TextField label={keys.ips} value={draft.ips} onChange={set("ips")} hint={keys.ipsHint} wrong={wrong("ips")} />
      {administrative.length > 0 && (
        <SelectField
          label={keys.role}
          value={draft.role}
          onChange={set("role")}
          options={[["", keys.roles[""] ?? ""], ...administrative]}
          wrong={wrong("role")}
        />
      )}
    </FormDialog>
  );
}

// What is wrong, by field.
function faultsOf(draft: Draft): Partial<Record<keyof Draft, string>> {
  const faults: Partial<Record<keyof Draft, string>> = {};
  if (!draft.name.trim()) faults.name = texts.filled;
  if (draft.budget.trim() && !sumOf(draft.budget)) faults.budget = texts.sum;
  for (const kind of kNumbers) if (draft[kind].trim() && !wholeOf(draft[kind])) faults[kind] = texts.wholeNumber;
  return faults;
}

export function keyOf(draft: Draft, currency: string): NewKey {
  const key: NewKey = { workspace: draft.workspace, name: draft.name.trim() };
  const models = listOf(draft.models);
  const ips = listOf(draft.ips);
  const budget = sumOf(draft.budget);
  if (models.length > 0) key.models = models;
  if (ips.length > 0) key.ips = ips;
  if (draft.expires) key.expires = draft.expires;
  if (draft.role) key.role = draft.role;
  if (budget) key.budget = `${budget}${currency}${draft.period === "total" ? "" : `/${draft.period}`}`;
  for (const kind of kNumbers) {
    const amount = wholeOf(draft[kind]);
    if (amount) key[kind] = amount;
  }
  return key;
}

function listOf(text: string): string[] {
  return text.split(/[\s,，、]+/).filter(Boolean);
}

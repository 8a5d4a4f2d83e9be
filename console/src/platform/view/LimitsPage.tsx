// All limits: of the account, of workspaces, keys and models.
import { useState } from "preact/hooks";
import { may } from "../rights";
import { isolated, texts } from "../texts";
import type { Limit, LimitLevel, Me } from "../wire";
import { subjectOf } from "./amounts";
import { Budget } from "./Budgets";
import { Dialog } from "./Dialog";
import { SelectField, TextField } from "./fields";
import { boundText, RaiseForm, raiseText, RemoveForm, SetForm } from "./LimitForms";
import { keyOf } from "./LimitsDialog";
import { Empty, LoadState, useLoaded } from "./loading";
import { kNoNames, namesOf, type Names } from "./names";
import type { PageProps } from "./Pages";
import { Table, type Column } from "./Table";

type Open = { what: "new" } | { what: "raise" | "remove"; limit: Limit };
const kLevels: LimitLevel[] = ["account", "workspace", "key", "model"];

export function LimitsPage({ platform, me, params }: PageProps) {
  const { admin } = platform;
  const level = kLevels.find((known) => known === params.get("level")) ?? "";
  const loaded = useLoaded(() => admin.limits(level ? { level } : {}), [level]);
  const names = useLoaded(() => namesOf(admin), []).data ?? kNoNames;
  const [open, setOpen] = useState<Open | null>(null);
  const mayChange = may(me, "limits");
  const close = () => setOpen(null);
  const changed = () => {
    close();
    void loaded.reload();
  };
  const { limits } = texts;
  const rows = [...(loaded.data ?? [])].sort((a, b) => kLevels.indexOf(a.level) - kLevels.indexOf(b.level));
  return (
    <>
      <p class="lead quiet">{limits.hint}</p>
      <div class="page-buttons">
        {mayChange && (
          <button type="button" class="primary" onClick={() => setOpen({ what: "new" })}>
            {limits.set}
          </button>
        )}
        <SelectField
          label={limits.level}
          value={level}
          onChange={(chosen) => (location.hash = chosen ? `#/limits?level=${chosen}` : "#/limits")}
          options={[["", texts.all], ...kLevels.map((one) => [one, limits.levels[one]] as const)]}
        />
      </div>
      <LoadState loaded={loaded} />
      {loaded.data?.length === 0 && <Empty title={limits.noLimits} hint={limits.noLimitsHint} />}
      {rows.length > 0 && (
        <Table caption={limits.all} columns={columnsOf(me, names, mayChange, setOpen)} rows={rows} id={keyOf} />
      )}
      {open?.what === "new" && (
        <NewLimit platform={platform} me={me} names={names} level={level} onClose={close} onDone={changed} />
      )}
      {(open?.what === "raise" || open?.what === "remove") && (
        <Dialog title={limits.title(isolated(subjectOf(open.limit, names, me)))} onClose={close}>
          {open.what === "raise" ? (
            <RaiseForm admin={admin} limit={open.limit} onCancel={close} onDone={changed} />
          ) : (
            <RemoveForm admin={admin} limit={open.limit} onCancel={close} onDone={changed} />
          )}
        </Dialog>
      )}
    </>
  );
}

function columnsOf(me: Me, names: Names, mayChange: boolean, onOpen: (open: Open) => void): Column<Limit>[] {
  const { limits, budgets } = texts;
  const columns: Column<Limit>[] = [
    {
      name: limits.subject,
      head: true,
      cell: (limit) => (
        <>
          <bdi class="name">{subjectOf(limit, names, me)}</bdi>
          <span class="quiet">{limits.levels[limit.level]}</span>
        </>
      ),
    },
    { name: limits.kind, cell: ({ kind }) => limits.kinds[kind] },
    {
      name: limits.amount,
      cell: (limit) => (
        <>
          {boundText(limit)}
          {raiseText(limit) && <div class="quiet">{raiseText(limit)}</div>}
        </>
      ),
    },
    {
      name: budgets.use,
      cell: (limit) =>
        limit.kind === "budget" && limit.used !== null ? (
          <Budget limit={limit} name={subjectOf(limit, names, me)} />
        ) : (
          <span class="quiet">{texts.none}</span>
        ),
    },
  ];
  if (!mayChange) return columns;
  const button = (words: string, open: Open) => (
    <button type="button" class="link-button" onClick={() => onOpen(open)}>
      {words}
    </button>
  );
  const actions = (limit: Limit) => (
    <div class="row-buttons two">
      {button(limits.raise, { what: "raise", limit })}
      {button(limits.remove, { what: "remove", limit })}
    </div>
  );
  return [...columns, { name: texts.actions, cell: actions }];
}

interface NewProps {
  platform: PageProps["platform"];
  me: Me;
  names: Names;
  level: LimitLevel | "";
  onClose: () => void;
  onDone: () => void;
}

function NewLimit({ platform, me, names, level: proposed, onClose, onDone }: NewProps) {
  const [level, setLevel] = useState<LimitLevel>(proposed || "account");
  const [chosen, setChosen] = useState<Partial<Record<LimitLevel, string>>>({});
  const [missing, setMissing] = useState(false);
  const { limits } = texts;
  const list = level === "workspace" || level === "key" ? [...names[level]] : [];
  const subject = level === "account" ? me.account.id : (chosen[level]?.trim() ?? list[0]?.[0] ?? "");
  const choose = (value: string) => setChosen({ ...chosen, [level]: value });
  return (
    <Dialog title={limits.set} onClose={onClose}>
      <div class="pair">
        <SelectField
          label={limits.level}
          value={level}
          onChange={(value) => setLevel(value as LimitLevel)}
          options={kLevels.map((one) => [one, limits.levels[one]])}
        />
        {(level === "workspace" || level === "key") && (
          <SelectField
            label={limits.levels[level]}
            value={subject}
            onChange={choose}
            options={list}
            wrong={list.length === 0 ? limits.noSubject : undefined}
          />
        )}
        {level === "model" && (
          <TextField
            label={limits.levels.model}
            value={chosen.model ?? ""}
            onChange={choose}
            list={names.models}
            wrong={missing && !subject ? texts.filled : undefined}
          />
        )}
      </div>
      <SetForm
        admin={platform.admin}
        currency={me.account.currency}
        level={level}
        subject={subject}
        models={names.models}
        isWhole
        onMissing={() => setMissing(true)}
        onDone={onDone}
      />
    </Dialog>
  );
}

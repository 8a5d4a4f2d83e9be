// Keys: who may send requests, and how much.
import { useState } from "preact/hooks";
import { may, mayChange, mayRotate } from "../rights";
import { formatTime, isolated, texts } from "../texts";
import type { Key, Me } from "../wire";
import { limitText } from "./amounts";
import { Budget } from "./Budgets";
import { SelectField, TextField } from "./fields";
import { FormDialog } from "./Dialog";
import { LimitsDialog } from "./LimitsDialog";
import { Empty, Failure, LoadState, useDoing, useLoaded } from "./loading";
import { NewKeyDialog } from "./NewKeyDialog";
import { OnceDialog } from "./OnceDialog";
import type { PageProps } from "./Pages";
import { Table, type Column } from "./Table";

// What is open over the page.
type Open =
  | { what: "new" }
  | { what: "secret"; name: string; secret: string; models: string[] }
  | { what: "limits" | "rotate" | "disable"; key: Key };

export function KeysPage({ platform, me, params }: PageProps) {
  const { admin } = platform;
  const workspace = params.get("workspace") ?? "";
  const [disabledToo, setDisabledToo] = useState(false);
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState<Open | null>(null);
  const workspaces = useLoaded(() => admin.workspaces(), []);
  const loaded = useLoaded(() => admin.keys({ workspace, include_disabled: disabledToo }), [workspace, disabledToo]);
  const doing = useDoing();
  const close = () => setOpen(null);
  const changed = () => {
    setOpen(null);
    void loaded.reload();
  };
  const { keys } = texts;
  const noWorkspace = workspaces.data?.length === 0;
  const found = (loaded.data ?? []).filter((key) => isFound(key, search));
  const models = [...new Set(loaded.data?.flatMap((key) => key.models))];
  return (
    <>
      <p class="lead quiet">{keys.hint}</p>
      <div class="page-buttons">
        {may(me, "keys") && !noWorkspace && (
          <button type="button" class="primary" onClick={() => setOpen({ what: "new" })}>
            {keys.create}
          </button>
        )}
        {(workspaces.data?.length ?? 0) > 1 && (
          <SelectField
            label={keys.workspace}
            value={workspace}
            onChange={(id) => (location.hash = id ? `#/keys?workspace=${encodeURIComponent(id)}` : "#/keys")}
            options={[["", texts.all], ...(workspaces.data ?? []).map(({ id, name }) => [id, name] as const)]}
          />
        )}
        {(loaded.data?.length ?? 0) > kFewKeys && (
          <TextField label={texts.search} type="search" value={search} onChange={setSearch} />
        )}
        <label class="check">
          <input type="checkbox" checked={disabledToo} onChange={() => setDisabledToo(!disabledToo)} />
          <span>{keys.showDisabled}</span>
        </label>
      </div>
      <LoadState loaded={loaded} />
      <Failure failure={doing.failure} />
      {loaded.data?.length === 0 && (
        <Empty title={keys.empty} hint={noWorkspace ? noWorkspaceHint(me) : keys.emptyHint}>
          {noWorkspace && may(me, "workspaces") && (
            <a class="secondary" href="#/workspaces">
              {texts.pages.workspaces}
            </a>
          )}
        </Empty>
      )}
      {found.length === 0 && search && <p class="quiet">{texts.nothingFound}</p>}
      {found.length > 0 && (
        <Table
          caption={texts.pages.keys}
          columns={columnsOf(me, setOpen, (key) => {
            void doing.run(() => admin.setKey(key.id, "enable")).then(() => loaded.reload());
          })}
          rows={found}
          id={(key) => key.id}
          muted={(key) => stateOf(key) !== "active"}
        />
      )}
      {open?.what === "new" && (
        <NewKeyDialog
          admin={admin}
          me={me}
          workspaces={(workspaces.data ?? []).filter(({ disabled }) => !disabled)}
          workspace={workspace}
          onClose={close}
          onDone={(key) => {
            void loaded.reload();
            setOpen({ what: "secret", name: key.name, secret: key.secret, models: key.models });
          }}
        />
      )}
      {open?.what === "secret" && (
        <OnceDialog title={open.name} label={keys.secret} text={open.secret} sample onClose={close} />
      )}
      {open?.what === "limits" && (
        <LimitsDialog
          admin={admin}
          me={me}
          level="key"
          subject={open.key.id}
          name={isolated(open.key.name)}
          models={models}
          onClose={close}
          onChange={() => void loaded.reload()}
        />
      )}
      {open?.what === "rotate" && (
        <RotateDialog
          admin={admin}
          target={open.key}
          onClose={close}
          onDone={(secret) => {
            void loaded.reload();
            setOpen({ what: "secret", name: open.key.name, secret, models: open.key.models });
          }}
        />
      )}
      {open?.what === "disable" && <DisableDialog admin={admin} target={open.key} onClose={close} onDone={changed} />}
    </>
  );
}

const kFewKeys = 10; // that need no search

function isFound({ name, prefix, workspace_name }: Key, search: string): boolean {
  const wanted = search.trim().toLowerCase();
  return [name, prefix, workspace_name].some((text) => text.toLowerCase().includes(wanted));
}

function noWorkspaceHint(me: Me): string {
  return may(me, "see all") ? texts.keys.noWorkspace : texts.workspaces.emptyOwn;
}

function stateOf(key: Key): "active" | "disabled" | "expired" {
  if (key.disabled) return "disabled";
  return key.expires && Date.parse(key.expires) <= Date.now() ? "expired" : "active";
}

function columnsOf(me: Me, onOpen: (open: Open) => void, onEnable: (key: Key) => void): Column<Key>[] {
  const { keys } = texts;
  return [
    {
      name: keys.name,
      head: true,
      cell: (key) => (
        <>
          <bdi class="name">{key.name}</bdi>
          <code class="quiet">{key.prefix}…</code>
        </>
      ),
    },
    { name: keys.workspace, cell: (key) => <bdi>{key.workspace_name || key.workspace}</bdi> },
    { name: keys.models, cell: (key) => (key.models.length > 0 ? texts.listed(key.models) : texts.all) },
    { name: keys.limits, cell: (key) => <KeyLimits target={key} /> },
    { name: keys.used, cell: (key) => formatTime(key.used) },
    { name: keys.state, cell: (key) => <KeyState target={key} /> },
    {
      name: texts.actions,
      cell: (key) => (
        <div class="row-buttons">
          <button type="button" class="link-button" onClick={() => onOpen({ what: "limits", key })}>
            {keys.quotas}
          </button>
          <a href={`#/usage?period=30d&key=${encodeURIComponent(key.id)}`}>{keys.showUsage}</a>
          {mayRotate(me, key) && !key.disabled && (
            <button type="button" class="link-button" onClick={() => onOpen({ what: "rotate", key })}>
              {keys.rotate}
            </button>
          )}
          {mayChange(me, key) && (
            <button
              type="button"
              class="link-button"
              onClick={() => (key.disabled ? onEnable(key) : onOpen({ what: "disable", key }))}
            >
              {key.disabled ? keys.enable : keys.disable}
            </button>
          )}
        </div>
      ),
    },
  ];
}

function KeyLimits({ target }: { target: Key }) {
  const { limits } = target;
  if (limits.length === 0) return <span class="quiet">{texts.limits.none}</span>;
  return (
    <ul class="plain">
      {limits.map((limit) => (
        <li key={`${limit.kind} ${limit.model}`}>
          {limit.kind === "budget" && limit.used !== null ? (
            <Budget limit={limit} name={texts.keys.budget} />
          ) : (
            limitText(limit)
          )}
        </li>
      ))}
    </ul>
  );
}

function KeyState({ target }: { target: Key }) {
  const { keys } = texts;
  const state = stateOf(target);
  return (
    <>
      <span class={`badge ${state}`}>{keys.states[state]}</span>
      {state === "active" && target.expires && <div class="quiet">{keys.until(formatTime(target.expires))}</div>}
      {target.rotating_until && <div class="quiet">{keys.rotating(formatTime(target.rotating_until))}</div>}
    </>
  );
}

interface KeyDialogProps {
  admin: PageProps["platform"]["admin"];
  target: Key;
  onClose: () => void;
}

function RotateDialog({ admin, target, onClose, onDone }: KeyDialogProps & { onDone: (secret: string) => void }) {
  const [overlap, setOverlap] = useState("24h");
  const doing = useDoing();
  const { keys } = texts;
  const submit = () => doing.run(async () => onDone((await admin.rotateKey(target.id, overlap)).secret));
  return (
    <FormDialog
      title={keys.rotateTitle(isolated(target.name))}
      submit={keys.rotate}
      doing={doing}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <p>{keys.rotateHint}</p>
      <SelectField label={keys.overlap} value={overlap} onChange={setOverlap} options={Object.entries(keys.overlaps)} />
    </FormDialog>
  );
}

function DisableDialog({ admin, target, onClose, onDone }: KeyDialogProps & { onDone: () => void }) {
  const doing = useDoing();
  const submit = async () => {
    if (await doing.run(() => admin.setKey(target.id, "disable"))) onDone();
  };
  return (
    <FormDialog
      title={texts.keys.disableTitle(isolated(target.name))}
      submit={texts.keys.disable}
      danger
      doing={doing}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <p>{texts.keys.disableHint}</p>
    </FormDialog>
  );
}

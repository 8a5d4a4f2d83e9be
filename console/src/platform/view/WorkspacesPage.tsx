// Workspaces: departments or projects, with members, keys and limits of their own.
import { useState } from "preact/hooks";
import { may } from "../rights";
import { formatTime, isolated, texts } from "../texts";
import type { Workspace } from "../wire";
import { FormDialog } from "./Dialog";
import { TextField } from "./fields";
import { LimitsDialog } from "./LimitsDialog";
import { Empty, Failure, LoadState, useDoing, useLoaded } from "./loading";
import type { PageProps } from "./Pages";
import { Table, type Column } from "./Table";

type Open = { what: "new" } | { what: "limits" | "disable"; workspace: Workspace };

export function WorkspacesPage({ platform, me }: PageProps) {
  const { admin } = platform;
  const loaded = useLoaded(() => admin.workspaces(), []);
  const [open, setOpen] = useState<Open | null>(null);
  const doing = useDoing();
  const mayChange = may(me, "workspaces");
  const close = () => setOpen(null);
  const changed = () => {
    setOpen(null);
    void loaded.reload();
  };
  const enable = ({ id }: Workspace) => void doing.run(() => admin.setWorkspace(id, "enable")).then(loaded.reload);
  const { workspaces } = texts;
  return (
    <>
      <p class="lead quiet">{workspaces.hint}</p>
      {mayChange && (
        <div class="page-buttons">
          <button type="button" class="primary" onClick={() => setOpen({ what: "new" })}>
            {workspaces.create}
          </button>
        </div>
      )}
      <LoadState loaded={loaded} />
      <Failure failure={doing.failure} />
      {loaded.data?.length === 0 && (
        <Empty title={workspaces.empty} hint={may(me, "see all") ? workspaces.emptyHint : workspaces.emptyOwn} />
      )}
      {loaded.data && loaded.data.length > 0 && (
        <Table
          caption={texts.pages.workspaces}
          columns={columnsOf(mayChange, setOpen, enable)}
          rows={loaded.data}
          id={({ id }) => id}
          muted={({ disabled }) => disabled !== null}
        />
      )}
      {open?.what === "new" && <NewWorkspace admin={admin} onClose={close} onDone={changed} />}
      {open?.what === "limits" && (
        <LimitsDialog
          admin={admin}
          me={me}
          level="workspace"
          subject={open.workspace.id}
          name={isolated(open.workspace.name)}
          models={[]}
          onClose={close}
          onChange={() => undefined}
        />
      )}
      {open?.what === "disable" && (
        <DisableWorkspace admin={admin} workspace={open.workspace} onClose={close} onDone={changed} />
      )}
    </>
  );
}

function columnsOf(
  mayChange: boolean,
  onOpen: (open: Open) => void,
  onEnable: (workspace: Workspace) => void,
): Column<Workspace>[] {
  const { workspaces, keys } = texts;
  return [
    { name: workspaces.name, head: true, cell: ({ name }) => <bdi class="name">{name}</bdi> },
    {
      name: workspaces.keys,
      number: true,
      cell: ({ id, key_count }) => <a href={`#/keys?workspace=${encodeURIComponent(id)}`}>{texts.count(key_count)}</a>,
    },
    { name: workspaces.members, number: true, cell: ({ member_count }) => texts.count(member_count) },
    { name: workspaces.created, cell: ({ created }) => formatTime(created) },
    {
      name: keys.state,
      cell: ({ disabled }) => {
        const state = disabled ? "disabled" : "active";
        return <span class={`badge ${state}`}>{keys.states[state]}</span>;
      },
    },
    {
      name: texts.actions,
      cell: (workspace) => (
        <div class="row-buttons">
          <button type="button" class="link-button" onClick={() => onOpen({ what: "limits", workspace })}>
            {keys.quotas}
          </button>
          <a href={`#/usage?period=30d&workspace=${encodeURIComponent(workspace.id)}`}>{keys.showUsage}</a>
          {mayChange && (
            <button
              type="button"
              class="link-button"
              onClick={() => (workspace.disabled ? onEnable(workspace) : onOpen({ what: "disable", workspace }))}
            >
              {workspace.disabled ? keys.enable : keys.disable}
            </button>
          )}
        </div>
      ),
    },
  ];
}

interface DialogProps {
  admin: PageProps["platform"]["admin"];
  onClose: () => void;
  onDone: () => void;
}

function NewWorkspace({ admin, onClose, onDone }: DialogProps) {
  const [name, setName] = useState("");
  const [tried, setTried] = useState(false);
  const doing = useDoing("name");
  const submit = async () => {
    setTried(true);
    if (name.trim() && (await doing.run(() => admin.createWorkspace(name.trim())))) onDone();
  };
  const { workspaces } = texts;
  return (
    <FormDialog
      title={workspaces.title}
      submit={workspaces.create}
      doing={doing}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <TextField
        label={workspaces.name}
        value={name}
        onChange={setName}
        wrong={tried && !name.trim() ? texts.filled : doing.wrong("name")}
        autofocus
      />
    </FormDialog>
  );
}

function DisableWorkspace({ admin, workspace, onClose, onDone }: DialogProps & { workspace: Workspace }) {
  const doing = useDoing();
  const submit = async () => {
    if (await doing.run(() => admin.setWorkspace(workspace.id, "disable"))) onDone();
  };
  return (
    <FormDialog
      title={texts.workspaces.disableTitle(isolated(workspace.name))}
      submit={texts.keys.disable}
      danger
      doing={doing}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <p>{texts.workspaces.disableHint}</p>
    </FormDialog>
  );
}

// Members: people who sign in, with their roles and workspaces.
import { useState } from "preact/hooks";
import type { Admin } from "../admin";
import { may } from "../rights";
import { isolated, texts } from "../texts";
import type { Me, Member, Role, Workspace } from "../wire";
import { FormDialog } from "./Dialog";
import { CheckFields, TextField } from "./fields";
import { Empty, Failure, LoadState, useDoing, useLoaded } from "./loading";
import { OnceDialog } from "./OnceDialog";
import type { PageProps } from "./Pages";
import { Table, type Column } from "./Table";

type Change = "disable" | "reset-totp" | "reset-password";
type Open =
  | { what: "new" }
  | { what: "password"; name: string; password: string }
  | { what: "edit" | Change; member: Member };

export function MembersPage(props: PageProps) {
  if (!may(props.me, "see members")) return <p class="lead quiet">{texts.members.forbidden}</p>;
  return <Members {...props} />;
}

function Members({ platform, me }: PageProps) {
  const { admin } = platform;
  const loaded = useLoaded(() => admin.members(), []);
  const workspaces = useLoaded(() => admin.workspaces(), []);
  const [open, setOpen] = useState<Open | null>(null);
  const doing = useDoing();
  const mayChange = may(me, "members");
  const close = () => setOpen(null);
  const changed = (name: string, password?: string) => {
    setOpen(password ? { what: "password", name, password } : null);
    void loaded.reload();
  };
  const enable = ({ id }: Member) => void doing.run(() => admin.setMember(id, "enable")).then(loaded.reload);
  const { members } = texts;
  const form = { admin, me, workspaces: workspaces.data ?? [], onClose: close, onDone: changed };
  return (
    <>
      <p class="lead quiet">{members.hint}</p>
      {mayChange && (
        <div class="page-buttons">
          <button type="button" class="primary" onClick={() => setOpen({ what: "new" })}>
            {members.create}
          </button>
        </div>
      )}
      <LoadState loaded={loaded} />
      <Failure failure={doing.failure} />
      {loaded.data?.length === 0 && <Empty title={members.empty} hint={members.hint} />}
      {loaded.data && loaded.data.length > 0 && (
        <Table
          caption={texts.pages.members}
          columns={columnsOf(mayChange, workspaces.data ?? [], setOpen, enable)}
          rows={loaded.data}
          id={({ id }) => id}
          muted={({ disabled }) => disabled !== null}
        />
      )}
      {open?.what === "new" && <MemberDialog {...form} />}
      {open?.what === "edit" && <MemberDialog {...form} member={open.member} />}
      {open?.what === "password" && (
        <OnceDialog title={open.name} label={texts.once.password} text={open.password} onClose={close} />
      )}
      {(open?.what === "disable" || open?.what === "reset-totp" || open?.what === "reset-password") && (
        <ChangeDialog admin={admin} change={open.what} member={open.member} onClose={close} onDone={changed} />
      )}
    </>
  );
}

function columnsOf(
  mayChange: boolean,
  workspaces: Workspace[],
  onOpen: (open: Open) => void,
  onEnable: (member: Member) => void,
): Column<Member>[] {
  const { members, keys } = texts;
  const nameOf = (id: string) => workspaces.find((workspace) => workspace.id === id)?.name ?? id;
  const columns: Column<Member>[] = [
    { name: members.name, head: true, cell: ({ name }) => <bdi class="name">{name}</bdi> },
    { name: members.roles, cell: ({ roles }) => texts.listed(roles.map((role) => members.roleNames[role] ?? role)) },
    {
      name: members.workspaces,
      cell: (member) =>
        member.workspaces.length > 0 ? (
          <bdi>{texts.listed(member.workspaces.map(nameOf))}</bdi>
        ) : (
          <span class="quiet">{texts.none}</span>
        ),
    },
    { name: members.secondFactor, cell: ({ totp_set }) => (totp_set ? members.totpSet : members.totpMissing) },
    {
      name: keys.state,
      cell: ({ disabled }) => {
        const state = disabled ? "disabled" : "active";
        return <span class={`badge ${state}`}>{keys.states[state]}</span>;
      },
    },
  ];
  if (mayChange) {
    columns.push({
      name: texts.actions,
      cell: (member) => <MemberButtons member={member} onOpen={onOpen} onEnable={onEnable} />,
    });
  }
  return columns;
}

interface ButtonsProps {
  member: Member;
  onOpen: (open: Open) => void;
  onEnable: (member: Member) => void;
}

function MemberButtons({ member, onOpen, onEnable }: ButtonsProps) {
  const { members, keys } = texts;
  const button = (words: string, onClick: () => void) => (
    <button type="button" class="link-button" onClick={onClick}>
      {words}
    </button>
  );
  return (
    <div class="row-buttons">
      {button(members.edit, () => onOpen({ what: "edit", member }))}
      {button(members.resetPassword, () => onOpen({ what: "reset-password", member }))}
      {member.totp_set && button(members.resetTotp, () => onOpen({ what: "reset-totp", member }))}
      {member.disabled
        ? button(keys.enable, () => onEnable(member))
        : button(keys.disable, () => onOpen({ what: "disable", member }))}
    </div>
  );
}

interface MemberProps {
  admin: Admin;
  me: Me;
  workspaces: Workspace[];
  member?: Member; // to be changed; without: a new one
  onClose: () => void;
  onDone: (name: string, password?: string) => void;
}

const kRoles: Role[] = ["developer", "system", "security", "audit"];

function MemberDialog({ admin, me, workspaces, member, onClose, onDone }: MemberProps) {
  const [name, setName] = useState(member?.name ?? "");
  const [roles, setRoles] = useState<string[]>(member?.roles ?? ["developer"]);
  const [places, setPlaces] = useState<string[]>(member?.workspaces ?? []);
  const [tried, setTried] = useState(false);
  const doing = useDoing("name", "roles", "workspaces");
  const { members } = texts;
  const tooMany = me.separation && roles.filter((role) => role !== "developer").length > 1;
  const wrongRoles = roles.length === 0 ? members.noRole : tooMany ? members.separation : undefined;
  const submit = async () => {
    setTried(true);
    if (!name.trim() || wrongRoles) return;
    const chosen = { roles: roles as Role[], workspaces: places };
    await doing.run(async () => {
      if (member) {
        await admin.changeMember(member.id, chosen);
        onDone(member.name);
      } else {
        onDone(name.trim(), (await admin.createMember({ name: name.trim(), ...chosen })).password);
      }
    });
  };
  return (
    <FormDialog
      title={member ? members.editTitle(isolated(member.name)) : members.title}
      submit={member ? texts.save : members.create}
      doing={doing}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      {!member && (
        <TextField
          label={members.name}
          value={name}
          onChange={setName}
          hint={members.nameHint}
          wrong={tried && !name.trim() ? texts.filled : doing.wrong("name")}
          autofocus
        />
      )}
      <CheckFields
        label={members.roles}
        values={roles}
        onChange={setRoles}
        options={kRoles.map((role) => [role, members.roleNames[role], members.roleHints[role]])}
        {...(me.separation && { hint: members.separation })}
        wrong={(tried ? wrongRoles : undefined) ?? doing.wrong("roles")}
      />
      <CheckFields
        label={members.workspaces}
        values={places}
        onChange={setPlaces}
        options={workspaces.map((workspace) => [workspace.id, workspace.name])}
        hint={workspaces.length > 0 ? members.workspacesHint : members.none}
        wrong={doing.wrong("workspaces")}
      />
    </FormDialog>
  );
}

interface ChangeProps {
  admin: Admin;
  change: Change;
  member: Member;
  onClose: () => void;
  onDone: (name: string, password?: string) => void;
}

function ChangeDialog({ admin, change, member, onClose, onDone }: ChangeProps) {
  const doing = useDoing();
  const { members, keys } = texts;
  const [title, submit, hint] = {
    disable: [members.disableTitle(isolated(member.name)), keys.disable, members.disableHint],
    "reset-totp": [`${members.resetTotp}: ${isolated(member.name)}`, members.resetTotp, members.resetTotpHint],
    "reset-password": [
      `${members.resetPassword}: ${isolated(member.name)}`,
      members.resetPassword,
      members.resetPasswordHint,
    ],
  }[change] as [string, string, string];
  const run = () => doing.run(async () => onDone(member.name, (await admin.setMember(member.id, change))?.password));
  return (
    <FormDialog title={title} submit={submit} danger doing={doing} onSubmit={() => void run()} onClose={onClose}>
      <p>{hint}</p>
    </FormDialog>
  );
}

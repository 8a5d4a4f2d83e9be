// The member's own password, second factor and sessions; security administrators see the sessions of all.
import { useState } from "preact/hooks";
import { AdminError } from "../admin";
import { formatTime, isolated, texts } from "../texts";
import type { Session } from "../wire";
import { Dialog } from "./Dialog";
import { TextField } from "./fields";
import { Failure, LoadState, useDoing, useLoaded } from "./loading";
import type { PageProps } from "./Pages";
import { Table, type Column } from "./Table";
import { TotpSetUp } from "./Totp";

export function AccountPage(props: PageProps) {
  const { member, key } = props.me;
  if (!member) return <p class="lead quiet">{texts.account.byKey(isolated(key?.name ?? ""))}</p>;
  return (
    <>
      <p class="lead quiet">{texts.account.hint(isolated(member.name))}</p>
      <Password {...props} />
      <SecondFactor {...props} />
      <Sessions {...props} />
    </>
  );
}

const kPasswordMin = 12;

function Password({ platform }: PageProps) {
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [tried, setTried] = useState(false);
  const [done, setDone] = useState(false);
  const doing = useDoing("old", "new");
  const { account } = texts;
  const tooShort = [...next].length < kPasswordMin;
  const submit = async (e: Event) => {
    e.preventDefault();
    setTried(true);
    setDone(false);
    if (!old || tooShort) return;
    if (!(await doing.run(() => platform.admin.setPassword(old, next)))) return;
    setOld("");
    setNext("");
    setTried(false);
    setDone(true);
  };
  return (
    <section class="card">
      <h2>{account.password}</h2>
      <form class="form narrow" noValidate onSubmit={(e) => void submit(e)}>
        <TextField
          label={account.old}
          value={old}
          onChange={setOld}
          type="password"
          autocomplete="current-password"
          wrong={tried && !old ? texts.filled : doing.wrong("old")}
        />
        <TextField
          label={account.next}
          value={next}
          onChange={setNext}
          type="password"
          autocomplete="new-password"
          hint={account.nextHint}
          wrong={tried && tooShort ? account.tooShort : doing.wrong("new")}
        />
        <Failure failure={doing.failure} />
        {done && (
          <p class="notice" role="status">
            {account.changed}
          </p>
        )}
        <div>
          <button type="submit" class="secondary" disabled={doing.busy}>
            {doing.busy ? texts.working : account.change}
          </button>
        </div>
      </form>
    </section>
  );
}

function SecondFactor({ platform, me }: PageProps) {
  const [open, setOpen] = useState(false);
  const isSet = me.totp_set ?? me.member?.totp_set ?? false;
  const { account } = texts;
  return (
    <section class="card">
      <h2>{account.totp}</h2>
      <p>{isSet ? account.totpOn : account.totpOff}</p>
      <div class="page-buttons">
        <button type="button" class="secondary" onClick={() => setOpen(true)}>
          {isSet ? account.totpAgain : account.totpSet}
        </button>
      </div>
      {open && (
        <Dialog title={texts.totp.title} onClose={() => setOpen(false)}>
          <TotpSetUp
            platform={platform}
            onDone={() => {
              setOpen(false);
              void platform.look();
            }}
          />
        </Dialog>
      )}
    </section>
  );
}

function Sessions({ platform }: PageProps) {
  const { admin } = platform;
  const loaded = useLoaded(() => admin.sessions(), []);
  const doing = useDoing();
  const { account } = texts;
  const end = async ({ id, current }: Session) => {
    if (current) return platform.signOut();
    await doing.run(async () => {
      // One that is over already is no failure.
      await admin.endSession(id).catch((e: unknown) => {
        if (!(e instanceof AdminError && e.status === 404)) throw e;
      });
    });
    await loaded.reload();
  };
  const columns: Column<Session>[] = [
    {
      name: account.member,
      head: true,
      cell: (session) => (
        <>
          <bdi class="name">{session.member_name ?? session.member}</bdi>
          {session.current && <span class="badge active">{account.current}</span>}
        </>
      ),
    },
    { name: account.address, cell: ({ address }) => address || texts.none },
    { name: account.begun, cell: ({ created }) => formatTime(created) },
    { name: account.used, cell: ({ used }) => formatTime(used) },
    { name: account.expires, cell: ({ expires }) => formatTime(expires) },
    {
      name: texts.actions,
      cell: (session) => (
        <button
          type="button"
          class="link-button"
          aria-label={account.endLabel(session.address, formatTime(session.created))}
          onClick={() => void end(session)}
        >
          {account.end}
        </button>
      ),
    },
  ];
  return (
    <section class="card">
      <h2>{account.sessions}</h2>
      <LoadState loaded={loaded} />
      <Failure failure={doing.failure} />
      {loaded.data && <Table caption={account.sessions} columns={columns} rows={loaded.data} id={({ id }) => id} />}
    </section>
  );
}

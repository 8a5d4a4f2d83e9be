// What the account has: money paid in, free quotas and prepaid packs; system administrators book more of them.
import { useState } from "preact/hooks";
import { decimalOf, formatBriefly, formatSum, nanosOf } from "../money";
import { may } from "../rights";
import { formatTime, texts } from "../texts";
import type { Balance, Credit, Sum } from "../wire";
import { numberOf } from "./amounts";
import { Bar } from "./Budgets";
import { CreditDialog, DepositDialog } from "./CreditDialogs";
import { Empty, LoadState, useLoaded } from "./loading";
import { kNoNames, namesOf } from "./names";
import type { PageProps } from "./Pages";
import { Table, type Column } from "./Table";

export function BalancePage({ platform, me }: PageProps) {
  const { admin } = platform;
  const loaded = useLoaded(() => admin.balance(), []);
  const mayBook = may(me, "money");
  const names = useLoaded(() => (mayBook ? namesOf(admin) : Promise.resolve(kNoNames)), [mayBook]);
  const [open, setOpen] = useState<"deposit" | "credit" | null>(null);
  const { balance } = texts;
  const data = loaded.data;
  const form = {
    admin,
    currency: me.account.currency,
    onClose: () => setOpen(null),
    onDone: () => {
      setOpen(null);
      void loaded.reload();
    },
  };
  return (
    <>
      <p class="lead quiet">{balance.hint}</p>
      {mayBook && (
        <div class="page-buttons">
          <button type="button" class="primary" onClick={() => setOpen("deposit")}>
            {balance.deposit}
          </button>
          <button type="button" class="secondary" onClick={() => setOpen("credit")}>
            {balance.grant}
          </button>
        </div>
      )}
      <LoadState loaded={loaded} />
      {data && <Tiles data={data} />}
      {data && (
        <section class="rows">
          <h2>{balance.credits}</h2>
          {data.credits.length === 0 ? (
            <Empty title={balance.noCredits} hint={balance.creditsHint} />
          ) : (
            <Table
              caption={balance.credits}
              columns={columns()}
              rows={data.credits}
              id={({ id }) => id}
              muted={(credit) => isOver(credit)}
            />
          )}
        </section>
      )}
      {open === "deposit" && <DepositDialog {...form} />}
      {open === "credit" && <CreditDialog {...form} models={(names.data ?? kNoNames).models} />}
    </>
  );
}

function Tiles({ data }: { data: Balance }) {
  const { balance } = texts;
  const tiles: [string, Sum][] = [
    [balance.available, data.total],
    [balance.toppedUp, data.topped_up],
    [balance.granted, data.granted],
    [balance.spent, data.spent],
  ];
  return (
    <dl class="tiles">
      {tiles.map(([name, sum]) => (
        <div key={name} class="tile">
          <dt>{name}</dt>
          <dd title={formatSum(sum, texts.locale)}>{formatBriefly(sum, texts.locale)}</dd>
        </div>
      ))}
    </dl>
  );
}

function columns(): Column<Credit>[] {
  const { balance, keys, limits } = texts;
  return [
    {
      name: balance.kind,
      head: true,
      cell: ({ kind, id }) => (
        <>
          <span class="name">{balance.creditKinds[kind] ?? kind}</span>
          <bdi class="quiet">{id.slice(id.indexOf("/") + 1)}</bdi>
        </>
      ),
    },
    { name: limits.model, cell: ({ model }) => <bdi>{model ?? texts.all}</bdi> },
    { name: balance.use, cell: (credit) => <Use credit={credit} /> },
    { name: balance.given, cell: ({ created }) => formatTime(created) },
    { name: keys.expires, cell: (credit) => <Expiry credit={credit} /> },
  ];
}

function isOver({ expires }: Credit): boolean {
  return expires !== null && Date.parse(expires) <= Date.now();
}

function Expiry({ credit }: { credit: Credit }) {
  const time = credit.expires ? formatTime(credit.expires) : texts.keys.expiries[""];
  if (!isOver(credit)) return <>{time}</>;
  return (
    <>
      <span class="badge expired">{texts.keys.states.expired}</span>
      <div class="quiet">{time}</div>
    </>
  );
}

function Use({ credit }: { credit: Credit }) {
  const { amount, used } = credit;
  const left = leftOf(amount, used);
  const part = numberOf(left) / (numberOf(amount) || 1);
  const { balance } = texts;
  return (
    <div class="budget">
      <span>{balance.leftOf(quantity(left), quantity(amount))}</span>
      <Bar part={Math.max(0, Math.min(1, part))} label={balance.use} left />
    </div>
  );
}

function quantity(amount: number | Sum): string {
  return typeof amount === "number" ? texts.tokensText(amount) : formatSum(amount, texts.locale);
}

function leftOf(amount: number | Sum, used: number | Sum): number | Sum {
  if (typeof amount === "number" || typeof used === "number") return numberOf(amount) - numberOf(used);
  return { ...amount, amount: decimalOf((nanosOf(amount.amount) ?? 0n) - (nanosOf(used.amount) ?? 0n)) };
}

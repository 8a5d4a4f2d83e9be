// What the account has: money paid in, free quotas and packs.
import { useState } from "preact/hooks";
import { decimalOf, formatBriefly, formatSum, nanosOf } from "../money";
import { may } from "../rights";
import { formatTime, texts } from "../texts";
import type { Credit, Me } from "../wire";
import { sumOf } from "./amounts";
import { TextField } from "./fields";
import { FormDialog } from "./Dialog";
import { LoadState, useDoing, useLoaded } from "./loading";
import type { PageProps } from "./Pages";

export function BalanceView({ platform, me }: { platform: PageProps["platform"]; me: Me }) {
  const loaded = useLoaded(() => platform.admin.balance(), []);
  const [paying, setPaying] = useState(false);
  const { balance } = texts;
  const data = loaded.data;
  return (
    <section class="card">
      <div class="card-head">
        <h2>{balance.title}</h2>
        {may(me, "prices") && (
          <button type="button" class="secondary" onClick={() => setPaying(true)}>
            {balance.deposit}
          </button>
        )}
      </div>
      <LoadState loaded={loaded} />
      {data && (
        <dl class="tiles small">
          {(
            [
              [balance.available, data.total],
              [balance.toppedUp, data.topped_up],
              [balance.granted, data.granted],
              [balance.spent, data.spent],
            ] as const
          ).map(([name, sum]) => (
            <div key={name} class="tile">
              <dt>{name}</dt>
              <dd title={formatSum(sum, texts.locale)}>{formatBriefly(sum, texts.locale)}</dd>
            </div>
          ))}
        </dl>
      )}
      {data && data.credits.length > 0 && (
        <>
          <h3>{balance.credits}</h3>
          <ul class="plain">
            {data.credits.map((credit) => (
              <li key={credit.id}>{creditText(credit)}</li>
            ))}
          </ul>
        </>
      )}
      {paying && (
        <Deposit
          platform={platform}
          me={me}
          onClose={() => setPaying(false)}
          onDone={() => {
            setPaying(false);
            void loaded.reload();
          }}
        />
      )}
    </section>
  );
}

function creditText({ kind, amount, used, model, expires }: Credit): string {
  const { balance, usage, limits } = texts;
  let left: string;
  if (typeof amount === "number") {
    left = `${texts.count(amount - (typeof used === "number" ? used : 0))} ${usage.tokens}`;
  } else {
    const spent = typeof used === "number" ? "0" : used.amount;
    const rest = (nanosOf(amount.amount) ?? 0n) - (nanosOf(spent) ?? 0n);
    left = formatSum({ currency: amount.currency, amount: decimalOf(rest) }, texts.locale);
  }
  const parts = [balance.creditKinds[kind] ?? kind, balance.left(left)];
  if (model) parts.push(limits.forModel(model));
  if (expires) parts.push(balance.expires(formatTime(expires)));
  return parts.join(" · ");
}

interface DepositProps {
  platform: PageProps["platform"];
  me: Me;
  onClose: () => void;
  onDone: () => void;
}

// The id makes a deposit that is sent twice count once.
function Deposit({ platform, me, onClose, onDone }: DepositProps) {
  const [amount, setAmount] = useState("");
  const [tried, setTried] = useState(false);
  const [id] = useState(() => `console-${crypto.getRandomValues(new Uint32Array(4)).join("-")}`);
  const doing = useDoing();
  const submit = async () => {
    setTried(true);
    const sum = sumOf(amount);
    if (sum && (await doing.run(() => platform.admin.deposit(`${sum}${me.account.currency}`, id)))) onDone();
  };
  return (
    <FormDialog
      title={texts.balance.deposit}
      submit={texts.balance.deposit}
      doing={doing}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <TextField
        label={`${texts.balance.amount} (${me.account.currency})`}
        value={amount}
        onChange={setAmount}
        wrong={tried && !sumOf(amount) ? texts.sum : undefined}
        numeric
        autofocus
      />
    </FormDialog>
  );
}

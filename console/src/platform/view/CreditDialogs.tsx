// The forms that book what an account has: money that came in, free quotas and prepaid packs.
import { useState } from "preact/hooks";
import type { Admin } from "../admin";
import { texts } from "../texts";
import { sumOf, wholeOf } from "./amounts";
import { FormDialog } from "./Dialog";
import { SelectField, TextField } from "./fields";
import { useDoing } from "./loading";

interface Props {
  admin: Admin;
  currency: string;
  onClose: () => void;
  onDone: () => void;
}

// What is sent twice under one id is booked once.
function useBookingId(): string {
  const [id] = useState(() => `console-${crypto.getRandomValues(new Uint32Array(4)).join("-")}`);
  return id;
}

export function DepositDialog({ admin, currency, onClose, onDone }: Props) {
  const [amount, setAmount] = useState("");
  const [tried, setTried] = useState(false);
  const id = useBookingId();
  const doing = useDoing("amount");
  const { balance } = texts;
  const submit = async () => {
    setTried(true);
    const sum = sumOf(amount);
    if (sum && (await doing.run(() => admin.deposit(sum + currency, id)))) onDone();
  };
  return (
    <FormDialog
      title={balance.deposit}
      submit={balance.deposit}
      doing={doing}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <TextField
        label={texts.inUnit(balance.amount, currency)}
        value={amount}
        onChange={setAmount}
        hint={balance.depositHint}
        wrong={tried && !sumOf(amount) ? texts.sum : doing.wrong("amount")}
        numeric
        autofocus
      />
    </FormDialog>
  );
}

const kMoney = "money";
const kTokens = "tokens";

export function CreditDialog({ admin, currency, models, onClose, onDone }: Props & { models: string[] }) {
  const [kind, setKind] = useState("free");
  const [unit, setUnit] = useState(kMoney);
  const [amount, setAmount] = useState("");
  const [model, setModel] = useState("");
  const [expires, setExpires] = useState("");
  const [tried, setTried] = useState(false);
  const id = useBookingId();
  const doing = useDoing("amount", "model", "expires");
  const { balance, keys, limits } = texts;
  const isTokens = unit === kTokens;
  const tokens = wholeOf(amount);
  const sum = sumOf(amount);
  const isWrong = isTokens ? tokens === null : sum === null;
  const submit = async () => {
    setTried(true);
    if (isWrong) return;
    const what = isTokens ? { amount: tokens!, unit: kTokens } : { amount: sum! + currency };
    const only = { ...(model.trim() && { model: model.trim() }), ...(expires && { expires }) };
    if (await doing.run(() => admin.grant({ kind: kind as "free" | "pack", ...what, ...only, id }))) onDone();
  };
  return (
    <FormDialog
      title={balance.grant}
      submit={balance.grant}
      doing={doing}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <p class="quiet">{balance.creditsHint}</p>
      <div class="pair">
        <SelectField
          label={balance.kind}
          value={kind}
          onChange={setKind}
          options={Object.entries(balance.creditKinds)}
        />
        <SelectField
          label={balance.unit}
          value={unit}
          onChange={setUnit}
          options={[
            [kMoney, texts.inUnit(balance.money, currency)],
            [kTokens, texts.usage.tokens],
          ]}
        />
        <TextField
          label={texts.inUnit(balance.amount, isTokens ? texts.usage.tokens : currency)}
          value={amount}
          onChange={setAmount}
          wrong={tried && isWrong ? (isTokens ? texts.wholeNumber : texts.sum) : doing.wrong("amount")}
          numeric
          autofocus
        />
        <SelectField
          label={keys.expires}
          value={expires}
          onChange={setExpires}
          options={Object.entries(keys.expiries)}
          wrong={doing.wrong("expires")}
        />
      </div>
      <TextField
        label={limits.model}
        value={model}
        onChange={setModel}
        list={models}
        hint={limits.modelHint}
        wrong={doing.wrong("model")}
      />
    </FormDialog>
  );
}

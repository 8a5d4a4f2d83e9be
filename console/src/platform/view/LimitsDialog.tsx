// The limits of one key, workspace, account or model: what is used of them, and, for system administrators, setting, raising
// and removing them.
import { useState } from "preact/hooks";
import type { Admin } from "../admin";
import { may } from "../rights";
import { texts } from "../texts";
import type { Limit, LimitLevel, Me } from "../wire";
import { Dialog } from "./Dialog";
import { LimitLine, RaiseForm, RemoveForm, SetForm } from "./LimitForms";
import { LoadState, useLoaded } from "./loading";

interface Props {
  admin: Admin;
  me: Me;
  level: LimitLevel;
  subject: string; // id
  name: string;
  models: string[]; // proposals
  onClose: () => void;
  onChange: () => void;
}

export function LimitsDialog({ admin, me, level, subject, name, models, onClose, onChange }: Props) {
  const loaded = useLoaded(() => admin.limits({ level, subject }), [level, subject]);
  const [open, setOpen] = useState<{ form: "raise" | "remove"; limit: Limit } | null>(null);
  const mayChange = may(me, "limits");
  const changed = () => {
    setOpen(null);
    void loaded.reload();
    onChange();
  };
  const form = { admin, onCancel: () => setOpen(null), onDone: changed };
  return (
    <Dialog title={texts.limits.title(name)} onClose={onClose}>
      <LoadState loaded={loaded} />
      {loaded.data?.length === 0 && <p class="quiet">{texts.limits.empty}</p>}
      <ul class="limits">
        {loaded.data?.map((limit) => (
          <li key={`${limit.kind} ${limit.model}`}>
            <LimitLine limit={limit} />
            {mayChange && (
              <div class="row-buttons">
                <button type="button" class="link-button" onClick={() => setOpen({ form: "raise", limit })}>
                  {texts.limits.raise}
                </button>
                <button type="button" class="link-button" onClick={() => setOpen({ form: "remove", limit })}>
                  {texts.limits.remove}
                </button>
              </div>
            )}
          </li>
        ))}
      </ul>
      {open?.form === "raise" && <RaiseForm key={keyOf(open.limit)} {...form} limit={open.limit} />}
      {open?.form === "remove" && <RemoveForm key={keyOf(open.limit)} {...form} limit={open.limit} />}
      {mayChange && !open && (
        <SetForm
          admin={admin}
          currency={me.account.currency}
          level={level}
          subject={subject}
          models={models}
          onDone={changed}
        />
      )}
    </Dialog>
  );
}

export function keyOf({ level, subject, kind, model }: Limit): string {
  return [level, subject, kind, model].join(" ");
}

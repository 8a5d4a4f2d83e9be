// All budgets, those first of which least is left.
import { usedUpAt } from "../burn";
import { formatTime, texts } from "../texts";
import type { Limit, Me } from "../wire";
import { amountText, inForce, numberOf, subjectOf } from "./amounts";
import { LoadState, useLoaded } from "./loading";
import type { PageProps } from "./Pages";
import type { Names } from "./names";

export function Budgets({ platform, names, me }: { platform: PageProps["platform"]; names: Names; me: Me }) {
  const loaded = useLoaded(() => platform.admin.limits(), []);
  const budgets = (loaded.data ?? []).filter((limit) => limit.kind === "budget").sort((a, b) => share(b) - share(a));
  return (
    <section class="card">
      <h2>{texts.budgets.title}</h2>
      <LoadState loaded={loaded} />
      {loaded.data && budgets.length === 0 && <p class="quiet">{texts.budgets.empty}</p>}
      <ul class="budgets">
        {budgets.map((limit) => (
          <li key={`${limit.level} ${limit.subject} ${limit.model}`}>
            <Budget limit={limit} name={subjectOf(limit, names, me)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function share(limit: Limit): number {
  return numberOf(limit.used) / (numberOf(inForce(limit)) || 1);
}

export function Budget({ limit, name }: { limit: Limit; name: string }) {
  const amount = inForce(limit);
  const used = limit.used ?? (typeof amount === "number" ? 0 : { ...amount, amount: "0" });
  const part = Math.min(1, share(limit));
  const end = usedUpAt(limit, numberOf(used), numberOf(amount), Date.now());
  const { budgets } = texts;
  const notes = [
    part >= 1 ? budgets.spent : "",
    end !== null ? budgets.lasts(formatTime(new Date(end).toISOString())) : "",
    limit.reset ? budgets.resets(formatTime(limit.reset)) : "",
  ].filter(Boolean);
  return (
    <div class="budget">
      <div class="budget-line">
        <strong>
          <bdi>{name}</bdi>
          {limit.model && <span class="quiet"> {texts.limits.forModel(limit.model)}</span>}
        </strong>
        <span>{budgets.used(amountText(used), amountText(amount), budgets.periods[limit.period ?? ""] ?? "")}</span>
      </div>
      <Bar part={part} label={name} />
      {notes.length > 0 && <p class={part >= 1 ? "field-hint wrong" : "field-hint"}>{notes.join(" · ")}</p>}
    </div>
  );
}

// An SVG, because the page's policy forbids widths in style attributes.
// `left`: of what is left, where much of it is nothing to warn of.
export function Bar({ part, label, left = false }: { part: number; label: string; left?: boolean }) {
  const level = left ? "" : part >= 1 ? "full" : part >= 0.8 ? "near" : "";
  return (
    <svg
      class={`bar ${level}`}
      viewBox="0 0 100 4"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${label}: ${texts.percent(part)}`}
    >
      <rect class="bar-ground" width="100" height="4" />
      <rect class="bar-part" width={Math.max(part > 0 ? 0.5 : 0, part * 100)} height="4" />
    </svg>
  );
}

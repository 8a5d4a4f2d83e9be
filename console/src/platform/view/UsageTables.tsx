// The numbers of the usage page: sums of each group, and all rows by time.
import { formatSum } from "../money";
import { texts } from "../texts";
import { kRest, kTokenClasses, type Group, type Question } from "../usage";
import type { Dimension, Usage, UsageRow, UsageTotal } from "../wire";
import { Table, type Column } from "./Table";
import { nameOf } from "./UsageChart";
import type { Names } from "./names";

function numbers<T extends UsageTotal>(currency: string): Column<T>[] {
  const { usage } = texts;
  return [
    { name: usage.requests, number: true, cell: (row) => texts.count(row.requests) },
    ...kTokenClasses.map((name) => ({
      name: usage.classes[name],
      number: true,
      cell: (row: T) => texts.count(row[name]),
    })),
    { name: usage.cost, number: true, cell: (row) => formatSum({ currency, amount: row.cost }, texts.locale) },
  ];
}

interface GroupProps {
  groups: Group[];
  total: UsageTotal;
  by: Dimension | "";
  currency: string;
  names: Names;
}

export function GroupTable({ groups, total, by, currency, names }: GroupProps) {
  const head = by ? texts.usage.dimensions[by] : texts.usage.whole;
  const words = (row: Group) => (row.name === kRest || !by ? texts.usage.whole : nameOf(row.name, by, names));
  const columns: Column<Group>[] = [
    { name: head, head: true, cell: (row) => <bdi>{words(row)}</bdi> },
    ...numbers<Group>(currency),
  ];
  const foot = { name: kRest, ...total };
  if (!by) return <Table caption={head} columns={columns} rows={[foot]} id={(row) => row.name} />;
  return <Table caption={head} columns={columns} rows={groups} id={(row) => row.name} foot={foot} />;
}

interface RowProps {
  usage: Usage;
  question: Question;
  names: Names;
  unsplit: boolean; // rows are of all groups together
}

export function RowTable({ usage, question, names, unsplit }: RowProps) {
  const { bucket } = question;
  const by = unsplit ? "" : question.by;
  const first = usage.data[0]?.[bucket] ?? "";
  const columns: Column<UsageRow>[] = [
    {
      name: texts.usage.time(bucket === "day" ? zoneOf(first) : zoneHere(first)),
      head: true,
      cell: (row) => (bucket === "day" ? (row.day ?? "").slice(0, 10) : localText(row[bucket] ?? "")),
    },
    ...(by
      ? [{ name: texts.usage.dimensions[by], cell: (row: UsageRow) => <bdi>{nameOf(row[by] ?? "", by, names)}</bdi> }]
      : []),
    ...numbers<UsageRow>(usage.currency),
  ];
  const newest = [...usage.data].reverse();
  return (
    <details class="rows">
      <summary>{texts.usage.byTime}</summary>
      <Table
        caption={texts.usage.byTime}
        columns={columns}
        rows={newest}
        id={(row) => `${row[bucket]} ${by && row[by]}`}
      />
    </details>
  );
}

// In the browser's time zone: "2026-11-29 04:00".
function localText(time: string): string {
  const date = new Date(time);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return Number.isNaN(local.getTime()) ? time : local.toISOString().slice(0, 16).replace("T", " ");
}

function zoneHere(time: string): string {
  const ahead = -new Date(time).getTimezoneOffset() || 0;
  const two = (n: number) => String(n).padStart(2, "0");
  const size = Math.abs(ahead);
  return ahead ? `UTC${ahead > 0 ? "+" : "-"}${two(Math.floor(size / 60))}:${two(size % 60)}` : "UTC";
}

// Days are the platform's: "UTC+08:00".
function zoneOf(time: string): string {
  return `UTC${/[+-]\d\d:\d\d$/.exec(time)?.[0] ?? ""}`;
}

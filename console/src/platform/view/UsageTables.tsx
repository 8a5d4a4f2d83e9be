// The numbers of the usage page: sums of each group, and all rows by time.
import { useState } from "preact/hooks";
import { formatSum } from "../money";
import { texts } from "../texts";
import { kTokenClasses, type Group, type Question } from "../usage";
import type { Dimension, Usage, UsageRow, UsageTotal } from "../wire";
import { Table, type Column } from "./Table";
import { nameOf } from "./UsageChart";
import type { Names } from "./UsageFilters";

const kRowsShown = 50;

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
  const cell = (row: Group) => (row.name === kWhole || !by ? texts.usage.whole : nameOf(row.name, by, names));
  const columns: Column<Group>[] = [{ name: head, head: true, cell }, ...numbers<Group>(currency)];
  const foot = { name: kWhole, ...total };
  if (!by) return <Table caption={head} columns={columns} rows={[foot]} id={(row) => row.name} />;
  return <Table caption={head} columns={columns} rows={groups} id={(row) => row.name} foot={foot} />;
}

const kWhole = "\n"; // no group has this name

export function RowTable({ usage, question, names }: { usage: Usage; question: Question; names: Names }) {
  const [shown, setShown] = useState(kRowsShown);
  const { bucket, by } = question;
  const columns: Column<UsageRow>[] = [
    {
      name: texts.usage.time(zoneOf(usage.data[0]?.[bucket] ?? "")),
      head: true,
      cell: (row) => timeText(row[bucket] ?? ""),
    },
    ...(by ? [{ name: texts.usage.dimensions[by], cell: (row: UsageRow) => nameOf(row[by] ?? "", by, names) }] : []),
    ...numbers<UsageRow>(usage.currency),
  ];
  const newest = [...usage.data].reverse();
  return (
    <details class="rows">
      <summary>{texts.usage.byTime}</summary>
      <Table
        caption={texts.usage.byTime}
        columns={columns}
        rows={newest.slice(0, shown)}
        id={(row) => `${row[bucket]} ${by && row[by]}`}
      />
      {shown < newest.length && (
        <button type="button" class="secondary" onClick={() => setShown(shown + 4 * kRowsShown)}>
          {texts.usage.more}
        </button>
      )}
    </details>
  );
}

// As in the CSV: "2026-11-29 04:00".
function timeText(time: string): string {
  return time.slice(0, 16).replace("T", " ");
}

// The server chooses the time zone: "UTC+08:00".
function zoneOf(time: string): string {
  return `UTC${/[+-]\d\d:\d\d$/.exec(time)?.[0] ?? ""}`;
}

// A table that becomes a list of cards on phones: each cell then shows the name of its column. A long one shows its first
// rows and a button for more.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { texts } from "../texts";

export interface Column<T> {
  name: string;
  cell: (row: T) => ComponentChildren;
  number?: boolean; // aligned at its last digit
  head?: boolean; // names the row
}

interface Props<T> {
  caption: string; // for screen readers
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string;
  foot?: T; // a last row with the totals
  muted?: (row: T) => boolean;
}

const kRowsShown = 100;

export function Table<T>({ caption, columns, rows, id, foot, muted }: Props<T>) {
  const [most, setMost] = useState(kRowsShown);
  const shown = rows.slice(0, most);
  return (
    <>
      <Frame
        caption={caption}
        columns={columns}
        rows={shown}
        id={id}
        {...(foot && { foot })}
        {...(muted && { muted })}
      />
      {shown.length < rows.length && (
        <p class="table-more">
          <button type="button" class="secondary" onClick={() => setMost(most + 4 * kRowsShown)}>
            {texts.more}
          </button>
          <span class="quiet">{texts.shownOf(shown.length, rows.length)}</span>
        </p>
      )}
    </>
  );
}

function Frame<T>({ caption, columns, rows, id, foot, muted }: Props<T>) {
  return (
    <div class="table-frame">
      <table class="list">
        <caption class="offscreen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" class={column.number ? "number" : undefined}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={id(row)} row={row} columns={columns} muted={muted?.(row) ?? false} />
          ))}
        </tbody>
        {foot && (
          <tfoot>
            <Row row={foot} columns={columns} muted={false} />
          </tfoot>
        )}
      </table>
    </div>
  );
}

function Row<T>({ row, columns, muted }: { row: T; columns: Column<T>[]; muted: boolean }) {
  return (
    <tr class={muted ? "muted" : undefined}>
      {columns.map((column) => {
        const kind = column.number ? "number" : undefined;
        if (column.head) {
          return (
            <th key={column.name} scope="row" data-name={column.name}>
              <div>{column.cell(row)}</div>
            </th>
          );
        }
        return (
          <td key={column.name} class={kind} data-name={column.name}>
            <div>{column.cell(row)}</div>
          </td>
        );
      })}
    </tr>
  );
}

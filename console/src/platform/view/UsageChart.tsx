// The chart of the usage page. uPlot is loaded when there is something to draw.
import { useMemo, useState } from "preact/hooks";
import { formatBriefly } from "../money";
import { dateLocale, formatTime, texts } from "../texts";
import { chartOf, timeOf, type Measure, type Question, type Series } from "../usage";
import type { Dimension, Tokens, UsageRow } from "../wire";
import { LoadState, useLoaded } from "./loading";
import type { Names } from "./names";

interface Props {
  rows: UsageRow[];
  currency: string;
  question: Question;
  now: number;
  names: Names;
}

const kMeasures: Measure[] = ["cost", "tokens", "requests"];

export function UsageChart({ rows, currency, question, now, names }: Props) {
  const [measure, setMeasure] = useState<Measure>("cost");
  const drawing = useLoaded(() => import("./Chart"), []);
  const data = useMemo(() => {
    const { series, ...rest } = chartOf(rows, question, measure, now);
    const labelled = series.map((one) => ({ label: labelOf(one, question, measure, names), values: one.values }));
    return { ...rest, series: labelled };
  }, [rows, question, measure, now, names, texts.locale]);
  const money = (value: number) => formatBriefly({ currency, amount: plain(value) }, texts.locale);
  const format = measure === "cost" ? money : texts.count;
  const Chart = drawing.data?.default;
  return (
    <section class="chart-section">
      <div class="tabs" role="group" aria-label={texts.usage.measure}>
        {kMeasures.map((name) => (
          <button key={name} type="button" aria-pressed={name === measure} onClick={() => setMeasure(name)}>
            {texts.usage.measures[name]}
          </button>
        ))}
      </div>
      {Chart ? (
        <Chart
          label={texts.usage.chart(texts.usage.measures[measure], texts.usage.periods[question.period])}
          {...data}
          format={format}
          formatBriefly={measure === "cost" ? money : texts.brief}
          formatTime={(seconds) => formatTime(timeOf(seconds))}
          locale={dateLocale()}
          theme={document.documentElement.dataset.theme ?? ""}
        />
      ) : (
        <LoadState loaded={drawing} />
      )}
    </section>
  );
}

// A number of the chart's axis as a decimal text: sums of small costs have rounding errors that nobody wants to read.
function plain(value: number): string {
  return String(Number(value.toFixed(9)).toFixed(9))
    .replace(/0+$/, "")
    .replace(/\.$/, "");
}

function labelOf(series: Series, question: Question, measure: Measure, names: Names): string {
  if (series.rest) return texts.usage.rest;
  if (question.by) return nameOf(series.name, question.by, names);
  return measure === "tokens" ? texts.usage.classes[series.name as keyof Tokens] : texts.usage.measures[measure];
}

// What people call a group.
export function nameOf(value: string, by: Dimension | "", names: Names): string {
  if (by === "workspace" || by === "key") return names[by].get(value) ?? (value || texts.usage.unnamed);
  if (by === "outcome") return texts.usage.outcomes[value] ?? value;
  return value || texts.usage.unnamed;
}

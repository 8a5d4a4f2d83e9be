// The chart of the usage page. uPlot is loaded when there is something to draw.
import { useMemo, useState } from "preact/hooks";
import { formatBriefly } from "../money";
import { formatTime, texts } from "../texts";
import { chartOf, timeOf, type Measure, type Question, type Series } from "../usage";
import type { Dimension, Tokens, Usage } from "../wire";
import { LoadState, useLoaded } from "./loading";
import type { Names } from "./UsageFilters";

interface Props {
  usage: Usage;
  question: Question;
  now: number;
  names: Names;
}

const kMeasures: Measure[] = ["cost", "tokens", "requests"];

export function UsageChart({ usage, question, now, names }: Props) {
  const [measure, setMeasure] = useState<Measure>("cost");
  const drawing = useLoaded(() => import("./Chart"), []);
  const { times, series } = useMemo(() => {
    const data = chartOf(usage.data, question, measure, now);
    const labelled = data.series.map((one) => ({ label: labelOf(one, question, measure, names), values: one.values }));
    return { times: data.times, series: labelled };
  }, [usage, question, measure, now, names, texts.locale]);
  const format = (value: number) => {
    if (measure !== "cost") return texts.count(value);
    return formatBriefly({ currency: usage.currency, amount: plain(value) }, texts.locale);
  };
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
          times={times}
          series={series}
          format={format}
          formatTime={(seconds) => formatTime(timeOf(seconds))}
          locale={texts.locale}
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

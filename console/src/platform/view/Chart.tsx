// Stacked bars over time, drawn by uPlot. The legend is part of the page and shows the values of the bucket under the
// marker, which follows the pointer or the arrow keys.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface ChartSeries {
  label: string;
  values: number[];
}

interface Props {
  label: string; // for screen readers
  times: number[]; // seconds
  step: number; // between them
  zone: number | null; // of days: seconds ahead of UTC
  series: ChartSeries[];
  format: (value: number) => string;
  formatBriefly: (value: number) => string; // beside the axis
  formatTime: (seconds: number) => string;
  locale: string;
  theme: string; // the colours are read again when it changes
}

const kHeight = 240;

export default function Chart(props: Props) {
  const { label, times, zone, series, format, formatTime, locale, theme } = props;
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  useEffect(() => {
    const box = frame.current!;
    const drawn = new uPlot(optionsOf(props, box, setAt), dataOf(times, series), box);
    plot.current = drawn;
    const observer = new ResizeObserver(() => drawn.setSize({ width: box.clientWidth, height: kHeight }));
    observer.observe(box);
    return () => {
      observer.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [times, series, theme, locale]);
  useEffect(() => setAt(null), [times, series]);

  const onKeyDown = (e: KeyboardEvent) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    const drawn = plot.current;
    if (!way || !drawn || times.length === 0) return;
    e.preventDefault();
    const next = Math.min(times.length - 1, Math.max(0, (at ?? (way > 0 ? -1 : times.length)) + way));
    drawn.setCursor({ left: drawn.valToPos(times[next]!, "x"), top: 10 });
    setAt(next);
  };
  return (
    <figure class="chart">
      <div ref={frame} class="chart-frame" role="img" aria-label={label} tabIndex={0} onKeyDown={onKeyDown} />
      <figcaption class="legend">
        <span class="legend-time">
          {at === null ? "" : zone === null ? formatTime(times[at] ?? 0) : dayText(times[at] ?? 0, zone, locale)}
        </span>
        <ul>
          {series.map(({ label: name, values }, i) => (
            <li key={name}>
              <span class={`swatch swatch-${i}`} />
              <bdi>{name}</bdi>
              <strong>{format(at === null ? values.reduce((a, b) => a + b, 0) : (values[at] ?? 0))}</strong>
            </li>
          ))}
        </ul>
      </figcaption>
    </figure>
  );
}

// Each series with those below it added. The highest is drawn first, so that the others stand in front of it.
function dataOf(times: number[], series: ChartSeries[]): uPlot.AlignedData {
  const sums = times.map(() => 0);
  const stacked = series.map(({ values }) => values.map((value, i) => (sums[i]! += value)));
  return [times, ...stacked.reverse()];
}

function optionsOf(props: Props, box: HTMLElement, onMarker: (at: number | null) => void): uPlot.Options {
  const { times, step, zone, formatBriefly } = props;
  const count = props.series.length;
  const style = getComputedStyle(box);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: token("--quiet"),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: token("--line"), width: 1 },
    ticks: { stroke: token("--line"), width: 1 },
  };
  const bars = uPlot.paths.bars!({ size: [0.8, 40], align: 1 });
  const series = Array.from({ length: count }, (_, i) => {
    const colour = token(`--chart-${count - 1 - i}`);
    return { paths: bars, fill: colour, stroke: colour, width: 0, points: { show: false } };
  });
  return {
    width: box.clientWidth,
    height: kHeight,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    ...(zone !== null && { tzDate: (seconds: number) => dateIn(seconds, zone) }),
    scales: {
      x: { range: () => [times[0] ?? 0, (times.at(-1) ?? 0) + step] },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.05 : 1] },
    },
    axes: [
      { ...axis, size: 42, values: timeLabels(props), space: 70 },
      {
        ...axis,
        size: (_, values) => 18 + Math.max(0, ...(values ?? []).map(widthOf)),
        values: (_, ticks) => ticks.map(formatBriefly),
      },
    ],
    series: [{}, ...series],
    hooks: { setCursor: [(drawn) => onMarker(drawn.cursor.idx ?? null)] },
  };
}

// Roughly, of a label beside the axis; Chinese characters are as wide as two others.
function widthOf(label: string): number {
  return [...label].reduce((width, letter) => width + (letter > "\u2e80" ? 14 : 7), 0);
}

// A date whose local parts are those of a zone. uPlot puts its ticks at their midnights.
function dateIn(seconds: number, zone: number): Date {
  return new Date((seconds + zone) * 1000 + new Date(seconds * 1000).getTimezoneOffset() * 60_000);
}

function dayText(seconds: number, zone: number, locale: string): string {
  const format = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", timeZone: "UTC" });
  return format.format((seconds + zone) * 1000);
}

// Times of day in the browser's time zone; the first of a day also says which. Days in the platform's.
function timeLabels({ locale, zone }: Props) {
  const day = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric" });
  const time = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return (_: uPlot, ticks: number[], __: number, ___: number, step: number) => {
    let last = "";
    return ticks.map((tick) => {
      if (zone !== null) return dayText(tick, zone, locale);
      const date = new Date(tick * 1000);
      const today = day.format(date);
      if (step >= 86400) return today;
      const text = today === last ? time.format(date) : `${time.format(date)}\n${today}`;
      last = today;
      return text;
    });
  };
}

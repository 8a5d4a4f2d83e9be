"""From runs to figures: medians, ratios within rounds, a table and a chart."""
import csv
import statistics
from xml.sax.saxutils import escape

from .engines import PHASES

COLOURS = ("#2563eb", "#9ca3af", "#d97706", "#059669")


def speeds(rounds, engine, phase):
    return [r[engine][phase] for r in rounds if phase in r.get(engine, {})]


def ratios(rounds, ours, other, phase):
    """Of every round in which both ran."""
    return [r[ours][phase] / r[other][phase] for r in rounds if all(phase in r.get(e, {}) for e in (ours, other))]


def summary(rounds, engines):
    """{phase: {engine: {median, all, median_ratio, ratios}}}; a ratio is ours over theirs."""
    figures = {}
    for phase in PHASES:
        of_phase = figures[phase] = {}
        for engine in engines:
            values = speeds(rounds, engine, phase)
            if not values:
                continue
            of_phase[engine] = {"median": statistics.median(values), "all": values}
            if engine != engines[0] and (both := ratios(rounds, engines[0], engine, phase)):
                of_phase[engine] |= {"median_ratio": statistics.median(both), "ratios": both}
    return figures


def write_csv(path, models):
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["model", "round", "engine", *PHASES, "busy_cores_before", "load_before", "quiet", "error"])
        for model, content in models.items():
            for number, engines in enumerate(content["rounds"], 1):
                for engine, run in engines.items():
                    rows.writerow([model, number, engine, *(run.get(key, "") for key in (
                        *PHASES, "busy_cores_before", "load_before", "quiet", "error"))])


def bars(models):
    """(model and phase, engine, median, least, most) of everything that ran."""
    for model, content in models.items():
        for phase, engines in content["figures"].items():
            for engine, f in engines.items():
                yield f"{model}, {phase.split('_')[0]}", engine, f["median"], min(f["all"]), max(f["all"])


def write_svg(path, models, title):
    """Horizontal bars, each group on a scale of its own; a line from the slowest run to the fastest."""
    height, left, width = 18, 330, 360
    names = list(dict.fromkeys(engine for _, engine, *_ in bars(models)))
    all_bars = list(bars(models))
    out, y, group = [], 40, None
    for label, engine, median, least, most in all_bars:
        if label != group:
            group, y = label, y + 10
            most_of_group = max(b[4] for b in all_bars if b[0] == label)
            out.append(f'<text x="10" y="{y + 13}">{escape(label)}</text>')
        scale = width / most_of_group
        colour = COLOURS[names.index(engine) % len(COLOURS)]
        out.append(f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(engine)}</text>'
                   f'<rect x="{left}" y="{y + 2}" width="{median * scale:.1f}" height="{height - 4}" fill="{colour}"/>'
                   f'<path d="M{left + least * scale:.1f} {y + 9}H{left + most * scale:.1f}" stroke="#111"/>'
                   f'<text x="{left + most * scale + 6:.1f}" y="{y + 13}">{median:.1f}</text>')
        y += height
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 80}" height="{y + 15}" '
                    f'font-family="sans-serif" font-size="12">\n<text x="10" y="20" font-size="14">{escape(title)}'
                    f'</text>\n' + "\n".join(out) + "\n</svg>\n")

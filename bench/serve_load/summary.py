"""Figures of a run: percentiles, goodput and how much of the prompts was reused."""


def percentile(values, p):
    """Nearest rank; None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * p // 100) - 1))] if ordered else None


def _spread(values):
    return {f"p{p}": percentile(values, p) for p in (50, 90, 99)}


def summary(answers, seconds, first_within, gap_within):
    """`first_within`, `gap_within`: seconds that a good answer's first token and median gap may take."""
    good = [a for a in answers if a.ok()]
    within = [a for a in good if a.first() <= first_within and (percentile(a.gaps(), 50) or 0) <= gap_within]
    prompt = sum(a.prompt_tokens for a in good)
    later = [a for a in good if a.turn > 0]
    return {"requests": len(answers), "failed": len(answers) - len(good), "seconds": seconds,
            "first_token_seconds": _spread([a.first() for a in good]),
            "inter_token_seconds": _spread([g for a in good for g in a.gaps()]),
            "completion_tokens_per_second": sum(a.completion_tokens for a in good) / seconds,
            "prompt_tokens_per_second": prompt / seconds,
            "goodput_requests_per_second": len(within) / seconds,
            "hit_ratio": sum(a.cached_tokens for a in good) / prompt if prompt else None,
            "hit_ratio_later_turns": _hit_ratio(later),
            "why": _reasons(good)}


def _hit_ratio(answers):
    prompt = sum(a.prompt_tokens for a in answers)
    return sum(a.cached_tokens for a in answers) / prompt if prompt else None


def _reasons(answers):
    counts = {}
    for a in answers:
        if a.cache:
            counts[a.cache.get("why", "?")] = counts.get(a.cache.get("why", "?"), 0) + 1
    return counts


def table(figures):
    ms = lambda x: "-" if x is None else f"{1000 * x:9.1f}"  # noqa: E731
    ratio = lambda x: "-" if x is None else f"{100 * x:.1f} %"  # noqa: E731
    rows = [f"{'ms':24}{'p50':>10}{'p90':>10}{'p99':>10}"]
    for name in ("first_token_seconds", "inter_token_seconds"):
        rows.append(f"{name.removesuffix('_seconds').replace('_', ' '):24}" + "".join(f"{ms(v):>10}" for v in figures[name].values()))
    rows += [f"requests {figures['requests']}, failed {figures['failed']}, {figures['seconds']:.1f} s",
             f"output {figures['completion_tokens_per_second']:.1f} tok/s, prompts {figures['prompt_tokens_per_second']:.0f} tok/s, "
             f"goodput {figures['goodput_requests_per_second']:.2f} requests/s",
             f"prompt reused {ratio(figures['hit_ratio'])}, after the first turn {ratio(figures['hit_ratio_later_turns'])}"]
    if figures["why"]:
        rows.append("why not more: " + ", ".join(f"{k} {v}" for k, v in sorted(figures["why"].items())))
    return "\n".join(rows)

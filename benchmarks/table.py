"""The table of all figures, from the JSON that a run has written: for a terminal and for the docs."""

import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, figure_from

Results = dict[str, Any]
"""What `python -m benchmarks --json FILE` writes."""


def rows(results: Results) -> Iterator[tuple[Figure, str, bool]]:
    """(figure, verdict, whether it is of the quick form)."""
    for line in results["lines"].values():
        for written in line.get("figures", ()):
            yield figure_from(written), verdict(written["met"], line["problems"]), line["quick"]


def verdict(met: bool | None, problems: list[str]) -> str:
    """In one word. A measurement whose outcome was wrong is not a speed."""
    if problems:
        return "wrong"
    return "" if met is None else ("yes" if met else "no")


def complaints(results: Results) -> list[str]:
    """What went wrong, or was not measured, and why."""
    found = []
    for name, line in results["lines"].items():
        found += [f"{name}: {problem}" for problem in line.get("problems", ())]
        if "error" in line:
            found.append(f"{name}: not measured: {line['error']}")
    return found


def is_noise_known(results: Results) -> bool:
    """Whether any figure has a noise to show: without, its column is left out."""
    return any(figure.noise for figure, _, _ in rows(results))


def console() -> Console:
    """Where tables are printed. What is no terminal (a file, a pipe) has 100 columns."""
    return Console(width=None if sys.stdout.isatty() else 100)


def terminal(results: Results) -> Table:
    """For the terminal."""
    table = Table("what")
    noisy = is_noise_known(results)
    for head in ("goal", "measured (least to most)", *(("noise",) if noisy else ()), "met"):
        table.add_column(head, no_wrap=True)
    for line in results["lines"].values():
        for figure, met, quick in rows({"lines": {"": line}}):
            goal = "" if figure.goal is None else str(figure.goal)
            what = f"{figure.what} [dim](quick)[/dim]" if quick else figure.what
            colour = {"yes": "green", "no": "yellow", "wrong": "red"}.get(met)
            noise = (figure.noise,) if noisy else ()
            table.add_row(what, goal, str(figure), *noise, f"[{colour}]{met}[/{colour}]" if colour else "")
        table.add_section()
    return table


def markdown(results: Results) -> str:
    """For the docs."""
    noisy = is_noise_known(results)
    heads = ["what", "goal", "measured: median (least to most)", *(["noise"] if noisy else []), "met"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for figure, met, quick in rows(results):
        goal = "" if figure.goal is None else str(figure.goal)
        what = f"{figure.what} (quick)" if quick else figure.what
        cells = [what, goal, str(figure), *([figure.noise] if noisy else []), met]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def beside(results: Results) -> str:
    """What people would use instead, and what each costs and loses: a line for each variant."""
    flushes = results["lines"].get("sign_ups", {}).get("rounds", {})
    killed = results["lines"].get("losses", {}).get("rounds", {})
    heads = ["", *(f"sign-ups/s ÷ no triggers, {flush} flush" for flush in flushes), "counts", "killed for a second"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for name in dict.fromkeys(name for variants in flushes.values() for name in variants):
        measured = [variants[name] for variants in flushes.values() if "to_none" in variants.get(name, {})]
        if not measured or name in NOT_USED:
            continue
        speeds = (
            f"{variants[name]['to_none']['median']:.2f}" if "to_none" in variants.get(name, {}) else ""
            for variants in flushes.values()
        )
        cells = [measured[0]["label"], *speeds, counts(measured), lost(killed.get(name, {}))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def counts(measured: list[dict[str, Any]]) -> str:
    """What a variant's counts were worth in the end, with whichever flush they were worst."""
    drifts = [variant["outcome"]["drift"] for variant in measured if "drift" in variant["outcome"]]
    if not drifts:
        return "none"
    worst = max(drifts, key=abs)
    return f"off by {worst:+,}" if worst else "exact"


def lost(told: dict[str, Any]) -> str:
    """Whom a variant lost when its worker was killed."""
    if "missing" not in told:
        return ""
    return f"{told['missing']:,} of {told['profiles']:,} not enrolled" if told["missing"] else "nobody lost"


NOT_USED = ("plain", "stopped")
"""Variants that nobody would use: what the others are compared with."""


def sign_ups(results: Results, flush: str) -> str:
    """Every variant of the sign-ups with one flush, and what had become of it in the end."""
    measured = results["lines"]["sign_ups"]["rounds"][flush]
    columns = {beside: head for beside, head in BESIDE.items() if any(beside in told for told in measured.values())}
    heads = [f"{flush} flush", *columns.values(), "in the end"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for name, variant in measured.items():
        if "skipped" in variant:
            lines.append(f"| {variant.get('label', name)} |{' |' * len(columns)} {variant['skipped']} |")
            continue
        ratios = (f"{variant[beside]['median']:.2f}" if beside in variant else "" for beside in columns)
        lines.append(f"| {variant['label']} | {' | '.join(ratios)} | {outcome(variant)} |")
    return "\n".join(lines)


BESIDE = {
    "to_none": "÷ no triggers",
    "to_least": "÷ the least work",
    "to_least_looked_up": "÷ the same, course looked up",
    "to_pgque": "÷ PgQue",
    "to_synchronous": "÷ synchronous triggers",
}
"""What the variants are compared with; a column for each that was measured."""


def outcome(variant: dict[str, Any]) -> str:
    """How many signed up, and who of them was lost, doubled or miscounted."""
    found = variant["outcome"]
    parts = [f"{found['profiles']:,} signed up"]
    if "missing" in found:
        parts.append(f"{found['missing']:,} not enrolled" if found["missing"] else "all enrolled")
    if found.get("drift"):
        parts.append(f"count off by {found['drift']:+,}")
    parts += [f"{found[name]:,} {what}" for name, what in COMPLAINTS.items() if found.get(name)]
    if "seconds_to_finish" in found:
        seconds = found["seconds_to_finish"]
        parts.append("not finished in time" if seconds is None else f"{seconds:.1f} s to finish")
    return ", ".join(parts)


COMPLAINTS = {
    "enrolled_twice": "enrolled twice",
    "failed": "sign-ups failed",
    "errors": "errors",
    "deadlocks": "deadlocks",
    "workers_exited": "workers exited",
}


def machine(results: Results) -> str:
    """What was measured on, and when: a sentence for each machine, version and commit."""
    measured: dict[str, dict[str, int]] = {}
    for name, line in results["lines"].items():
        facts = line["machine"]
        text = (
            f"{facts['cores']} cores ({facts['processor']}), {facts['memory_gib']:g} GiB, Postgres {facts['postgres']},"
            f" Python {facts['python']}, {facts['date'][:10]}, commit {facts['commit']}"
        )
        measured.setdefault(text, {})[name] = facts["flushes_per_second"]
    if len(measured) == 1:
        return f"Measured on {_told(*next(iter(measured.items())))}."
    return "\n".join(
        f"- {', '.join(f'`{name}`' for name in lines)}: {_told(text, lines)}." for text, lines in measured.items()
    )


def _told(text: str, flushes: dict[str, int]) -> str:
    least, most = min(flushes.values()), max(flushes.values())
    return f"{text}; {least:,} to {most:,} flushes a second" if least < most else f"{text}; {most:,} flushes a second"

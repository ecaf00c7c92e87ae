"""Writes what the docs show of the benchmarks, from the JSON of a run: charts, and tables between two markers.

`python -m benchmarks.charts benchmarks/results.json` measures nothing.
"""

import argparse
import json
from collections.abc import Container
from pathlib import Path

from benchmarks import table
from benchmarks.figures import Figure, figure_from
from benchmarks.measure import Spread
from benchmarks.svg import Group, chart
from benchmarks.table import Results

ROOT = Path(__file__).parents[1]
README, PAGE = Path("README.md"), Path("docs/benchmarks.md")
CHARTS = Path("docs/benchmarks")
BEGIN, END = "<!-- benchmarks: written by `python -m benchmarks.charts` -->", "<!-- end of benchmarks -->"


def figures(results: Results, line: str) -> dict[str, Figure]:
    """The figures of one benchmark, if it was measured."""
    written = results["lines"].get(line, {}).get("figures", ())
    return {figure["key"]: figure_from(figure) for figure in written}


def sign_ups(results: Results) -> str | None:
    """Every variant beside no triggers at all."""
    flushes = results["lines"].get("sign_ups", {}).get("rounds")
    if not flushes:
        return None
    names = list(dict.fromkeys(name for variants in flushes.values() for name in variants))
    groups = []
    for name in names:
        found = [variants.get(name, {}) for variants in flushes.values()]
        bars = tuple(Spread(**variant["to_none"]) if "to_none" in variant else None for variant in found)
        if any(bars):
            groups.append(Group(found[0].get("label", name), bars))
    series = [f"{flush} flush" for flush in flushes]
    return chart("Sign-ups a second, 16 clients, ÷ no triggers at all", series, groups, mark=1.0)


def latency(results: Results) -> str | None:
    """How long a student waits, ours beside a bare listener's."""
    found = figures(results, "latency")
    if not found:
        return None
    groups = [
        Group(
            f"{name}, {rate} sign-ups/s",
            tuple(found[f"{name}_at_{rate}_{whose}"].measured for whose in ("ours", "bare")),
        )
        for rate in (5, 200)
        for name in ("p50", "p99")
    ]
    return chart("From a sign-up's commit to the enrollment's", ["ours", "bare listener"], groups, unit="ms")


def draining(results: Results) -> str | None:
    """How fast what happened while the daemon was down is made up for."""
    found = figures(results, "draining")
    if not found:
        return None
    labels = {
        "bare_per_second": "one bare INSERT … SELECT",
        "per_second": "draining",
    }
    groups = [Group(label, (found[key].measured,)) for key, label in labels.items() if key in found]
    many = results["lines"]["draining"]["rounds"]["sign_ups"]
    return chart(f"Making up for {many:,} sign-ups", ["a second"], groups)


DRAWN = {"sign-ups": sign_ups, "latency": latency, "draining": draining}
ALT = {
    "sign-ups": "Sign-ups a second beside no triggers at all, for every variant",
    "latency": "Reaction latency beside a bare listener's",
    "draining": "Draining beside one bare INSERT … SELECT",
}


def files(results: Results) -> dict[Path, str]:
    """The charts' files, below the repository."""
    drawn = {CHARTS / f"{name}.svg": draw(results) for name, draw in DRAWN.items()}
    return {path: text for path, text in drawn.items() if text is not None}


def images(results: Results, page: Path, names: Container[str] = DRAWN) -> str:
    """The charts of these names, as `page` shows them."""
    shown = {path.stem: path.relative_to(page.parent) for path in files(results) if path.stem in names}
    return "\n\n".join(f"![{ALT[name]}]({path.as_posix()})" for name, path in shown.items())


def readme(results: Results) -> str:
    """What the README shows: one chart. Figures, and what others cost and lose, are in docs/benchmarks.md."""
    return images(results, README, {"sign-ups"})


def page(results: Results) -> str:
    """What docs/benchmarks.md shows."""
    parts = [table.machine(results), images(results, PAGE), table.beside(results), table.markdown(results)]
    parts += [table.sign_ups(results, flush) for flush in results["lines"].get("sign_ups", {}).get("rounds", {})]
    told = [f"- `{name}`: {note}" for name, line in results["lines"].items() for note in line.get("notes", ())]
    told += [f"- **{complaint}**" for complaint in table.complaints(results)]
    if told:
        parts.append("\n".join(told))
    return "\n\n".join(parts)


def between_markers(text: str, section: str) -> str:
    """`text` with `section` between its markers. Raises ValueError if it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{section}\n\n{END}{after}"


def rendered(results: Results, root: Path) -> dict[Path, str]:
    """Every file that the results are shown in, as it should be."""
    pages = {
        path: between_markers((root / path).read_text(encoding="utf-8"), section)
        for path, section in ((README, readme(results)), (PAGE, page(results)))
    }
    return pages | files(results)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.charts", description=__doc__)
    parser.add_argument("results", type=Path, help="what `python -m benchmarks --json` wrote")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository whose README and docs are written")
    options = parser.parse_args()
    for path, text in rendered(json.loads(options.results.read_text(encoding="utf-8")), options.root).items():
        (options.root / path).parent.mkdir(exist_ok=True)
        (options.root / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

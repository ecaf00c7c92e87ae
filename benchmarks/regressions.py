"""Compares a run with recorded results: which figures are more than 10 % worse than they were.

`python -m benchmarks.regressions FILE` measures nothing. Figures that have a goal and no unit, most of them ratios, are
judged. What has a unit says more about the machine than about the project; it is told, and so is what has no goal.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import table
from benchmarks.figures import Figure, figure_from
from benchmarks.table import Results

RECORDED = Path(__file__).parent / "results.json"
LIMIT = 0.1
"""How much worse a figure must be to be a regression, as a share of what was recorded."""


class Verdict(StrEnum):
    """What is to be said of a figure beside what was recorded."""

    REGRESSION = "regression"
    DOUBTFUL = "doubtful"
    """Worse by more than the limit, and by no more than noise can explain."""
    FINE = "no worse"
    TOLD = "not judged"


@dataclass(frozen=True)
class Comparison:
    """One figure, as it was recorded and as it is now."""

    line: str
    recorded: Figure
    measured: Figure
    is_same_form: bool
    """Whether both were measured in the same form: a quick form and a long one are not what is usually measured."""

    @property
    def change(self) -> float | None:
        """By how much the median is larger than recorded, as a share; None if none was recorded."""
        before = self.recorded.measured.median
        return (self.measured.measured.median - before) / before if before else None

    @property
    def worse_by(self) -> float | None:
        """By how much the median is worse than recorded, as a share, or less than 0; None if that cannot be judged."""
        goal = self.measured.goal or self.recorded.goal
        if self.change is None or goal is None or self.measured.unit:
            return None
        return self.change if goal.at_least is None else -self.change

    @property
    def is_within_noise(self) -> bool:
        """Whether noise can explain the difference: the two medians, the noise of each considered, may be the same."""
        (low, high), (recorded_low, recorded_high) = self.measured.measured.likely, self.recorded.measured.likely
        return low <= recorded_high and recorded_low <= high

    @property
    def verdict(self) -> Verdict:
        """Whether it has become worse."""
        if self.worse_by is None:
            return Verdict.TOLD
        if self.worse_by <= LIMIT:
            return Verdict.FINE
        return Verdict.DOUBTFUL if self.is_within_noise or not self.is_same_form else Verdict.REGRESSION

    def __str__(self) -> str:
        if self.worse_by is None:
            return "" if self.change is None else f"{_percent(self.change, '+')}"
        return f"{_percent(abs(self.worse_by))} {'worse' if self.worse_by > 0 else 'better'}"

    def sentence(self) -> str:
        """What there is to say of a figure that is worse."""
        why = ""
        if self.verdict is Verdict.DOUBTFUL:
            rounds = self.measured.measured.rounds
            many = "its" if rounds is None else f"{rounds}"
            why = f", within the noise of {many} round{'' if rounds == 1 else 's'}"
            if not self.is_same_form:
                why = ", but not measured in the same form"
        return (
            f"{self.verdict}: {self.line}: {self.measured.what}: {self}{why}: recorded {_with_noise(self.recorded)},"
            f" now {_with_noise(self.measured)}"
        )


def comparisons(measured: Results, recorded: Results) -> Iterator[Comparison]:
    """Every figure that is in both. What came out wrong is no figure: `table.complaints` tells of it."""
    for name, line in measured["lines"].items():
        before = recorded["lines"].get(name, {})
        if line.get("problems"):
            continue
        figures = {figure["key"]: figure_from(figure) for figure in before.get("figures", ())}
        is_same_form = _form(line) == _form(before)
        for written in line.get("figures", ()):
            if written["key"] in figures:
                yield Comparison(name, figures[written["key"]], figure_from(written), is_same_form)


def unmatched(measured: Results, recorded: Results) -> list[str]:
    """What only one of both has, of the lines that were measured."""
    found = []
    for name, line in measured["lines"].items():
        keys, before = (
            {figure["key"] for figure in lines.get("figures", ())} for lines in (line, recorded["lines"].get(name, {}))
        )
        found += [f"{name}: {key} was not recorded" for key in sorted(keys - before)]
        found += [f"{name}: {key} was recorded, and is not measured any more" for key in sorted(before - keys)]
    return found


def tell(measured: Results, recorded: Results, console: Console) -> bool:
    """Print how a run compares with what was recorded; whether any figure is a regression."""
    compared = list(comparisons(measured, recorded))
    shown = Table("what")
    for head in ("recorded", "now", "change"):
        shown.add_column(head, no_wrap=True)
    for each in compared:
        colour = {Verdict.REGRESSION: "red", Verdict.DOUBTFUL: "yellow", Verdict.TOLD: "dim"}.get(
            each.verdict, "default"
        )
        shown.add_row(each.measured.what, _short(each.recorded), _short(each.measured), f"[{colour}]{each}[/{colour}]")
    console.print(shown)
    for verdict, colour in ((Verdict.DOUBTFUL, "yellow"), (Verdict.REGRESSION, "red")):
        for each in compared:
            if each.verdict is verdict:
                console.print(each.sentence(), style=colour, markup=False, highlight=False)
    for one in unmatched(measured, recorded):
        console.print(one, style="dim", markup=False, highlight=False)
    number = {verdict: sum(each.verdict is verdict for each in compared) for verdict in Verdict}
    console.print(", ".join(f"{verdict}: {many}" for verdict, many in number.items()), highlight=False)
    return number[Verdict.REGRESSION] > 0


def read(file: Path) -> Results:
    """What `python -m benchmarks --json` wrote. Raises OSError or ValueError."""
    found: Results = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or "lines" not in found:
        raise ValueError(f"{file} was not written by python -m benchmarks --json")
    return found


def main() -> int:
    """The command. Its exit status is 1 if anything is a regression, or came out wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.regressions", description=__doc__)
    parser.add_argument("results", type=Path, help="what `python -m benchmarks --json` wrote")
    parser.add_argument("--against", type=Path, default=RECORDED, help="what was recorded (benchmarks/results.json)")
    options = parser.parse_args()
    try:
        measured, recorded = read(options.results), read(options.against)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    console = table.console()
    complaints = table.complaints(measured)
    for complaint in complaints:
        console.print(complaint, style="red", markup=False)
    return 1 if tell(measured, recorded, console) or complaints else 0


def _form(line: Results) -> tuple[bool, bool]:
    return bool(line.get("quick")), bool(line.get("long"))


def _percent(share: float, sign: str = "-") -> str:
    return f"{share * 100:{sign}.0f} %"


def _short(figure: Figure) -> str:
    return " ".join(filter(None, (str(figure).partition(" (")[0], figure.noise)))


def _with_noise(figure: Figure) -> str:
    return f"{figure}, {figure.noise}" if figure.noise else str(figure)


if __name__ == "__main__":
    sys.exit(main())

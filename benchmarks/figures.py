"""What a benchmark hands back: figures with their goals, and whatever went wrong meanwhile."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.measure import Spread, spread


@dataclass(frozen=True)
class Goal:
    """What a figure is to reach. Goals are reached for, not enforced."""

    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return "" if self.at_most is None else f"≤ {self.at_most:g}"

    def met(self, value: float) -> bool:
        """Whether `value` reaches it."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    key: str
    what: str
    measured: Spread
    goal: Goal | None = None
    """None: told beside the others, no goal of its own."""
    unit: str = ""
    """Nothing: a ratio."""

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the goal."""
        return None if self.goal is None else self.goal.met(self.measured.median)

    @property
    def noise(self) -> str:
        """By how much of itself the median may be off, either way, in percent; nothing if that is not known."""
        if self.measured.noise is None or not self.measured.median:
            return ""
        return f"± {abs(self.measured.noise / self.measured.median):.0%}".replace("%", " %")

    def __str__(self) -> str:
        low, middle, high = (_text(value) for value in (self.measured.least, self.measured.median, self.measured.most))
        unit = f" {self.unit}" if self.unit else ""
        return f"{middle}{unit}" if low == high else f"{middle}{unit} ({low} to {high})"


@dataclass(frozen=True)
class Measured:
    """What one benchmark found."""

    figures: tuple[Figure, ...]
    rounds: dict[str, Any] = field(default_factory=dict)
    """Everything as it was measured."""
    problems: tuple[str, ...] = ()
    """Losses, wrong counts, errors of ours: with any, no goal is met."""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As `json` writes it."""
        figures = [
            {**asdict(figure), "met": None if figure.met is None else figure.met and not self.problems}
            for figure in self.figures
        ]
        return {
            "figures": figures,
            "problems": list(self.problems),
            "notes": list(self.notes),
            "rounds": self.rounds,
        }


def figure_from(written: dict[str, Any]) -> Figure:
    """A figure as `Measured.to_json` has written it."""
    goal = written["goal"]
    return Figure(
        key=written["key"],
        what=written["what"],
        measured=Spread(**written["measured"]),
        goal=None if goal is None else Goal(**goal),
        unit=written["unit"],
    )


def single(key: str, what: str, values: Sequence[float], unit: str, goal: Goal | None = None) -> Figure:
    """A figure that is no ratio."""
    return Figure(key, what, spread(values), goal, unit)


def _text(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"

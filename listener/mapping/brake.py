"""The brakes: how many enrollments may be taken back within ten minutes, and how many may be made."""

import re
from dataclasses import dataclass
from decimal import Decimal

from listener.errors import WrongSetting
from listener.mapping.mapping import Mapping

OFF = "none"
USUAL = "5%"
LEAST = 20
"""A percentage never means fewer enrollments."""

LONGEST = 12
"""Most digits of a number."""

GIVEN = re.compile(rf"(\d{{1,{LONGEST}}})|(\d{{1,3}}(?:\.\d{{1,6}})?)\s*%", re.ASCII)


@dataclass(frozen=True)
class Brake:
    """The limit, a number or a percentage; both None: no limit."""

    number: int | None = None
    percent: Decimal | None = None
    """Of the active enrollments; of those that may be taken back, only of these."""

    @property
    def is_off(self) -> bool:
        return self.number is None and self.percent is None

    def allows(self, active: int) -> int | None:
        """How many of so many active enrollments; None: any number."""
        return self.number if self.percent is None else max(LEAST, int(active * self.percent / 100))

    def __str__(self) -> str:
        if self.percent is not None:
            return f"{self.percent:f}% of the active enrollments that it made, or {LEAST}"
        return "any number" if self.number is None else f"{self.number:,}"


def brake_of(mapping: Mapping) -> Brake:
    """The brake on taking back. Raises WrongSetting."""
    return _read("brake", mapping.settings.get("brake", USUAL))


def joining_brake_of(mapping: Mapping) -> Brake:
    """The brake on joining. Raises WrongSetting."""
    return _read("joining_brake", mapping.settings.get("joining_brake", OFF))


def on_joining(mapping: Mapping) -> bool:
    """Whether joining has a brake."""
    return mapping.enrolls and not mapping.observes and not joining_brake_of(mapping).is_off


def count_for(mapping: Mapping) -> bool:
    """Whether a brake allows a part of what is counted."""
    return (mapping.takes_back and brake_of(mapping).percent is not None) or (
        on_joining(mapping) and joining_brake_of(mapping).percent is not None
    )


def placeholders(mapping: Mapping) -> dict[str, str]:
    """Of SQL files."""
    leaving, joining = brake_of(mapping), joining_brake_of(mapping)
    return {
        "takes_back": str(mapping.takes_back).lower(),
        "brakes_joining": str(on_joining(mapping)).lower(),
        "counts_made": str(count_for(mapping)).lower(),
        "brakes": f"('leaving', {_limits(leaving)}), ('joining', {_limits(joining)})",
        "asking_to_join": "asks_to_join" if on_joining(mapping) else "to_enroll",
    }


def _limits(brake: Brake) -> str:
    number = "null" if brake.number is None else str(brake.number)
    return f"{number}, " + ("null" if brake.percent is None else f"{brake.percent:f}")


def _read(name: str, text: str) -> Brake:
    text = text.strip()
    if text == OFF:
        return Brake()
    given = GIVEN.fullmatch(text)
    if given is not None and given[1] is not None:
        return Brake(number=int(given[1]))
    if given is not None and Decimal(given[2]) <= 100:
        return Brake(percent=Decimal(given[2]))
    problem = f"cannot be {text!r}: a number, a percentage up to 100%, or `{OFF}`"
    raise WrongSetting(name=f"LISTENER_{name.upper()}", problem=problem)

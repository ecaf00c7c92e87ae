"""The brake: how many enrollments may be taken back within ten minutes."""

import re
from dataclasses import dataclass
from decimal import Decimal

from listener.errors import WrongSetting
from listener.mapping.mapping import Mapping

SETTING = "LISTENER_BRAKE"
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
    """Of the active enrollments that the listener made."""

    def __str__(self) -> str:
        if self.percent is not None:
            return f"{self.percent:f}% of the active enrollments that it made, or {LEAST}"
        return "any number" if self.number is None else f"{self.number:,}"


def brake_of(mapping: Mapping) -> Brake:
    """The brake of a mapping. Raises WrongSetting."""
    text = mapping.settings.get("brake", USUAL).strip()
    if text == OFF:
        return Brake()
    given = GIVEN.fullmatch(text)
    if given is not None and given[1] is not None:
        return Brake(number=int(given[1]))
    if given is not None and Decimal(given[2]) <= 100:
        return Brake(percent=Decimal(given[2]))
    raise WrongSetting(name=SETTING, problem=f"cannot be {text!r}: a number, a percentage up to 100%, or `{OFF}`")


def placeholders(mapping: Mapping) -> dict[str, str]:
    """Of SQL files."""
    brake = brake_of(mapping)
    return {
        "takes_back": str(mapping.takes_back).lower(),
        "brake_number": "null" if brake.number is None else str(brake.number),
        "brake_percent": "null" if brake.percent is None else f"{brake.percent:f}",
        "brake_counts": str(mapping.takes_back and brake.percent is not None).lower(),
    }

"""Whether profiles that the LMS has deleted are forgotten, and when."""

from listener.mapping.history import days_given
from listener.mapping.mapping import Mapping

SETTING = "LISTENER_FORGET_DAYS"
NAME = "forget_days"


def days_of(mapping: Mapping) -> int | None:
    """Days until a deleted profile is forgotten; None: never. Raises WrongSetting."""
    return days_given(mapping.settings, NAME, SETTING, also="none")


def placeholders(mapping: Mapping) -> dict[str, str]:
    """Of SQL files."""
    days = days_of(mapping)
    return {"forget_days": "null" if days is None else str(days)}

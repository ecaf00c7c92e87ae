"""The history of actions: whether a history is kept, and how long."""

import re

from listener.errors import WrongSetting
from listener.mapping.mapping import Mapping

SETTING = "LISTENER_HISTORY_DAYS"
NAME = "history_days"
MOST_DAYS = 36_500
GIVEN = re.compile(r"\d{1,6}", re.ASCII)


def days_given(settings: dict[str, str], name: str, setting: str, also: str) -> int | None:
    """A number of days; None if not given, or given as `also`. Raises WrongSetting."""
    text = settings.get(name, also).strip()
    if text == also:
        return None
    if GIVEN.fullmatch(text) is None or int(text) > MOST_DAYS:
        raise WrongSetting(name=setting, problem=f"cannot be {text!r}: a number of days up to {MOST_DAYS:,}, or {also}")
    return int(text)


def days_of(settings: dict[str, str]) -> int:
    """Days that the history is kept; 0: no history. Raises WrongSetting."""
    return days_given(settings, NAME, SETTING, also="0") or 0


def is_kept(mapping: Mapping) -> bool:
    """Whether actions are written down: a listener that only observes does nothing."""
    return days_of(mapping.settings) > 0 and mapping.enrolls and not mapping.observes


def placeholders(mapping: Mapping) -> dict[str, str]:
    """Of SQL files."""
    kept = is_kept(mapping)
    says_why = kept and mapping.says_why
    return {
        "keeps_history": str(kept).lower(),
        "history_days": str(days_of(mapping.settings)),
        "says_why": str(says_why).lower(),
        "because_name": ", because" if says_why else "",
        **({"select_once": "select distinct on (wanted.profile_id, wanted.course_id)"} if says_why else {}),
    }

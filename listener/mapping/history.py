"""The history of actions: whether a history is kept, and the parts of SQL that write and undo entries."""

import re
from collections.abc import Callable

from listener.errors import WrongSetting
from listener.mapping.mapping import Mapping
from listener.row_text import over

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


def placeholders(mapping: Mapping, values: dict[str, str], part: Callable[..., str]) -> dict[str, str]:
    """Of SQL files, with the mapping's in `values`. Without a history the parts are empty."""
    kept = is_kept(mapping)
    found = {
        "keeps_history": str(kept).lower(),
        "history_days": str(days_of(mapping.settings)),
        "each_once": "" if mapping.one_course_each else "distinct",
        **dict.fromkeys(("wanted_because", "because_name", "first_because", "history", "undo_of_one"), ""),
        **dict.fromkeys(("enrolled_status", "left_content", "left_status", "returned_status"), ""),
    }
    if not kept:
        return found
    if mapping.says_why:
        found |= {
            "each_once": "distinct on (wanted.profile_id, wanted.course_id)",
            "because_name": ", because",
            "wanted_because": ",\n            left(wanted.because::text, 1000) as because",
            "first_because": "\n        order by wanted.profile_id, wanted.course_id, wanted.because",
        }
    return found | _written(mapping, values, part) | _undone(mapping, part)


def _written(mapping: Mapping, values: dict[str, str], part: Callable[..., str]) -> dict[str, str]:
    """The parts of `listener.settle`."""

    def status(row: str) -> str:
        return f", ({over(values['enrollment_status'], row)})::text as status"

    key = f", {over(values['row_key'], 'enrollment')} as row_key"
    of_returned = f"\n                {part('history', 'returned_suspend')}" if mapping.on_leave == "suspend" else ""
    joined = "joined_or_returned" if mapping.takes_back else "joined"
    those_in = part("history", joined, history_of_returned=of_returned)
    reasons = "those_in_with_reasons" if mapping.says_why else "those_in"
    those_out = f"\n            {part('history', f'left_{mapping.on_leave}')}" if mapping.takes_back else ""
    return {
        "enrolled_status": status("new_enrollment"),
        "returned_status": key + status("enrollment"),
        "left_status": ", leaving.row_key" + status("enrollment"),
        "left_content": ", leaving.row_key, to_jsonb(enrollment) as was",
        "history": part(
            "history",
            "written",
            history_of_those_in=part("history", reasons, history_of_joined=those_in),
            history_of_those_out=those_out,
        ),
    }


def _undone(mapping: Mapping, part: Callable[..., str]) -> dict[str, str]:
    """The parts of `listener.undo`."""
    is_alone = "" if mapping.enrollment_key is not None else "\n            " + part("settling", "is_alone")
    is_there = part("undoing", "is_as_it_was_left", is_alone=is_alone)
    of_status = {"status_put_back": "", "status_again": ""}
    if mapping.enrollment_status is not None:
        of_status = {name: part("undoing", name, is_as_it_was_left=is_there) for name in of_status}
        of_status["status_again"] += "\n            "
    return {"undo_of_one": part("undoing", "one", is_as_it_was_left=is_there, **of_status)}

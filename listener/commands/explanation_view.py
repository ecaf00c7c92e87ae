"""`listener explain`: for people, or as JSON."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from listener.commands.flags import CONNECTION, command
from listener.commands.printing import AFTER, Row, show_rows, tell
from listener.database.connection import Connection, address
from listener.database.driver_errors import CONNECTION_ERRORS
from listener.errors import Unreachable
from listener.inspection.explanation import Explanation, Noted, Pending, Verdict
from listener.inspection.pairs import Pair, Rule, Standing
from listener.inspection.profile_look import explain as look
from listener.numerals import counted
from listener.reasons import reason
from listener.settings import Settings

SHOWN_ENROLLMENTS = 20
LONGEST = 200
"""Most letters of a shown value."""

LEFT_ALONE = "a profile with any enrollment, of any status, is left alone"

WAYS = {
    "may_concern": "a change that may concern it is noted, and not yet handled; `listener status` says who works",
    "everyone": "a change that concerns everyone is noted, and everyone is looked at; `listener status` says who works",
    "audit": "no note tells of it; the next audit (LISTENER_AUDIT_SECONDS) finds it, or `listener sync`",
}

STANDINGS = {
    Standing.ENROLLED: "should be there, and is",
    Standing.NOT_ACTIVE: "should be there, and is, though not active: that is left alone",
    Standing.LEFT_BY_HAND: "was removed by hand, and is not put back",
    Standing.TAKEN_BACK: "should not be there any more, and was taken back",
    Standing.KEPT: "is there, though the query does not want it",
    Standing.HELD: "should not be there any more, and is held by the brake",
}
TO_DO = {
    "enrolled": "should be there, and is not",
    "returned": "should be there again, and is not yet",
    "suspended": "should not be there any more, and is to be suspended",
    "removed": "should not be there any more, and is to be removed",
}


@command(*CONNECTION, only_looks=True)
async def explain(
    connection: Connection,
    settings: Settings,
    *,
    profile: Annotated[str, typer.Argument(help="The profile's key.", metavar="PROFILE")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Why one profile is, or is not, enrolled. Changes nothing."""
    try:
        explained = await look(connection, profile)
    except CONNECTION_ERRORS as error:
        raise Unreachable(address=address(settings.url()), reason=reason(error)) from error
    if as_json:
        document = explained.to_dict() | {"says": verdict_line(explained)}
        sys.stdout.write(json.dumps(document, default=lambda value: value.isoformat()) + "\n")
    else:
        tell(Text(verdict_line(explained), style="bold"))
        show_rows(rows(explained))
    return 2 if explained.verdict is Verdict.UNKNOWN else 0


def verdict_line(explained: Explanation) -> str:
    """With the way out, if there is something to do."""
    match explained.verdict:
        case Verdict.ENROLLED if not explained.means.only_on_joining:
            return f"enrolled where it should be{_but_of_courses(explained)}"
        case Verdict.NOT_WANTED if explained.means.by_school:
            return "a student of no school: enrolled when it is in one"
        case Verdict.NOT_WANTED:
            return "should be nowhere: the query of LISTENER_WANTED_QUERY has no course for it"
        case Verdict.LEFT_BY_HAND:
            return "removed by hand: what the listener had made, and somebody removed, is not put back"
        case Verdict.ENROLLED:
            return f"enrolled{_but(explained)}"
        case Verdict.NOT_A_STUDENT:
            return "not a student"
        case Verdict.WAITS:
            return f"waits: {_waits_for(explained)}"
        case Verdict.ON_ITS_WAY if explained.reason is None:
            return "on its way: noted, and not yet handled; `listener status` says who works"
        case Verdict.ON_ITS_WAY if explained.reason in WAYS:
            return f"on its way: {WAYS[explained.reason]}"
        case Verdict.ON_ITS_WAY:
            return "on its way: what was missed while names changed is looked for, and made good"
        case Verdict.MISSED if not explained.means.only_on_joining:
            return "missed: not where it should be, nothing noted, nothing pending; `listener sync` mends it"
        case Verdict.MISSED:
            return "missed: a student, nothing noted, nothing pending; `listener sync` enrolls"
        case Verdict.NOT_DONE_HERE:
            return "enrolling is not done here: LISTENER_ACTIONS is count"
        case Verdict.ONLY_OBSERVED:
            return "only observed: LISTENER_ACTIONS is observe, so nobody is enrolled"
        case Verdict.UNKNOWN:
            return "cannot tell: see what could not be read"


def _but(explained: Explanation) -> str:
    """Surprising facts about an enrollment."""
    remarks = []
    if not any(each.active for each in explained.seen.enrollments or ()):
        remarks.append(f"but not in any active status: {LEFT_ALONE}")
    if explained.seen.is_student is False:
        remarks.append("though not a student now: no enrollment is ever taken back")
    return "".join(f", {remark}" for remark in remarks)


def _but_of_courses(explained: Explanation) -> str:
    """Surprising facts about a profile in the right courses."""
    standings = [each.standing for each in explained.seen.pairs or () if each.wanted]
    not_active, by_hand = map(standings.count, (Standing.NOT_ACTIVE, Standing.LEFT_BY_HAND))
    remarks = []
    if not_active:
        remarks.append(f"in {not_active} not active, which is left alone")
    if by_hand:
        remarks.append(f"but for {counted(by_hand, 'that was', 'that were')} removed by hand")
    return "".join(f", {remark}" for remark in remarks)


def _waits_for(explained: Explanation) -> str:
    if explained.reason == "paused":
        return "enrolling is paused, until `listener resume enroll`"
    if explained.reason == "held" and [each.reason for each in explained.seen.pending[:1]] != ["held"]:
        return "the brake holds what the query does not want any more, until `listener release`"
    if explained.reason == "mapping_broken" or not explained.seen.pending:
        return explained.mapping_broken or ""
    pending = explained.seen.pending[0]
    if pending.reason == "no_course":
        return "there is no course to be had; enrolled as soon as there is one"
    if pending.reason == "full":
        return f"there is no seat in course {pending.course}; enrolled as soon as there is one, in order of arrival"
    if pending.reason == "held":
        return "the brake on joining holds it, until so many fit into ten minutes, or until `listener release`"
    why = {"course_locked": "somebody holds the row of the course", "failed": "it was refused"}
    held = f" ({pending.error})" if pending.reason == "course_locked" and pending.error else ""
    return (
        f"{why.get(pending.reason, pending.reason)}{held}; tried again {_when(pending.next_attempt_at)},"
        " or now with `listener pending retry`"
    )


def rows(explained: Explanation) -> Iterator[Row]:
    """The facts behind the verdict."""
    yield "profile", explained.profile
    yield from _student(explained) if explained.means.only_on_joining else _pairs(explained)
    for number, line in enumerate(explained.incomplete):
        yield "" if number else Text("may be incomplete", style="yellow"), line


def _student(explained: Explanation) -> Iterator[Row]:
    """Under a rule about new students alone, with one course for all."""
    seen = explained.seen
    if explained.actions != "count":
        is_student = {True: "yes", False: "no", None: "could not be read"}[seen.is_student]
        yield "student", f"{is_student}; the rule: {explained.rule}"
    for row in seen.rule_rows or ():
        yield "", "its row has " + (_columns(row) or "nothing that the rule reads")
    if seen.rule_rows == ():
        yield "", "it has no row there"
    for each in (seen.enrollments or ())[:SHOWN_ENROLLMENTS]:
        status = each.status or "no status"
        active = "" if each.active else " (not active)"
        since = "" if each.since is None else f", since {_since(each.since)}"
        yield "enrolled", f"in course {explained.course(each.course)}, {status}{active}{since}"
    if len(seen.enrollments or ()) > SHOWN_ENROLLMENTS:
        yield "", f"and in {len(seen.enrollments or ()) - SHOWN_ENROLLMENTS} more; --json has them all"
    if seen.enrollments == ():
        yield "enrolled", "nowhere"
    if explained.actions != "count":
        if seen.enrollments:
            yield "", LEFT_ALONE
        yield "new students", _lands(explained)
        yield from _pending(seen.pending)
        yield "noted", _noted(seen.notes)


def _pairs(explained: Explanation) -> Iterator[Row]:
    """Course by course."""
    seen = explained.seen
    yield "the rule", explained.rule
    for each in (seen.pairs or ())[:SHOWN_ENROLLMENTS]:
        yield "course", f"{explained.course(each.course)}: {_stands(each, explained.means)}"
    if len(seen.pairs or ()) > SHOWN_ENROLLMENTS:
        yield "", f"and {len(seen.pairs or ()) - SHOWN_ENROLLMENTS} more; --json has them all"
    if seen.pairs == ():
        yield "courses", "none: it should be in none, and is in none"
    yield from _pending(seen.pending)
    yield "noted", _noted(seen.notes)
    if seen.routed_notes.oldest_at is not None:
        yield "may concern it", _noted(seen.routed_notes)
    if seen.blind_notes.oldest_at is not None:
        yield "everyone", f"is looked at: {_noted(seen.blind_notes)}"


def _stands(pair: Pair, rule: Rule) -> str:
    """A course in words: as it should be, as it is, and how it came to be so."""
    parts = [STANDINGS[pair.standing] if pair.should_be is None else TO_DO[pair.should_be]]
    there, made = pair.enrollment, pair.made
    if there is not None:
        parts.append(there.status or "no status")
        if there.since is not None:
            parts.append(f"since {_since(there.since)}")
    if made is not None:
        parts.append(f"made by the listener at {_time(made.made_at)}")
        if made.taken_back_at is not None:
            parts.append(f"taken back at {_time(made.taken_back_at)}")
        if made.held_since is not None:
            parts.append(f"held since {_time(made.held_since)}")
    elif there is not None:
        parts.append(
            "who made it is not kept, as LISTENER_ON_LEAVE is keep"
            if rule.on_leave == "keep"
            else "made by somebody else, or before the listener kept account"
        )
    return "; ".join(parts)


def _lands(explained: Explanation) -> str:
    seen = explained.seen
    if explained.actions == "observe":
        return "are enrolled nowhere: LISTENER_ACTIONS is observe"
    if explained.means.by_school:
        return "land in a course of their own school"
    if seen.has_default_course is None:
        return "could not be read"
    if not seen.has_default_course:
        return "wait: there is no course to be had"
    return f"land in course {explained.course(seen.default_course)}"


def _pending(pending: tuple[Pending, ...]) -> Iterator[Row]:
    if not pending:
        yield "pending", "no"
    for number, each in enumerate(pending[:SHOWN_ENROLLMENTS]):
        course = "" if each.course is None else f"course {each.course}: "
        error = "" if each.error is None else f" ({each.error})"
        after = AFTER.get(each.reason) or _when(each.next_attempt_at)
        attempts = counted(each.attempts, "attempt")
        line = f"{course}{each.reason}{error}, {attempts} since {_time(each.since)}, the next {after}"
        yield "" if number else "pending", line


def _noted(noted: Noted) -> str:
    if noted.oldest_at is None:
        return "nothing that is not yet handled"
    return f"{counted(noted.waiting, 'note')} not yet handled, the oldest since {_time(noted.oldest_at)}"


def _columns(row: dict[str, object]) -> str:
    return ", ".join(f"{name} = {_value(value)}" for name, value in row.items())


def _value(value: object) -> str:
    """Null and text can be told apart."""
    text = "null" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _when(moment: datetime | None) -> str:
    return "with a course" if moment is None else f"at {_time(moment)}"


def _since(text: str) -> str:
    """What the LMS's column says, which may be of any type; a moment as all moments here."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if moment.tzinfo is None else _time(moment.astimezone(UTC))


def _time(moment: datetime) -> str:
    return f"{moment:%F %T %Z}"

"""`listener status`: once, or again and again, in words or as JSON."""

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import anyio
import asyncpg
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from listener.commands.failures import of_statement
from listener.commands.printing import Row, arranged, console, literally, show_rows, tell, width
from listener.database.connection import Connection, address
from listener.database.driver_errors import CONNECTION_ERRORS
from listener.database.holders import named_if_in_the_way
from listener.database.silence import connected
from listener.errors import (
    Busy,
    DevelopmentVersion,
    Locked,
    StatementFailed,
    TookTooLong,
    Unanswered,
    Unreachable,
    WrongVersion,
)
from listener.inspection.status import Status, look
from listener.instruments.problems import Problem
from listener.instruments.sample import COUNTED
from listener.numerals import counted
from listener.reasons import reason
from listener.texts import one_line


async def show(url: str | None, *, as_json: bool, full: bool, every: float | None) -> int:
    """Print the status, once or every so many seconds; returns the exit status. Raises Unreachable and the errors of
    `look`."""
    if every is None:
        try:
            async with connected(url, only_looks=True) as connection:
                seen = await _look(connection, url, full=full)
        except DevelopmentVersion:
            raise
        except WrongVersion as error:
            return _show_wrong_version(error, as_json=as_json)
        _print(seen, as_json=as_json)
        return 0 if seen.problem is None else 1
    output = console()
    draws = width(output) is not None and not as_json
    with Live(console=output, auto_refresh=False) if draws else nullcontext() as live:
        while True:
            try:
                async with connected(url, only_looks=True) as connection:
                    while True:
                        seen = await _look(connection, url, full=full)
                        if live is None:
                            _print(seen, as_json=as_json)
                        else:
                            live.update(drawn(seen, output), refresh=True)
                        await anyio.sleep(every)
            except (Unreachable, Unanswered, StatementFailed, Locked, Busy, TookTooLong) as error:
                if as_json:
                    _write({"healthy": False, "problem": str(error)})
                elif live is None:
                    tell(str(error))
                else:
                    live.update(literally(Text(str(error), style="bold red")), refresh=True)
                await anyio.sleep(every)


def _show_wrong_version(error: WrongVersion, *, as_json: bool) -> int:
    """This program can look at nothing else."""
    problem = Problem("another_version", examples=(str(error),))
    if as_json:
        _write({"healthy": False, "problem": str(problem), "problems": [problem.to_dict()]})
    else:
        show_rows([(Text("listener", style="bold"), _headline((problem,))), *_problems((problem,))])
    return 1


async def _look(connection: Connection, url: str | None, *, full: bool) -> Status:
    try:
        async with named_if_in_the_way(connection):
            return await look(connection, url, full=full)
    except CONNECTION_ERRORS as error:
        if isinstance(error, asyncpg.PostgresError) and not connection.is_closed():
            raise of_statement(error) from error
        raise Unreachable(address=address(url), reason=reason(error)) from error


def _print(seen: Status, *, as_json: bool) -> None:
    if as_json:
        _write(seen.to_dict())
    else:
        show_rows(rows(seen))


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, default=lambda value: value.isoformat()) + "\n")
    sys.stdout.flush()


def drawn(seen: Status, output: Console) -> Group:
    return Group(*arranged(rows(seen), (), width(output)))


def rows(seen: Status) -> list[Row]:
    found: list[Row] = [
        (Text("listener", style="bold"), _headline(seen.problems)),
        *_problems(seen.problems),
        *_leader(seen),
        *_squatters(seen),
        ("standbys", "not known: a pooler hides them" if seen.standbys is None else f"{seen.standbys}"),
    ]
    waits = "" if seen.lag_seconds is None else f", the oldest waits for {duration(seen.lag_seconds)}"
    found.append(("backlog", f"{_changes(seen.backlog, is_estimated=seen.backlog_is_estimated)}{waits}"))
    for name, notes in seen.reactions.items():
        about = "about " if notes >= COUNTED else ""
        found.append((f"reaction {name}", f"{about}{counted(notes, 'change waits', 'changes wait')}"))
    found += [("paused", Text(f"{each}: listener resume {each.consumer}", style="yellow")) for each in seen.paused]
    if seen.paused:
        waiting = _changes(seen.paused_backlog, is_estimated=seen.paused_backlog >= COUNTED)
        found.append(("waits for resume", waiting))
    found += [("last batch", _ago(seen.last_checkpoint_at)), ("pending students", _pending(seen))]
    if seen.pending_counts:
        what = counted(
            seen.pending_counts, "course whose row is locked or refused", "courses whose row is locked or refused"
        )
        found.append(("pending counts", Text(what, style="yellow")))
    if seen.held:
        at_least = "at least " if seen.held >= COUNTED else ""
        what = counted(seen.held, "enrollment, by the brake", "enrollments, by the brake")
        found.append(("held", Text(f"{at_least}{what}; see `listener release --dry-run`", style="yellow")))
    if seen.oldest_transaction_seconds is not None:
        found.append(("oldest transaction", f"{duration(seen.oldest_transaction_seconds)}, somebody else's"))
    if seen.notify_queue_usage >= 0.01:
        found.append(("notify queue", f"{seen.notify_queue_usage:.0%} full"))
    if seen.statistics is not None:
        found += [
            ("students", f"{seen.statistics.students:,}"),
            ("without enrollment", f"{seen.statistics.students_without_enrollment:,}"),
            ("wanted, missing", f"{seen.statistics.wanted_missing:,}"),
            ("courses off", f"{seen.statistics.courses_off:,}"),
        ]
    return found


def _headline(problems: tuple[Problem, ...]) -> Text:
    if not problems:
        return Text("healthy", style="bold green")
    worst = "red" if any(each.severity == "error" for each in problems) else "yellow"
    return Text(f"not healthy: {counted(len(problems), 'problem')}", style=f"bold {worst}")


def _problems(problems: tuple[Problem, ...]) -> Iterator[Row]:
    for each in problems:
        style = "red" if each.severity == "error" else "yellow"
        since = "" if each.moment is None else f", since {each.moment:%F %T %Z}"
        yield each.code, Text(f"{each.what}{since}", style=style)
        for example in each.examples:
            yield "", one_line(example)
        yield "", f"{each.kind.do}: {each.kind.mend}"


def _changes(count: int, *, is_estimated: bool) -> str:
    return f"{'about ' if is_estimated else ''}{counted(count, 'change')}"


def _pending(seen: Status) -> Text:
    if not seen.pending_students:
        return Text("none")
    reasons = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in seen.pending_by_reason.items())
    return Text(f"{seen.pending_students:,} ({reasons}); see `listener pending`", style="yellow")


def _leader(seen: Status) -> Iterator[Row]:
    if seen.polling:
        yield "leader", "a daemon that polls, behind a transaction pooler"
        return
    if seen.leader_pid is None:
        yield "leader", Text("none", style="red")
        return
    where = f" from {seen.leader_address}" if seen.leader_address else ""
    since = "" if seen.leader_since is None else f", connected {_ago(seen.leader_since)}"
    yield "leader", f"pid {seen.leader_pid}{where}{since}"


def _squatters(seen: Status) -> Iterator[Row]:
    for each in seen.squatters:
        label = "a deputy" if each.lock == "leader" else "nobody rings"
        yield label, Text(f"{each} (role {each.role}); end it with: {each.mend}", style="yellow")


def _ago(moment: datetime | None) -> str:
    if moment is None:
        return "never"
    return f"{duration(max(0.0, (datetime.now(UTC) - moment).total_seconds()))} ago"


def duration(seconds: float) -> str:
    for limit, divisor, unit in (
        (1.0, 0.001, "ms"),
        (120.0, 1.0, "s"),
        (7200.0, 60.0, "min"),
        (172_800.0, 3600.0, "h"),
    ):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"

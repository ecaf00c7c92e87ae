"""The commands that find and mend problems."""

import json
import sys
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

import asyncpg
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from listener import sql
from listener.catalogue import installation
from listener.commands.findings_view import foretell, show_findings, show_plan, show_titled
from listener.commands.flags import CONNECTION, command
from listener.commands.printing import AFTER, console, show_rows, tell, width
from listener.database.connection import Connection
from listener.database.locks import CHANNEL, LOOK
from listener.database.rows import only_row
from listener.discovery.discovery import discover, given
from listener.errors import DevelopmentVersion, MayNot, NeedsStructure, NotInstalled, PendingWhat, WrongVersion
from listener.feed import pausing
from listener.feed.registry import COUNT, ENROLL
from listener.inspection import diagnosis as diagnosing
from listener.inspection import exposure
from listener.inspection.diagnosis import Finding
from listener.inspection.status import look
from listener.instruments import holders, titles
from listener.instruments.problems import Problem
from listener.instruments.sample import COUNTED
from listener.instruments.titles import named
from listener.mapping.mapping import Mapping
from listener.numerals import counted
from listener.repair import restructure
from listener.repair import sync as syncing
from listener.repair.dry_run import would_change
from listener.settings import MAPPING, Settings

SHOWN_STUDENTS = 100

COLUMNS = ("attempts", "since (UTC)", "next attempt (UTC)", "error")

WHAT = ("list", "retry", "drop")

AT_ONCE = ("failed", "course_locked", "refused")
"""Reasons that a person can mend."""


async def known(connection: Connection, settings: Settings) -> tuple[Mapping, installation.Installation | None]:
    """The installed mapping, or else the mapping that would be installed."""
    installed = await installation.look(connection)
    if installed is not None:
        installation.check_version(installed.version)
        return installed.mapping, installed
    return await discover(connection, given(settings)), None


@command(*CONNECTION, *MAPPING, only_looks=True)
async def diagnose(
    connection: Connection,
    settings: Settings,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Say what stops or spoils the listener's work, and which command mends it. Then, apart, what could be better about
    keys and indexes, and what others could do. Changes nothing."""
    try:
        mapping, installed = await known(connection, settings)
    except DevelopmentVersion:
        raise
    except WrongVersion as error:
        return _show_wrong_version(error, as_json=as_json)
    diagnosis = await diagnosing.diagnose(connection, mapping, installed, settings.url())
    if installed is not None:
        with suppress(MayNot):  # which is a finding
            diagnosis = diagnosing.with_problems(diagnosis, await _problems(connection, settings))
    exposed = await exposure.look(connection, mapping, settings.url())
    if as_json:
        found = diagnosis.to_dict()
        found["advice"] += [each.to_dict() for each in exposed]
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        show_findings(diagnosis.findings)
        if diagnosis.advice:
            tell("")
            show_titled("Advice about structure: the listener works without it", diagnosis.advice)
        if exposed:
            tell("")
            show_titled("Advice about security: the listener works without it", exposed)
    return 1 if diagnosis.findings else 0


async def _problems(connection: Connection, settings: Settings) -> list[Problem]:
    """Before a daemon has ever led, none is missed: a fresh installation is in sync, and `listener.step()` needs no
    daemon."""
    seen = await look(connection, settings.url())
    return [each for each in seen.problems if each.code != "no_leader" or seen.has_ever_led]


def _show_wrong_version(error: WrongVersion, *, as_json: bool) -> int:
    """This program can look at nothing else."""
    finding = Finding.of(Problem("another_version", examples=(str(error),)))
    if as_json:
        sys.stdout.write(json.dumps({"findings": [finding.to_dict()], "advice": []}) + "\n")
    else:
        show_findings([finding])
    return 1


def _check_structure(flags: dict[str, Any]) -> None:
    if not flags["structure"] and (flags["print_"] or flags["cascade"]):
        raise NeedsStructure(flag="--print" if flags["print_"] else " ".join(["--cascade", *flags["cascade"]]))


@command(
    *CONNECTION,
    *MAPPING,
    only_looks=lambda flags: flags["print_"] or flags["dry_run"],
    check=_check_structure,
)
async def sync(
    connection: Connection,
    settings: Settings,
    *,
    structure: Annotated[
        bool, typer.Option("--structure", help="Add missing keys and indexes, too, after listing them.")
    ] = False,
    cascade: Annotated[
        list[str] | None,
        typer.Option(
            "--cascade",
            metavar="NAME",
            help="With --structure: a foreign key, by its name, that is to cascade; may be repeated.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    print_: Annotated[
        bool,
        typer.Option("--print", help="With --structure: print a migration for the LMS's own tool, and do nothing."),
    ] = False,
) -> int:
    """Enroll students that were missed and repair counts, while everything goes on. Under LISTENER_WANTED_QUERY, take
    back, too, what is not wanted any more. Nothing else is changed, unless --structure asks for it."""
    names = tuple(cascade or ())
    mapping, installed = await known(connection, settings)
    if print_ or dry_run:
        diagnosis = await diagnosing.diagnose(
            connection, mapping, installed, settings.url(), names, foretell=not print_
        )
        if print_:
            sys.stdout.write(restructure.migration(diagnosis, mapping))
            return 0
        paused = None if installed is None else await why_paused(connection)
        foretell(diagnosis, mapping, paused, with_structure=structure)
        return 1 if diagnosis.findings or (structure and would_change(diagnosis)) else 0
    if installed is None:
        raise NotInstalled(database=await connection.fetchval("select current_database()"))
    paused = await why_paused(connection)
    if paused is not None:
        tell(f"nothing done: {paused}")
        return 1
    await connection.fetchval(sql.read("catalogue/installation", "follow"))
    gone = await diagnosing.broken(connection)
    if gone:
        show_findings(gone)
        return 1
    complete = True
    if structure:
        diagnosis = await diagnosing.diagnose(connection, mapping, installed, settings.url(), names)
        todos = would_change(diagnosis)
        if todos:
            show_plan("What is to be done about keys and indexes, in this order", todos)
            tell("")
        complete = await restructure.mend_structure(connection, mapping, names, tell)
    handled = await _sync_with_progress(connection, settings, mapping)
    installed = (await known(connection, settings))[1]
    diagnosis = await diagnosing.diagnose(connection, mapping, installed, settings.url())
    show_findings(diagnosis.findings)
    return 1 if diagnosis.findings or not complete or not handled else 0


async def why_paused(connection: Connection) -> str | None:
    """The reason why nothing can be done for now, with the way out; None if no reaction that is needed is paused."""
    paused = [each for each in await pausing.paused(connection) if each.consumer in (ENROLL, COUNT)]
    return f"{'; '.join(map(str, paused))}; `listener resume {paused[0].consumer}` first" if paused else None


async def _sync_with_progress(connection: Connection, settings: Settings, mapping: Mapping) -> bool:
    """With a progress bar, or a line at the end where there is no terminal."""
    output = console()
    columns = (TextColumn("students"), BarColumn(), MofNCompleteColumn())
    draws = width(output) is not None
    far = ""
    with Progress(*columns, console=output, disable=not draws) as bar:
        task = bar.add_task("", total=None)

        def advance(done: int, total: int) -> None:
            nonlocal far
            far = f"students: {done}/{total} done" if total else ""
            bar.update(task, completed=done, total=total)

        handled = await syncing.sync(connection, settings.url(), mapping, partial(tell, output=output), advance)
    if far and not draws:
        tell(far)
    return handled


def _check_what(flags: dict[str, Any]) -> None:
    if flags["what"] not in WHAT:
        raise PendingWhat(what=flags["what"])


@command(*CONNECTION, only_looks=lambda flags: flags["what"] == "list", check=_check_what)
async def pending(
    connection: Connection,
    *,
    what: Annotated[
        str, typer.Argument(help="List them, retry them now, or drop them.", metavar="|".join(WHAT))
    ] = "list",
    student: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Only this profile's key; may be repeated.")
    ] = None,
) -> None:
    """Students that could not be enrolled: why, and when they are tried next. And what the brake holds."""
    await installation.require(connection)
    if what != "list":
        told = (CHANNEL, LOOK) if what == "retry" else ()
        done = await only_row(connection, sql.read("repair/pending", what), student, *told)
        counts = f" and {counted(done['counts'], 'count')}" if done["counts"] else ""
        tell(f"{counted(done['students'], 'student')}{counts} {'due now' if what == 'retry' else 'dropped'}")
        return
    await _list(connection)


async def _list(connection: Connection) -> None:
    """Students, courses, and enrollments that the brake holds; as many as `listener status` says."""
    students = await connection.fetch(sql.read("repair/pending", "list"), SHOWN_STUDENTS)
    courses = await connection.fetch(sql.read("repair/pending", "courses"), SHOWN_STUDENTS)
    by_brake = await connection.fetch(sql.read("repair/pending", "held"), SHOWN_STUDENTS)
    total = await only_row(connection, sql.read("repair/pending", "total"), COUNTED)
    if not students and not courses and not by_brake:
        tell("nobody waits")
        return
    locked = [row["profile_id"] for row in students if row["reason"] == "course_locked"]
    held = holders.by_course(await holders.look(connection, locked)) if locked else {}
    waited_for = [row["course_id"] for row in (*students, *courses, *by_brake) if row["course_id"] is not None]
    known = await titles.look(connection, waited_for)
    for title, rows in (("student", students), ("course", courses)):
        if rows:
            which = ("student", "course") if title == "student" else ("course",)
            show_rows([_waiting(row, held, known) for row in rows], (*which, "reason", *COLUMNS))
            _tell_more(total[f"{title}s"], len(rows))
    if by_brake:
        lines = [
            (
                row["profile_id"],
                "held",
                named(row["course_id"], known.get(row["course_id"])),
                f"{row['held_since']:%F %T}",
            )
            for row in by_brake
        ]
        show_rows(lines, ("student", "reason", "course", "since (UTC)"))
        _tell_more(total["held"], len(by_brake))
        tell("what the brake holds is taken back by `listener release`, and kept if the query wants it again")
    if any(row["reason"] in AT_ONCE for row in (*students, *courses)):
        tell("once the cause is mended, `listener pending retry` tries all of them at once")


def _tell_more(total: int, shown: int) -> None:
    if total > shown:
        tell(f"and {'at least ' if total >= COUNTED else ''}{total - shown:,} more: these are the first")


def _waiting(row: asyncpg.Record, held: dict[str | None, str], known: dict[str, str]) -> tuple[str, ...]:
    """A line of the list."""
    student = (row["profile_id"],) if "profile_id" in row else ()
    course = row["course_id"]
    which = (*student, "" if course is None else named(course, known.get(course)))
    error = row["error"] or (held.get(course, "") if row["reason"] == "course_locked" else "")
    return (*which, row["reason"], str(row["attempts"]), f"{row['since']:%F %T}", _next_attempt(row), error)


def _next_attempt(row: asyncpg.Record) -> str:
    if row["next_attempt_at"] is not None:
        return f"{row['next_attempt_at']:%F %T}"
    return AFTER.get(row["reason"], "with a course")

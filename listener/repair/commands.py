"""The commands that look for what is not as it should be, and mend it."""

import json
import sys
from enum import StrEnum
from functools import partial
from typing import Annotated

import asyncpg
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from listener import sql
from listener.adapter import install as installing
from listener.adapter.discovery import discover, given
from listener.adapter.mapping import Mapping
from listener.connection import Connection
from listener.errors import NeedsStructure, NotInstalled
from listener.feed import pausing
from listener.feed.registry import COUNT, ENROLL
from listener.flags import CONNECTION, takes_settings, with_connection
from listener.locks import CHANNEL, LOOK
from listener.printing import console, show_rows, tell, width
from listener.repair import diagnosis as diagnosing
from listener.repair import restructure
from listener.repair import sync as syncing
from listener.repair.dry_run import would_change
from listener.repair.findings_view import foretell, show_findings, show_plan, show_titled
from listener.settings import MAPPING, Settings
from listener.wording import counted

SHOWN_STUDENTS = 100


async def known(connection: Connection, settings: Settings) -> tuple[Mapping, installing.Installation | None]:
    """The mapping that is installed, or else the one that would be."""
    installed = await installing.installation(connection)
    if installed is not None:
        installed = await installing.require(connection)
        return installed.mapping, installed
    return await discover(connection, given(settings)), None


@takes_settings(*CONNECTION, *MAPPING)
def diagnose(
    settings: Settings, *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Say what stops or spoils the listener's work, and which command mends it. Then, apart, what could be better about
    keys and indexes. Changes nothing."""

    async def work(connection: Connection) -> int:
        mapping, installed = await known(connection, settings)
        diagnosis = await diagnosing.diagnose(connection, mapping, installed, settings.url())
        if as_json:
            sys.stdout.write(json.dumps(diagnosis.to_dict()) + "\n")
        else:
            show_findings(diagnosis.findings)
            if diagnosis.advice:
                tell("")
                show_titled("Advice about structure: the listener works without it", diagnosis.advice)
        return 1 if diagnosis.findings else 0

    raise typer.Exit(with_connection(settings, work))


@takes_settings(*CONNECTION, *MAPPING)
def sync(
    settings: Settings,
    *,
    structure: Annotated[
        bool, typer.Option("--structure", help="Add missing keys and indexes, too, after listing them.")
    ] = False,
    cascade: Annotated[
        list[str] | None,
        typer.Option(
            "--cascade", help="With --structure: a foreign key, by its name, that shall cascade; may be repeated."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    print_: Annotated[
        bool,
        typer.Option("--print", help="With --structure: print a migration for the LMS's own tool, and do nothing."),
    ] = False,
) -> None:
    """Enroll students that were missed and repair counts, while everything goes on. Under LISTENER_WANTED_QUERY, take
    back, too, what is not wanted any more. Nothing else is changed, unless --structure asks for it."""
    for flag, given_ in (("--print", print_), ("--cascade", cascade)):
        if given_ and not structure:
            raise NeedsStructure(flag=" ".join([flag, *(cascade or () if flag == "--cascade" else ())]))
    names = tuple(cascade or ())

    async def work(connection: Connection) -> int:
        mapping, installed = await known(connection, settings)
        if print_ or dry_run:
            diagnosis = await diagnosing.diagnose(
                connection, mapping, installed, settings.url(), names, foretell=not print_
            )
            if print_:
                sys.stdout.write(restructure.migration(diagnosis, mapping))
                return 0
            paused = None if installed is None else await _paused(connection)
            foretell(diagnosis, mapping, paused, with_structure=structure)
            return 1 if diagnosis.findings or (structure and would_change(diagnosis)) else 0
        if installed is None:
            raise NotInstalled(database=await connection.fetchval("select current_database()"))
        paused = await _paused(connection)
        if paused is not None:
            tell(f"nothing done: {paused}")
            return 1
        await connection.fetchval(sql.read("adapter/follow"))
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

    raise typer.Exit(with_connection(settings, work))


async def _paused(connection: Connection) -> str | None:
    """Why nothing can be done for now, and what to do about it; None if no reaction that is needed is paused."""
    paused = [each for each in await pausing.paused(connection) if each.consumer in (ENROLL, COUNT)]
    return f"{'; '.join(map(str, paused))}; `listener resume {paused[0].consumer}` first" if paused else None


async def _sync_with_progress(connection: Connection, settings: Settings, mapping: Mapping) -> bool:
    """Enroll and count, below a bar that shows how far that is; without a terminal to draw it in, a line says so in the
    end."""
    output = console()
    columns = (TextColumn("students"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    draws = width(output) is not None
    far = ""
    with Progress(*columns, console=output, disable=not draws) as bar:
        task = bar.add_task("", total=None)
        word = "enrolled" if mapping.wanted_query is None else "settled"

        def advance(seen: int, total: int, done: int) -> None:
            nonlocal far
            far = f"students: {seen}/{total}, {done} {word}"
            bar.update(task, completed=seen, total=total, description=f"{done} {word}")

        handled = await syncing.sync(connection, settings.url(), mapping, partial(tell, output=output), advance)
    if far and not draws:
        tell(far)
    return handled


class What(StrEnum):
    """What to do with pending students."""

    LIST = "list"
    RETRY = "retry"
    DROP = "drop"


@takes_settings(*CONNECTION)
def pending(
    settings: Settings,
    *,
    what: Annotated[What, typer.Argument(help="list them, retry them now, or drop them")] = What.LIST,
    student: Annotated[list[str] | None, typer.Option(help="Only this profile's key; may be repeated.")] = None,
) -> None:
    """Students that could not be enrolled: why, and when they are tried next."""

    async def work(connection: Connection) -> None:
        await installing.require(connection)
        if what is not What.LIST:
            told = (CHANNEL, LOOK) if what is What.RETRY else ()
            done = await connection.fetchval(sql.read(f"repair/pending_{what.value}"), student, *told)
            tell(f"{counted(done, 'student')} {'due now' if what is What.RETRY else 'dropped'}")
            return
        rows = [
            (
                row["profile_id"],
                row["reason"],
                str(row["attempts"]),
                f"{row['since']:%F %T}",
                _next_attempt(row),
                row["error"] or "",
            )
            for row in await connection.fetch(sql.read("repair/pending"), SHOWN_STUDENTS + 1)
        ]
        if not rows:
            tell("nobody waits")
            return
        show_rows(rows[:SHOWN_STUDENTS], ("student", "reason", "attempts", "since", "next attempt", "error"))
        if len(rows) > SHOWN_STUDENTS:
            tell(f"and more: these are the first {SHOWN_STUDENTS}")

    with_connection(settings, work)


def _next_attempt(row: asyncpg.Record) -> str:
    if row["next_attempt_at"] is not None:
        return f"{row['next_attempt_at']:%F %T}"
    return "with a seat" if row["reason"] == "full" else "with a course"

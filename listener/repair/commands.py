"""The commands that look for what is not as it should be, and mend it."""

import json
import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from listener import sql
from listener.adapter import install as installing
from listener.adapter.discovery import discover, given
from listener.adapter.mapping import Mapping
from listener.connection import Connection
from listener.errors import NeedsStructure, NotInstalled
from listener.feed import pausing
from listener.feed.registry import COUNT, ENROLL
from listener.flags import CONNECTION, console, literally, takes_settings, with_connection
from listener.repair import diagnosis as diagnosing
from listener.repair import restructure
from listener.repair import sync as syncing
from listener.repair.diagnosis import Finding
from listener.repair.dry_run import Todo, would_change, would_do
from listener.settings import MAPPING, Settings

SHOWN_STUDENTS = 100


async def known(connection: Connection, settings: Settings) -> tuple[Mapping, installing.Installation | None]:
    """The mapping that is installed, or else the one that would be."""
    installed = await installing.installation(connection)
    if installed is not None:
        installed = await installing.require(connection)
        return installed.mapping, installed
    return await discover(connection, given(settings)), None


def show(findings: Iterable[Finding], title: str, none: str | None = None) -> None:
    """A table of findings."""
    table = Table("code", "what", "examples", "mend with", title=title)
    for each in findings:
        table.add_row(
            each.code,
            f"{each.affected} {each.what}",
            Text("\n").join(map(literally, each.examples)),
            literally(each.mend),
        )
    if table.row_count or none:
        console().print(table if table.row_count else none)


def show_findings(findings: Iterable[Finding]) -> None:
    """What stops or spoils the listener's work, if anything does."""
    show(findings, "What is not as it should be", "in sync: nothing to mend")


@takes_settings(*CONNECTION, *MAPPING)
def diagnose(
    settings: Settings, *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Say what stops or spoils the listener's work, and which command mends it; then, apart, what could be better about
    keys and indexes. Changes nothing."""

    async def work(connection: Connection) -> int:
        mapping, installed = await known(connection, settings)
        diagnosis = await diagnosing.diagnose(connection, mapping, installed, settings.url())
        if as_json:
            sys.stdout.write(json.dumps(diagnosis.to_dict()) + "\n")
        else:
            show_findings(diagnosis.findings)
            show(diagnosis.advice, "Advice about structure: the listener works without it")
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
    """Enroll students that were missed and repair counts, while everything goes on; under LISTENER_WANTED_QUERY, take
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
            todos = would_do(diagnosis, with_structure=structure)
            show_todos("would", todos)
            for line in diagnosis.preview.lines() if diagnosis.preview and diagnosis.preview.movements else ():
                tell(line)
            return 1 if diagnosis.findings or todos else 0
        if installed is None:
            raise NotInstalled(database=await connection.fetchval("select current_database()"))
        paused = [each for each in await pausing.paused(connection) if each.consumer in (ENROLL, COUNT)]
        if paused:
            tell(f"nothing done: {'; '.join(map(str, paused))}; `listener resume {paused[0].consumer}` first")
            return 1
        await connection.fetchval(sql.read("adapter/follow"))
        gone = await diagnosing.broken(connection)
        if gone:
            show_findings(gone)
            return 1
        complete = True
        if structure:
            diagnosis = await diagnosing.diagnose(connection, mapping, installed, settings.url(), names)
            show_todos("to do", would_change(diagnosis))
            complete = await restructure.mend_structure(connection, mapping, names, tell)
        handled = await _sync_with_progress(connection, settings, mapping)
        installed = (await known(connection, settings))[1]
        diagnosis = await diagnosing.diagnose(connection, mapping, installed, settings.url())
        show_findings(diagnosis.findings)
        return 1 if diagnosis.findings or not complete or not handled else 0

    raise typer.Exit(with_connection(settings, work))


async def _sync_with_progress(connection: Connection, settings: Settings, mapping: Mapping) -> bool:
    """Enroll and count, below a bar that shows how far that is."""
    output = console()

    def tell_above(line: str) -> None:
        output.print(literally(line), soft_wrap=True)

    columns = (TextColumn("students"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=output) as bar:
        task = bar.add_task("")

        word = "enrolled" if mapping.wanted_query is None else "settled"

        def advance(seen: int, total: int, done: int) -> None:
            bar.update(task, completed=seen, total=total, description=f"{done} {word}")

        return await syncing.sync(connection, settings.url(), mapping, tell_above, advance)


def tell(line: str) -> None:
    """One line of what is done."""
    console().print(literally(line), soft_wrap=True)


def show_todos(word: str, todos: Iterable[Todo]) -> None:
    """What would be done, with the statements below each thing."""
    for todo in todos:
        console().print(literally(f"{word}: {todo.what}"), soft_wrap=True)
        for statement in todo.statements:
            for line in f"{statement};".splitlines():
                console().print(literally(f"    {line}"), soft_wrap=True)


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
            done = await connection.fetchval(sql.read(f"repair/pending_{what.value}"), student)
            console().print(f"{done} students {'tried again now' if what is What.RETRY else 'dropped'}")
            return
        table = Table("student", "reason", "error", "attempts", "since", "next attempt")
        for row in await connection.fetch(sql.read("repair/pending"), SHOWN_STUDENTS):
            waits_for = "with a seat" if row["reason"] == "full" else "with a course"
            after = waits_for if row["next_attempt_at"] is None else f"{row['next_attempt_at']:%F %T}"
            values = (row["profile_id"], row["reason"], row["error"] or "", str(row["attempts"]))
            table.add_row(*map(literally, values), f"{row['since']:%F %T}", after)
        console().print(table if table.row_count else "nobody waits")

    with_connection(settings, work)

"""The commands that look for what is not as it should be, and mend it."""

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from listener import diagnosis, sql
from listener import install as installing
from listener import sync as syncing
from listener.catalogue import Catalogue
from listener.connection import Connection
from listener.diagnosis import Finding
from listener.discovery import discover, given
from listener.errors import NotInstalled
from listener.flags import CONNECTION, console, literally, takes_settings, with_connection
from listener.mapping import Mapping
from listener.settings import MAPPING, Settings

SHOWN_STUDENTS = 100


async def known(connection: Connection, settings: Settings) -> tuple[Mapping, installing.Installation | None]:
    """The mapping that is installed, or else the one that would be."""
    installed = await installing.installation(connection)
    if installed is not None:
        installed = await installing.require(connection)
        return installed.mapping, installed
    return await discover(connection, given(settings)), None


def show(findings: list[Finding]) -> None:
    """A table of findings."""
    table = Table("code", "what", "examples", "mend with", title="What is not as it should be")
    for each in findings:
        table.add_row(
            each.code, f"{each.affected} {each.what}", Text("\n").join(map(literally, each.examples)), each.mend
        )
    console().print(table if findings else "in sync: nothing to mend")


@takes_settings(*CONNECTION, *MAPPING)
def diagnose(
    settings: Settings, *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Say all that is not as it should be, and which command mends it. Changes nothing."""

    async def work(connection: Connection) -> int:
        mapping, installed = await known(connection, settings)
        findings = await diagnosis.diagnose(connection, mapping, installed)
        if as_json:
            sys.stdout.write(json.dumps({"findings": [each.to_dict() for each in findings]}) + "\n")
        else:
            show(findings)
        return 1 if findings else 0

    raise typer.Exit(with_connection(settings, work))


@takes_settings(*CONNECTION, *MAPPING)
def sync(
    settings: Settings,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Enroll students that were missed, mend counts, keys and indexes, while everything goes on."""

    async def work(connection: Connection) -> int:
        mapping, installed = await known(connection, settings)
        if dry_run:
            findings = await diagnosis.diagnose(connection, mapping, installed)
            for line in syncing.would_do(await Catalogue.load(connection), mapping, findings):
                console().print(literally(f"would: {line}"), soft_wrap=True)
            return 1 if findings else 0
        if installed is None:
            raise NotInstalled(database=await connection.fetchval("select current_database()"))
        students = await connection.fetchval("select count(*) from listener.student")
        columns = (TextColumn("students"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        output = console()
        with Progress(*columns, console=output) as bar:
            task = bar.add_task("", total=students)
            await syncing.sync(
                connection,
                mapping,
                lambda line: output.print(literally(line), soft_wrap=True),
                lambda seen, enrolled: bar.update(task, completed=seen, description=f"{enrolled} enrolled"),
            )
        findings = await diagnosis.diagnose(connection, mapping, installed)
        show(findings)
        return 1 if findings else 0

    raise typer.Exit(with_connection(settings, work))


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
            done = await connection.fetchval(sql.read(f"audit/pending_{what.value}"), student)
            console().print(f"{done} students {'tried again now' if what is What.RETRY else 'dropped'}")
            return
        table = Table("student", "reason", "error", "attempts", "since", "next attempt")
        for row in await connection.fetch(sql.read("audit/pending"), SHOWN_STUDENTS):
            after = "with a course" if row["next_attempt_at"] is None else f"{row['next_attempt_at']:%F %T}"
            values = (row["profile_id"], row["reason"], row["error"] or "", str(row["attempts"]))
            table.add_row(*map(literally, values), f"{row['since']:%F %T}", after)
        console().print(table if table.row_count else "nobody waits")

    with_connection(settings, work)

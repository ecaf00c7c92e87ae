"""The commands that look for what is not as it should be, and mend it."""

import typer

from listener import audit as auditing
from listener import install as installing
from listener.connection import Connection
from listener.flags import CONNECTION, console, takes_settings, with_connection
from listener.settings import Settings


@takes_settings(*CONNECTION)
def sync(settings: Settings) -> None:
    """Enroll students that were missed, and repair counts, while everything goes on."""

    async def work(connection: Connection) -> int:
        installed = await installing.require(connection)
        done = await auditing.enroll_missing(connection, installed.mapping)
        repairs = await auditing.repair_counts(connection)
        console().print(f"{done.enrolled} students enrolled, {done.pending} waiting, {len(repairs)} counts repaired")
        return 1 if done.pending else 0

    raise typer.Exit(with_connection(settings, work))

"""`listener release`: releases the enrollments that the brake holds."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from listener.catalogue import installation
from listener.commands.flags import CONNECTION, command
from listener.commands.printing import tell
from listener.commands.repair import why_paused
from listener.database.connection import Connection
from listener.numerals import counted
from listener.repair import release as releasing
from listener.repair.release import Released
from listener.repair.sync import STALL_SECONDS

MOST_SHOWN = 50
"""Courses."""


@command(*CONNECTION, only_looks=lambda flags: flags["dry_run"])
async def release(
    connection: Connection,
    *,
    course: Annotated[
        str | None, typer.Option(metavar="KEY", help="Only what is held in the course with this key.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be let go.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Let go what a brake holds now, in one course or in all: it is taken back (LISTENER_BRAKE), or made
    (LISTENER_JOINING_BRAKE). Says first how much that is, and where."""
    installed = await installation.require(connection)
    held = await releasing.look(connection, course)
    if not as_json:
        tell(str(held))
        for each in held.courses[:MOST_SHOWN]:
            tell(str(each))
        if len(held.courses) > MOST_SHOWN:
            tell(f"and in {counted(len(held.courses) - MOST_SHOWN, 'more course')}")
    paused = None if dry_run or not held.courses else await why_paused(connection)
    done = None
    if held.courses and not dry_run and paused is None:
        done = await releasing.release(connection, installed.mapping, course)
    if as_json:
        sys.stdout.write(json.dumps(held.to_dict() | (asdict(done) if done else {}) | {"problem": paused}) + "\n")
    elif paused is not None:
        tell(f"nothing done: {paused}")
    elif done is not None:
        tell(_done(done))
    return 1 if paused is not None or (done is not None and (done.left or not done.handled)) else 0


def _done(done: Released) -> str:
    if not done.handled:
        return f"let go {done.released:,}; nothing was handled for {STALL_SECONDS:g} s: the rest waits for the leader"
    left = f", {done.left:,} of them could not be done: see `listener pending`" if done.left else ""
    return f"let go {done.released:,}{left}"

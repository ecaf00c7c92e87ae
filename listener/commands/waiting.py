"""`listener wait`."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from listener.commands.flags import CONNECTION, command
from listener.commands.printing import tell
from listener.database.connection import Connection
from listener.inspection import settled


@command(*CONNECTION, only_looks=True)
async def wait(
    connection: Connection,
    *,
    profile: Annotated[str, typer.Argument(help="The profile's key.", metavar="PROFILE")],
    seconds: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="Seconds to wait at most.", min=0)
    ] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Wait until everything noted for a profile is handled.

    Exit status 1 if it is not in time, or the profile is set aside; 2 if there is no such profile."""
    waited = await settled.wait(connection, profile, seconds)
    if as_json:
        sys.stdout.write(json.dumps(asdict(waited)) + "\n")
    elif waited.is_settled:
        tell("everything noted for it is handled")
    elif waited.reason is not None:
        error = "" if waited.error is None else f" ({waited.error})"
        tell(f"set aside: {waited.reason}{error}; `listener explain` says more")
    else:
        tell(f"not handled after {seconds:g} s; `listener status` says who works")
    return 0 if waited.is_settled else 1

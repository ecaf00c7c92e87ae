"""`listener status` in a terminal: once, or again and again, as a table or as JSON."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

import anyio
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from listener.connection import Connection, address, connected, reason
from listener.errors import CONNECTION_ERRORS, Unreachable
from listener.monitor.sample import COUNTED
from listener.monitor.status import Status, look


async def show(url: str | None, *, as_json: bool, full: bool, every: float | None) -> int:
    """Print the status, once or every so many seconds; the exit status. Raises Unreachable and what `look` raises."""
    console = Console(highlight=False)
    if every is None:
        async with connected(url, application_name="listener-command") as connection:
            seen = await _look(connection, url, full=full)
        _print(console, seen, as_json=as_json)
        return 0 if seen.problem is None else 1
    with Live(console=console, auto_refresh=False) as live:
        while True:
            try:
                async with connected(url, application_name="listener-command") as connection:
                    while True:
                        seen = await _look(connection, url, full=full)
                        if console.is_terminal and not as_json:
                            live.update(render(seen), refresh=True)
                        else:
                            _print(console, seen, as_json=as_json)
                        await anyio.sleep(every)
            except Unreachable as error:
                if as_json:
                    _write({"healthy": False, "problem": str(error)})
                elif console.is_terminal:
                    live.update(f"[bold red]{error}[/]", refresh=True)
                else:
                    console.print(str(error), markup=False)
                await anyio.sleep(every)


async def _look(connection: Connection, url: str | None, *, full: bool) -> Status:
    try:
        return await look(connection, url, full=full)
    except CONNECTION_ERRORS as error:
        raise Unreachable(address=address(url), reason=reason(error)) from error


def _print(console: Console, seen: Status, *, as_json: bool) -> None:
    if as_json:
        _write(seen.to_dict())
    else:
        console.print(render(seen))


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, default=lambda value: value.isoformat()) + "\n")
    sys.stdout.flush()


def render(seen: Status) -> Table:
    """The status as people read it."""
    headline = "[bold green]healthy[/]" if seen.problem is None else f"[bold red]{seen.problem}[/]"
    table = Table.grid(padding=(0, 2))
    table.add_row("[bold]listener[/]", headline)
    table.add_row("leader", _leader(seen))
    table.add_row("standbys", f"{seen.standbys}")
    approximately = "about " if seen.backlog_is_estimated else ""
    changes = "change" if seen.backlog == 1 else "changes"
    waits = "" if seen.lag_seconds is None else f", the oldest waits for {duration(seen.lag_seconds)}"
    table.add_row("backlog", f"{approximately}{seen.backlog:,} {changes}{waits}")
    for name, notes in seen.reactions.items():
        about = "about " if notes >= COUNTED else ""
        table.add_row(f"reaction {name}", f"{about}{notes:,} {'change waits' if notes == 1 else 'changes wait'}")
    for each in seen.paused:
        line = Text(f"{each}: listener resume {each.consumer}", style="yellow")
        table.add_row("paused", line)
    if seen.paused:
        about = "about " if seen.paused_backlog >= COUNTED else ""
        changes = "change" if seen.paused_backlog == 1 else "changes"
        table.add_row("waits for resume", f"{about}{seen.paused_backlog:,} {changes}")
    table.add_row("last batch", _ago(seen.last_checkpoint_at))
    reasons = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in seen.pending_by_reason.items())
    table.add_row(
        "pending students",
        "none"
        if not seen.pending_students
        else f"[yellow]{seen.pending_students:,}[/] ({reasons}); see listener pending",
    )
    if seen.pending_counts:
        table.add_row("pending counts", f"[yellow]{seen.pending_counts:,}[/] courses whose row is locked or refused")
    if seen.oldest_transaction_seconds is not None:
        table.add_row("oldest transaction", f"{duration(seen.oldest_transaction_seconds)}, somebody else's")
    if seen.notify_queue_usage >= 0.01:
        table.add_row("notify queue", f"{seen.notify_queue_usage:.0%} full")
    if seen.statistics is not None:
        table.add_row("students", f"{seen.statistics.students:,}")
        table.add_row("without enrollment", f"{seen.statistics.students_without_enrollment:,}")
        table.add_row("wanted, missing", f"{seen.statistics.wanted_missing:,}")
        table.add_row("courses off", f"{seen.statistics.courses_off:,}")
    return table


def _leader(seen: Status) -> str:
    if seen.polling:
        return "a daemon that polls, behind a transaction pooler"
    if seen.leader_pid is None:
        return "[red]none[/]"
    where = f" from {seen.leader_address}" if seen.leader_address else ""
    since = "" if seen.leader_since is None else f", connected {_ago(seen.leader_since)}"
    deputy = (
        f"\n[yellow]a deputy: session {seen.squatter_pid}, which is no daemon, holds the leader's lock[/]"
        if seen.squatter_pid is not None
        else ""
    )
    return f"pid {seen.leader_pid}{where}{since}{deputy}"


def _ago(moment: datetime | None) -> str:
    if moment is None:
        return "never"
    return f"{duration(max(0.0, (datetime.now(UTC) - moment).total_seconds()))} ago"


def duration(seconds: float) -> str:
    """Seconds in a unit that suits them."""
    for limit, divisor, unit in (
        (1.0, 0.001, "ms"),
        (120.0, 1.0, "s"),
        (7200.0, 60.0, "min"),
        (172_800.0, 3600.0, "h"),
    ):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"

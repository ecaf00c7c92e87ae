"""The demo's figures: the sample school's, and the daemon's."""

from itertools import pairwise

import anyio
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console, Group

from listener import sql
from listener.commands.printing import arranged, show_rows, width
from listener.database.connection import Connection
from listener.database.rows import only_row
from listener.demo.processes import get

CATCH_UP_SECONDS = 10.0


def wanted() -> str:
    return sql.subquery(sql.read("demo/school", "wanted"))


async def state(connection: Connection) -> dict[str, int]:
    row = await only_row(connection, sql.render(sql.read("demo/school", "state"), {"wanted": wanted()}))
    return {name.replace("_", " "): value for name, value in row.items()}


async def caught_up(connection: Connection) -> None:
    """Wait until nothing is to do, but not for ever."""
    with anyio.move_on_after(CATCH_UP_SECONDS):
        while True:
            now = await state(connection)
            off = now["enrollments missing"] + now["enrollments not wanted"]
            if off == 0 and now["active enrollments"] == now["count on the courses"]:
                return
            await anyio.sleep(0.05)


def before_and_after(before: dict[str, int], after: dict[str, int]) -> None:
    rows = [(name, f"{value} before, {after[name]} after") for name, value in before.items()]
    show_rows(rows, title="The LMS before and after")


def live_table(figures: dict[str, str], output: Console) -> Group:
    return Group(*arranged(figures.items(), (), width(output)))


def reaction_p50(port: int) -> float | None:
    """The median of all reactions in seconds, from the daemon's histogram."""
    buckets = [
        (float(sample.labels["le"]), sample.value)
        for family in text_string_to_metric_families(get(port, "/metrics"))
        for sample in family.samples
        if sample.name == "listener_reaction_seconds_bucket"
    ]
    half = buckets[-1][1] / 2 if buckets else 0
    if half == 0:
        return None
    for (lower, below), (upper, count) in pairwise([(0.0, 0.0), *buckets]):
        if count >= half:
            return lower if upper == float("inf") else lower + (upper - lower) * (half - below) / (count - below)
    return None

"""A look at the database: its figures and its problems."""

from dataclasses import dataclass

from listener import sql
from listener.database.rows import Executor, only_row
from listener.instruments.problems import SEEN, Sight
from listener.instruments.sample import COUNTED, SAMPLE, Sample

LOOK = sql.render(sql.read("instruments/look"), {"figures": SAMPLE, "problems": sql.subquery(SEEN)})


@dataclass(frozen=True)
class Look:
    sample: Sample
    sight: Sight
    hidden_xid: str | None
    """The number of the oldest transaction, if its start may not be seen."""


async def look(executor: Executor, consumers: list[str]) -> Look:
    """Cheap, even on large tables."""
    row = await only_row(executor, LOOK, COUNTED, consumers)
    return Look(Sample.from_row(row), Sight.from_row(row), row["hidden_xid"])

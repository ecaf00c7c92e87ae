"""The pause between two moves of the counts is for calm times: a backlog is worked off without any."""

import anyio

from listener.database.connection import Connection
from listener.database.executors import Executors
from listener.instruments.instruments import Instruments
from listener.logs import configure
from listener.reactions.batch_size import BatchSizes
from listener.reactions.counting import LONGEST_PAUSE_WHILE_OPEN
from listener.reactions.runner import Reactions

BATCH = 20
BATCHES = 30
ENROLL = """
with guest as (insert into profiles (role) values ('guest') returning id)
insert into enrollments (user_id, course_id) select guest.id, courses.id from guest, courses
"""
COUNTED = "select enrollments from courses"


async def run(reactions: Reactions) -> int:
    """Run them, when they are due, until there is nothing to do or a long pause begins; how many times."""
    rounds = 0
    reactions.news()
    while (seconds := reactions.wait()) < LONGEST_PAUSE_WHILE_OPEN / 2:
        await anyio.sleep(seconds)
        await reactions.run_due()
        rounds += 1
    return rounds


async def test_a_backlog_is_counted_without_a_pause_also_while_a_transaction_is_open(
    connection: Connection, daemon: Connection
) -> None:
    """A transaction of somebody's that has been open for long makes the pause as long as it can be."""
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    reactions = Reactions(
        Executors.alike(daemon), Instruments.of_daemon(1.0, configure("error", "json")), BatchSizes(BATCH)
    )
    await run(reactions)
    reactions.transaction_is_open(1000)
    for _ in range(BATCH * BATCHES):
        await connection.execute(ENROLL)
    assert await run(reactions) >= BATCHES
    assert await connection.fetchval(COUNTED) == BATCH * BATCHES

    await connection.execute(ENROLL)
    await run(reactions)
    assert await connection.fetchval(COUNTED) == BATCH * BATCHES, "what came later has to wait"

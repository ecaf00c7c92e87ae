"""A checkpoint is a snapshot: what is put together of two is what was read, and nothing else."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.feed_history import Ground


@st.composite
def batches_read(draw: st.DrawFn) -> tuple[int, set[int], int, set[int], int, bool]:
    """A checkpoint, a later snapshot, and the last transaction that a batch read between the two."""
    handled_max = draw(st.integers(1, 12))
    handled_open = {xid for xid in range(1, handled_max) if draw(st.booleans())}
    seen_max = handled_max + draw(st.integers(0, 8))
    could_be_open = sorted(handled_open | set(range(handled_max, seen_max)))
    seen_open = {xid for xid in could_be_open if draw(st.booleans())}
    readable = [xid for xid in could_be_open if xid not in seen_open]
    if not readable:
        return draw(batches_read())
    return handled_max, handled_open, seen_max, seen_open, draw(st.sampled_from(readable)), draw(st.booleans())


def snapshot(last: int, still_open: set[int]) -> str:
    return f"{min(still_open, default=last)}:{last}:{','.join(map(str, sorted(still_open)))}"


VISIBLE = """
select array(
    select xid from generate_series(1, 30) as xid
    where pg_visible_in_snapshot(xid::text::xid8, {made})
)
"""


def test_a_cut_batch_s_checkpoint_holds_what_was_read_and_nothing_else(ground: Ground) -> None:
    made = VISIBLE.format(
        made="listener.snapshot_through($1::text::pg_snapshot, $2::text::pg_snapshot, $3::text::xid8, $4)"
    )

    @settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(batches_read())
    def checkpoints(read: tuple[int, set[int], int, set[int], int, bool]) -> None:
        handled_max, handled_open, seen_max, seen_open, last, whole = read
        handled = {xid for xid in range(1, handled_max) if xid not in handled_open}
        below = {xid for xid in range(1, last) if xid < seen_max and xid not in seen_open}
        expected = handled | below | ({last} if whole else set())
        visible = ground.runner.run(
            ground.writers[0].fetchval(
                made, snapshot(handled_max, handled_open), snapshot(seen_max, seen_open), str(last), whole
            )
        )
        assert set(visible) == expected

    checkpoints()


@pytest.mark.parametrize(
    ("handled", "first", "expected"),
    [
        ("10:20:10,15", "12", "10:12:10"),
        ("10:20:10,15", "15", "10:15:10"),
        ("10:20:10,15", "10", "10:10:"),
        ("10:20:10", "5", "5:5:"),
        ("10:20:10,15", "30", "10:20:10,15"),
    ],
)
def test_what_is_to_be_handled_again_is_taken_from_a_checkpoint(
    ground: Ground, handled: str, first: str, expected: str
) -> None:
    query = "select listener.snapshot_before($1::text::pg_snapshot, $2::text::xid8)::text"
    assert ground.runner.run(ground.writers[0].fetchval(query, handled, first)) == expected


@pytest.mark.parametrize(
    ("handled", "still_open", "expected"),
    [
        ("10:20:10,15", "12", "10:20:10,12,15"),
        ("10:20:10", "19", "10:20:10,19"),
        ("10:20:10,15", "15", "10:20:10,15"),
        ("20:20:", "12", "12:20:12"),
    ],
)
def test_a_transaction_that_still_writes_is_taken_from_a_checkpoint(
    ground: Ground, handled: str, still_open: str, expected: str
) -> None:
    query = """
    select listener.snapshot_of(
        pg_snapshot_xmax(handled), array(select pg_snapshot_xip(handled)) || $2::text::xid8
    )::text
    from (select $1::text::pg_snapshot as handled) as given
    """
    assert ground.runner.run(ground.writers[0].fetchval(query, handled, still_open)) == expected


SEES_ITSELF = """
select
    array[
        pg_visible_in_snapshot(pg_current_xact_id_if_assigned(), pg_current_snapshot()),
        pg_visible_in_snapshot(pg_current_xact_id_if_assigned(), listener.seen(pg_current_snapshot())),
        listener.seen(pg_current_snapshot())::text = pg_current_snapshot()::text
    ]
"""


def test_no_transaction_calls_its_own_number_handled(ground: Ground) -> None:
    async def scenario() -> None:
        connection, other = ground.writers[:2]
        number = "select pg_current_xact_id()"
        assert await connection.fetchval(SEES_ITSELF) == [None, None, True], "it has no number yet"
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(number)
        assert await connection.fetchval(SEES_ITSELF) == [False, False, True], "it is beyond the snapshot"
        await other.execute(number)
        assert await connection.fetchval(SEES_ITSELF) == [True, False, False]
        await transaction.rollback()

    ground.runner.run(scenario())


@pytest.mark.parametrize(
    ("handled", "finished", "expected"),
    [
        ("10:20:10,15", "15", "10:20:10"),
        ("10:20:10", "10", "20:20:"),
        ("10:20:10,15", "20", "10:21:10,15"),
        ("20:20:", "20", "21:21:"),
    ],
)
def test_a_finished_transaction_alone_is_added(ground: Ground, handled: str, finished: str, expected: str) -> None:
    query = "select listener.snapshot_with($1::text::pg_snapshot, $2::text::xid8)::text"
    assert ground.runner.run(ground.writers[0].fetchval(query, handled, finished)) == expected

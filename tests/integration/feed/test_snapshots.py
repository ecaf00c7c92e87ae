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

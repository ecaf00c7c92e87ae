"""How many changes a reaction takes at once."""

import asyncpg

from listener.logs import configure
from listener.reactions.batch_size import AIM_SECONDS, FIRST_BATCH, LEAST_WHILE_FRESH, BatchSize, BatchSizes
from listener.reactions.reaction import BuiltIn

MOST = 10 * FIRST_BATCH


def sizes(seconds: float, *, more: bool = True, most: int = MOST, batches: int = 20) -> list[int]:
    """The sizes after each of so many batches that all took as long."""
    size = BatchSize(most)
    taken = []
    for _ in range(batches):
        size.done(seconds, more=more)
        taken.append(size.size)
    return taken


def test_quick_batches_grow_to_what_is_allowed() -> None:
    grown = sizes(AIM_SECONDS / 10)
    assert grown[0] == 2 * FIRST_BATCH
    assert grown[-1] == MOST


def test_slow_batches_shrink_down_to_one_even_if_they_were_the_last() -> None:
    for more in (True, False):
        shrunk = sizes(AIM_SECONDS * 10, more=more)
        assert shrunk[0] == FIRST_BATCH // 2
        assert shrunk[-1] == 1


def test_a_batch_that_took_all_there_was_says_nothing_about_larger_ones() -> None:
    assert set(sizes(AIM_SECONDS / 10, more=False)) == {FIRST_BATCH}


def test_the_first_batch_of_a_crowd_is_small_however_large_and_quick_those_of_an_earlier_one_were() -> None:
    size = BatchSize(10_000, first=10_000)
    size.done(AIM_SECONDS / 10, more=False, changes=2_000)
    assert size.size == 4_000, "what comes steadily is taken as before"
    size.done(AIM_SECONDS / 10, more=False, changes=1)
    assert size.size == LEAST_WHILE_FRESH
    size.done(AIM_SECONDS / 10, more=True, changes=LEAST_WHILE_FRESH)
    assert size.size == 2 * LEAST_WHILE_FRESH


def test_what_is_allowed_may_be_less_than_the_first() -> None:
    assert set(sizes(AIM_SECONDS / 10, most=7)) == {7}


def test_a_batch_that_is_cut_off_again_and_again_is_down_to_one_student_within_seconds() -> None:
    size = BatchSize(10_000, first=10_000)
    cuts = 0
    while size.size > 1:
        size.cut()
        cuts += 1
    assert cuts <= 5
    for _ in range(100):
        size.cut()
    assert size.size == 1


def test_after_a_cut_it_grows_again_from_where_it_was() -> None:
    sizes = BatchSizes(MOST)
    sizes.of("enroll").cut()
    assert sizes.of("enroll").size == FIRST_BATCH // 2, "remembered"
    assert sizes.of("enroll").was_cut
    sizes.of("enroll").done(AIM_SECONDS / 2, more=True)
    assert sizes.of("enroll").size == FIRST_BATCH
    assert not sizes.of("enroll").was_cut


def test_a_single_change_whose_statement_is_cut_off_again_and_again_is_given_up() -> None:
    reaction = BuiltIn("enroll", BatchSize(4, first=4))
    cut, log = asyncpg.QueryCanceledError("canceling statement due to statement timeout"), configure("error", "json")
    cuts = 0
    while not reaction.size.gives_up:
        reaction.blocked(cut, log)
        cuts += 1
        assert cuts < 10
    assert (reaction.size.size, reaction.blocked_by) == (1, str(cut))

"""How many changes a reaction takes at once."""

from listener.feed.consumer import Batch
from listener.reactions.reaction import BATCH_SECONDS, FIRST_BATCH, SMALLEST_BATCH, Reaction

MOST = 10 * FIRST_BATCH


def sizes(seconds: float, *, notes_left: bool = True, most: int = MOST, batches: int = 20) -> list[int]:
    """The sizes after each of so many batches that all took as long."""
    reaction = Reaction.load("enroll")
    taken = []
    for _ in range(batches):
        reaction.resize(Batch(changes=reaction.batch_size, notes_left=notes_left), seconds, most)
        taken.append(reaction.batch_size)
    return taken


def test_quick_batches_grow_to_what_is_allowed() -> None:
    grown = sizes(BATCH_SECONDS / 10)
    assert grown[0] == 2 * FIRST_BATCH
    assert grown[-1] == MOST


def test_slow_batches_shrink_even_if_they_were_the_last() -> None:
    for notes_left in (True, False):
        shrunk = sizes(BATCH_SECONDS * 10, notes_left=notes_left)
        assert shrunk[0] == FIRST_BATCH // 2
        assert shrunk[-1] == SMALLEST_BATCH


def test_a_batch_that_took_all_there_was_says_nothing_about_larger_ones() -> None:
    assert set(sizes(BATCH_SECONDS / 10, notes_left=False)) == {FIRST_BATCH}


def test_what_is_allowed_may_be_less_than_the_smallest() -> None:
    assert set(sizes(BATCH_SECONDS * 10, most=7)) == {7}

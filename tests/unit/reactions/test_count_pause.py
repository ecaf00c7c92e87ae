"""How long the counts are left alone: a sign-up waits while they are moved."""

import pytest

from listener.reactions.counting import COUNT_PAUSE, LONGEST_COUNT_PAUSE, LONGEST_PAUSE_WHILE_OPEN, pause_after


@pytest.mark.parametrize(
    ("seconds", "pause"), [(0.0, COUNT_PAUSE), (0.0002, COUNT_PAUSE), (0.0005, 0.1), (0.02, LONGEST_COUNT_PAUSE)]
)
def test_the_longer_a_move_takes_the_seldomer_it_comes(seconds: float, pause: float) -> None:
    assert pause_after(seconds) == pause


def test_versions_that_pile_up_while_a_transaction_is_open_stay_few() -> None:
    passed, moves = 0.0, 0
    while passed < 1800:
        passed += pause_after(0.0, passed)
        moves += 1
    assert moves < 1000
    assert pause_after(0.0, 1800) == LONGEST_PAUSE_WHILE_OPEN

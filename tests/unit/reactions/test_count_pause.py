"""How long the counts are left alone: a sign-up waits while they are moved."""

import pytest

from listener.reactions.counting import COUNT_PAUSE, LONGEST_COUNT_PAUSE, pause_after


@pytest.mark.parametrize(
    ("seconds", "pause"), [(0.0, COUNT_PAUSE), (0.0002, COUNT_PAUSE), (0.0005, 0.1), (0.02, LONGEST_COUNT_PAUSE)]
)
def test_the_longer_a_move_takes_the_seldomer_it_comes(seconds: float, pause: float) -> None:
    assert pause_after(seconds) == pause

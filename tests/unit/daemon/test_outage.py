"""The pauses between attempts to connect."""

from listener.daemon.outage import LONGEST_CHEAP_SECONDS, LONGEST_FAILING_SECONDS, Outage


class Clock:
    """Moves when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def fail(outage: Outage, clock: Clock, times: int, *, costly: bool) -> float:
    """The pause after so many failures in a row."""
    pause = 0.0
    for _ in range(times):
        outage.failed()
        pause = outage.pause(costly=costly)
        clock.now += pause
    return pause


def test_pauses_grow_and_are_longer_where_each_attempt_costs_lines_in_a_log() -> None:
    for costly, longest in ((False, LONGEST_CHEAP_SECONDS), (True, LONGEST_FAILING_SECONDS)):
        clock = Clock()
        pause = fail(Outage(clock), clock, 20, costly=costly)
        assert longest / 2 <= pause <= longest


def test_a_connection_that_is_lost_again_soon_after_a_long_outage_is_made_again_within_4_s() -> None:
    clock = Clock()
    outage = Outage(clock)
    for _ in range(5):
        fail(outage, clock, 20, costly=False)
        assert outage.over() is not None
        clock.now += 2
        outage.failed()
        assert outage.pause(costly=True) <= LONGEST_CHEAP_SECONDS


def test_a_server_on_which_nothing_ever_works_is_left_alone_for_longer_and_longer() -> None:
    clock = Clock()
    outage = Outage(clock)
    fail(outage, clock, 1, costly=True)
    outage.over()
    assert fail(outage, clock, 20, costly=True) > LONGEST_CHEAP_SECONDS

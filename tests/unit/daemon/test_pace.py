"""When the daemon lets itself be rung, and when it looks for itself."""

from listener.daemon.pace import (
    BUSY_LOOK_SECONDS,
    BUSY_WORK_SECONDS,
    CROWD_RINGS,
    CROWD_SECONDS,
    LINE_RINGS,
    LINGER_SECONDS,
    LONGEST_LINE,
    LONGEST_LOOK_SECONDS,
    LOOK_SECONDS,
    PAUSE_PER_WORK,
    Pace,
)


def rings(pace: Pace, count: int, apart: float) -> list[bool]:
    return [pace.rang(number * apart) for number in range(count)]


def test_few_rings_are_welcome() -> None:
    assert not any(rings(Pace(0), 10 * CROWD_RINGS, CROWD_SECONDS / (CROWD_RINGS - 1) * 1.01))


def test_a_crowd_of_rings_is_told_at_the_ring_that_makes_it_one() -> None:
    crowded = rings(Pace(0), CROWD_RINGS, CROWD_SECONDS / CROWD_RINGS * 0.99)
    assert crowded == [False] * (CROWD_RINGS - 1) + [True]


def test_after_a_crowd_the_count_begins_again() -> None:
    pace = Pace(0)
    assert rings(pace, CROWD_RINGS, 0)[-1]
    assert not any(rings(pace, CROWD_RINGS - 1, 0))


def test_it_is_quiet_some_time_after_the_last_change() -> None:
    pace = Pace(10)
    assert not pace.is_quiet(10 + LINGER_SECONDS * 0.9)
    assert pace.is_quiet(10 + LINGER_SECONDS * 1.1)
    pace.changed(11)
    assert not pace.is_quiet(11 + LINGER_SECONDS * 0.9)
    assert pace.is_quiet(11 + LINGER_SECONDS * 1.1)


def test_a_bell_that_is_refused_makes_looks_ever_rarer_until_a_change() -> None:
    pace = Pace(0)
    pauses = []
    for _ in range(20):
        pauses.append(pace.look_pause)
        pace.bell_refused()
    assert pauses[0] == LOOK_SECONDS
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_LOOK_SECONDS
    pace.changed(1)
    assert pace.look_pause == LOOK_SECONDS


def looked(pace: Pace, times: int, work: float, round_trip: float = 0.0) -> list[float]:
    """The pauses after so many looks that each found something."""
    pauses = []
    for _ in range(times):
        pace.changed(1, work, round_trip=round_trip)
        pauses.append(pace.look_pause)
    return pauses


def test_while_looks_are_little_work_the_pause_stays_short() -> None:
    assert looked(Pace(0), 3, BUSY_WORK_SECONDS * 0.99) == [LOOK_SECONDS] * 3


def test_work_that_lasts_makes_for_longer_pauses_and_one_large_transaction_does_not() -> None:
    pace = Pace(0)
    assert looked(pace, 4, 0.01) == [2 * LOOK_SECONDS, 4 * LOOK_SECONDS, 8 * LOOK_SECONDS, 16 * LOOK_SECONDS]
    assert looked(pace, 2, 0.01)[-1] == 0.01 * PAUSE_PER_WORK
    assert looked(pace, 5, 10.0)[-1] == BUSY_LOOK_SECONDS
    assert looked(pace, 1, BUSY_WORK_SECONDS) == [LOOK_SECONDS]


def test_what_the_network_takes_is_no_work_of_the_servers() -> None:
    """At 20 ms to the server and back, a look takes 40 ms, and all of it is travel."""
    assert looked(Pace(0), 8, 2 * 0.02 + BUSY_WORK_SECONDS * 0.99, round_trip=0.02) == [LOOK_SECONDS] * 8


def test_a_line_of_writers_is_suspected_however_slowly_they_ring() -> None:
    """On a slow disk a line of writers rings seldom: the bell was once held for ever, and each waited for all."""
    pace = Pace(0)
    apart = 0.005
    pace.changed(0, waited=LONGEST_LINE * apart * 1.01)
    suspected = []
    for number in range(LINE_RINGS):
        assert not pace.rang(number * apart)
        suspected.append(pace.suspects_line(number * apart))
    assert suspected == [False] * (LINE_RINGS - 1) + [True]
    now = LINE_RINGS * apart
    assert pace.line_is(15, now)
    assert not pace.suspects_line(now)


def test_the_server_is_not_asked_again_and_again_who_stands_in_line() -> None:
    """Transactions that go on for a while after their note look like a line, and are none."""
    pace = Pace(0)
    pace.changed(0, waited=1.0)
    asked = 0
    for number in range(1000):
        now = number * 0.01
        pace.rang(now)
        if pace.suspects_line(now):
            asked += 1
            assert not pace.line_is(0, now)
    assert asked == 2


def test_few_writers_who_do_not_wait_for_each_other_are_not_asked_about() -> None:
    pace = Pace(0)
    apart = CROWD_SECONDS / (CROWD_RINGS - 1) * 1.01
    pace.changed(0, waited=LONGEST_LINE * apart * 0.99)
    assert not any(rings(pace, 10 * CROWD_RINGS, apart))
    assert not pace.suspects_line(10 * CROWD_RINGS * apart)

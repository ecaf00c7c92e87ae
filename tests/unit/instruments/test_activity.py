"""The status page's memory of the last minutes."""

from listener.instruments.activity import LATEST, WINDOW_SECONDS, Activity


class Clock:
    """A time that the test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_sign_up_counts_in_the_second_it_was_noted_and_its_enrollment_in_the_second_it_was_made() -> None:
    clock = Clock()
    activity = Activity(clock)
    activity.signed_up([0.0, 2.0, 2.5])
    activity.enrolled(3, [{"profile_id": each, "course_id": "course"} for each in "abc"])
    seen = activity.to_dict(keys=True)
    assert seen["signups"][-4:] == [1, 1, 0, 1]
    assert seen["enrolled"][-4:] == [0, 0, 0, 3]
    assert seen["typical_seconds"] == 2.0
    assert seen["slowest_seconds"] == 2.5


def test_what_is_older_than_the_window_is_forgotten() -> None:
    clock = Clock()
    activity = Activity(clock)
    activity.signed_up([1.0, WINDOW_SECONDS + 5.0])
    clock.now += WINDOW_SECONDS - 2
    assert activity.to_dict(keys=False)["signups"][0] == 1
    assert sum(activity.to_dict(keys=False)["signups"]) == 1
    clock.now += 1
    assert sum(activity.to_dict(keys=False)["signups"]) == 0
    activity.signed_up([0.0])
    clock.now += 10 * WINDOW_SECONDS
    assert sum(activity.to_dict(keys=False)["signups"]) == 0


def test_it_stays_small_and_says_the_latest_first() -> None:
    activity = Activity(Clock())
    for number in range(10_000):
        activity.enrolled(1, [{"profile_id": str(number), "course_id": None}])
    latest = [each["profile_id"] for each in activity.to_dict(keys=True)["latest"]]
    assert latest == [str(number) for number in range(9_999, 9_999 - LATEST, -1)]


def test_a_clock_that_is_set_back_loses_nothing_but_a_second_or_two() -> None:
    clock = Clock()
    activity = Activity(clock)
    activity.signed_up([0.0])
    clock.now -= 3
    activity.signed_up([-1.0])
    assert sum(activity.to_dict(keys=False)["signups"]) == 2

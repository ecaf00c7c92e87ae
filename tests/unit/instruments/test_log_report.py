"""A log line for each student while they are few, a summary a second when they are many."""

from typing import Any

import pytest
import structlog
from structlog.testing import CapturingLogger

from listener.instruments.log_report import LINES_A_SECOND, Report


class Clock:
    """Seconds, as the test says."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def logger() -> CapturingLogger:
    return CapturingLogger()


@pytest.fixture
def report(logger: CapturingLogger, clock: Clock) -> Report:
    log: Any = structlog.wrap_logger(
        logger,
        processors=[lambda _logger, _level, event: ((), event)],
        wrapper_class=structlog.make_filtering_bound_logger(0),  # whatever another test has configured
    )
    return Report(log, clock=clock)


def enrollments(*profile_ids: str) -> list[dict[str, Any]]:
    return [{"profile_id": each, "course_id": "c"} for each in profile_ids]


def lines(logger: CapturingLogger) -> list[dict[str, Any]]:
    return [dict(call.kwargs) for call in logger.calls]


def test_few_students_have_a_line_each(report: Report, logger: CapturingLogger) -> None:
    report.enrolled(2, enrollments("a", "b"))
    assert lines(logger) == [
        {"event": "student_enrolled", "profile_id": "a", "course_id": "c"},
        {"event": "student_enrolled", "profile_id": "b", "course_id": "c"},
    ]
    assert report.wait() == float("inf")


def test_beyond_some_lines_a_second_there_is_one_summary_when_it_is_over(
    report: Report, logger: CapturingLogger, clock: Clock
) -> None:
    for number in range(LINES_A_SECOND + 5):
        report.enrolled(1, enrollments(str(number)))
    assert len(lines(logger)) == LINES_A_SECOND
    assert 0 < report.wait() <= 1
    report.flush()
    assert len(lines(logger)) == LINES_A_SECOND
    clock.now += 1
    assert report.wait() == 0
    report.flush()
    assert lines(logger)[LINES_A_SECOND:] == [{"event": "students_enrolled", "count": 5}]
    assert report.wait() == float("inf")


def test_a_large_batch_is_summed_up_at_once_and_the_next_second_has_lines_again(
    report: Report, logger: CapturingLogger, clock: Clock
) -> None:
    report.enrolled(2000, enrollments(*["a"] * 20))
    assert lines(logger) == []
    clock.now += 1
    report.enrolled(1, enrollments("b"))
    assert lines(logger) == [
        {"event": "students_enrolled", "count": 2000},
        {"event": "student_enrolled", "profile_id": "b", "course_id": "c"},
    ]


def test_each_kind_has_lines_of_its_own(report: Report, logger: CapturingLogger) -> None:
    report.enrolled(2000, enrollments(*["a"] * 20))
    report.moved(1, [{"course_id": "c", "delta": 2000}])
    assert lines(logger) == [{"event": "course_count_moved", "course_id": "c", "delta": 2000}]


def test_pending_students_are_warnings_and_a_summary_keeps_an_error_but_no_names(
    report: Report, logger: CapturingLogger, clock: Clock
) -> None:
    report.pending(500, [{"profile_id": "a", "reason": "failed", "error": "P0001: no", "attempts": 1}])
    clock.now += 60
    report.flush()
    assert lines(logger) == [{"event": "students_pending", "count": 500, "reason": "failed", "error": "P0001: no"}]
    assert [call.method_name for call in logger.calls] == ["warning"]


def test_who_returns_or_leaves_has_a_line_that_says_how_and_a_summary_does_too(
    report: Report, logger: CapturingLogger, clock: Clock
) -> None:
    report.returned(1, enrollments("a"))
    report.left("suspended", 1, enrollments("b"))
    report.left("removed", 500, enrollments("c"))
    clock.now += 1
    report.flush()
    assert lines(logger) == [
        {"event": "student_returned", "profile_id": "a", "course_id": "c"},
        {"event": "student_left", "profile_id": "b", "course_id": "c", "how": "suspended"},
        {"event": "students_left", "count": 500, "how": "removed"},
    ]


def test_the_last_summary_does_not_wait(report: Report, logger: CapturingLogger) -> None:
    report.moved(500, [])
    report.flush(final=True)
    assert lines(logger) == [{"event": "course_counts_moved", "count": 500}]


def test_nothing_done_is_nothing_told(report: Report, logger: CapturingLogger) -> None:
    report.enrolled(0, [])
    report.flush(final=True)
    assert lines(logger) == []


def refused(profile_id: str, attempts: int = 1) -> dict[str, Any]:
    return {"profile_id": profile_id, "reason": "failed", "error": "P0001: no", "attempts": attempts}


def test_students_that_are_refused_again_and_again_are_one_line_a_minute(
    report: Report, logger: CapturingLogger, clock: Clock
) -> None:
    report.pending(1, [refused("a")])
    for second in range(130):
        report.pending(2, [refused("a", second + 2), refused("b", second + 2)])
        clock.now += 1
        report.flush()
    first, *summaries = lines(logger)
    assert (first["event"], first["profile_id"]) == ("student_pending", "a")
    assert [each["event"] for each in summaries] == ["students_pending"] * 2
    assert [each["count"] for each in summaries] == [120, 120]
    assert report.wait() <= 60


def test_a_student_that_is_refused_for_the_first_time_has_a_line_while_others_are_tried_again(
    report: Report, logger: CapturingLogger
) -> None:
    report.pending(1, [refused("a", 7)])
    report.pending(1, [refused("b")])
    assert [each["profile_id"] for each in lines(logger)] == ["b"]


def test_of_many_that_are_refused_for_the_first_time_a_minute_has_some_lines_and_a_summary(
    report: Report, logger: CapturingLogger, clock: Clock
) -> None:
    for number in range(50):
        report.pending(1, [refused(str(number))])
        clock.now += 1
    clock.now += 10
    report.flush()
    assert len(lines(logger)) == LINES_A_SECOND + 1
    assert lines(logger)[-1]["count"] == 50 - LINES_A_SECOND

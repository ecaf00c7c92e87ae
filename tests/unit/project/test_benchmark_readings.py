"""What the benchmarks read from what others print: pgbench's log, EXPLAIN's JSON."""

import json

import pytest

from benchmarks import already_there, held_snapshot
from benchmarks.already_there import SignUp
from benchmarks.held_snapshot import Stage


def test_a_sign_up_is_timed_from_the_moment_at_which_it_was_due() -> None:
    one = already_there.sign_up("3 17 51000 0 1700000000 250000 1000")
    assert one.ended == pytest.approx(1700000000.25)
    assert one.ended - one.due == pytest.approx(0.051, abs=1e-5)


def test_a_command_answers_for_the_sign_ups_that_were_under_way_with_it() -> None:
    sign_ups = [SignUp(1.0, 1.5), SignUp(1.9, 2.1), SignUp(2.5, 2.51), SignUp(2.9, 3.2), SignUp(3.1, 9.9)]
    assert already_there.longest(sign_ups, 2.0, 3.0) == pytest.approx(300)
    assert already_there.longest(sign_ups, 0.5, 1.0) == pytest.approx(500)


def test_several_plans_in_one_output_are_read_in_their_order() -> None:
    printed = "\n".join(json.dumps([{"Plan": {}, "Execution Time": taken}], indent=2) for taken in (1.5, 2.5))
    assert [plan["Execution Time"] for plan in held_snapshot.plans(printed + "\n")] == [1.5, 2.5]


def test_every_look_is_taken_as_often_as_the_others() -> None:
    assert held_snapshot.SQL.count("explain (") % len(held_snapshot.LOOKS) == 0


def test_pages_are_told_for_the_beginning_the_end_and_afterwards() -> None:
    begin, end, released = Stage(), Stage(), Stage()
    for stage, pages in ((begin, 3), (end, 400), (released, 2)):
        for name in held_snapshot.LOOKS:
            stage.pages[name].append(pages)
    told = held_snapshot.notes(begin, end, released)
    assert len(told) == len(held_snapshot.LOOKS)
    assert told[-1].endswith("3 at the beginning, 400 at the end, 2 once released.")

"""In every order in which the sessions' steps can happen, whatever must hold in a snapshot does, and once a lone
leader has caught up everything is as it should be. See docs/proof.md."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from tests.chaos.feed.interleavings.conftest import Schools
from tests.support.interleavings import story
from tests.support.interleavings.explorer import Explorer, Result
from tests.support.interleavings.ground import Ground
from tests.support.interleavings.programs import BY_NAME, PARTS
from tests.support.interleavings.programs.counting import FREE, HOLDS_COURSE
from tests.support.interleavings.programs.enrolling import ONE
from tests.support.interleavings.results import Kept, Results, processor_seconds
from tests.support.interleavings.steps import (
    COMMIT,
    HOLD_BELL,
    ROLLBACK,
    SLEEP,
    Program,
    count,
    daemon,
    enroll,
    kill,
    lms,
    notes,
    pause,
    retry_count,
    sees,
    stopping,
    students,
)
from tests.support.postgres import two_versions

CASES = [pytest.param(version, part, id=f"postgres{version}-{part}") for version in two_versions() for part in PARTS]


async def explored(
    schools: Schools, programs: Sequence[Program], kept: Results, tell: Callable[[str], None]
) -> list[Result]:
    results = []
    for ground in dict.fromkeys(program.ground for program in programs):
        place = await Ground.connect(schools.server, schools.database(ground))
        for program in programs:
            if program.ground == ground and program.name not in kept.kept:
                began = processor_seconds(schools.server.process.pid)
                result = await Explorer(place, program).explore()
                took = processor_seconds(schools.server.process.pid) - began
                tell(f"{result.schedules:6,} schedules, {took:5.1f} s of processor time: {program.name}")
                results.append(result)
                if result.is_whole:
                    kept.keep(
                        Kept(program.name, program.name, result.schedules, result.cut, result.steps, round(took, 1))
                    )
        place.disconnect()
    return results


@pytest.mark.timeout(0)
@pytest.mark.parametrize(("version", "part"), CASES)
def test_nothing_is_lost_or_done_twice_in_any_order(
    version: int,
    part: str,
    schools: Callable[[int], Schools],
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    """The short form runs the smaller programs."""
    programs = [program for program in PARTS[part] if program.is_quick or pytestconfig.getoption("--long")]
    where = schools(version)
    for program in programs:
        where.database(program.ground)

    def tell(text: str) -> None:
        record_property("told", f"Postgres {version}: {text}")

    for result in asyncio.run(explored(where, programs, Results(version), tell)):
        for found in result.violations:
            pytest.fail(story.tell(result.program, found))
        assert result.is_whole


ONE_OPEN = daemon(enroll(open_=True), COMMIT)
SMALL = (
    Program("small, one rolls back", (lms(students(), COMMIT), lms(notes(2), ROLLBACK), daemon(enroll(1), sees(1)))),
    Program("small, one is killed", (lms(kill(2)), ONE, ONE_OPEN)),
    Program(
        "small", (lms(students(), COMMIT), lms(notes(2), COMMIT), daemon(enroll(1, open_=True), COMMIT, enroll(1)))
    ),
    Program(
        "small, one stops, one rolls back", (ONE, lms(students(), ROLLBACK), daemon(stopping("checkpoint", enroll())))
    ),
    Program("small, one pauses", (ONE, ONE_OPEN, lms(pause("enroll")))),
    Program(
        "small, one waits, and looks again", (FREE, HOLDS_COURSE, daemon(count(), retry_count(open_=True), COMMIT))
    ),
    Program("small, one is killed, another one looks", (lms(kill(2)), ONE, ONE_OPEN, daemon(enroll()))),
    Program("small, one waits for one that is killed", (lms(kill(2)), FREE, HOLDS_COURSE, daemon(count()))),
    Program("small, one has the bell, and is killed", (ONE, daemon(HOLD_BELL, enroll(), SLEEP), lms(kill(1)))),
)
SHORT = 2


@pytest.mark.timeout(0)
@pytest.mark.parametrize("version", [pytest.param(each, id=f"postgres{each}") for each in two_versions()])
def test_the_schedules_that_are_left_out_come_to_nothing_else(
    version: int, schools: Callable[[int], Schools], pytestconfig: pytest.Config
) -> None:
    where = schools(version)
    name = where.database("school")

    async def both(program: Program) -> tuple[Result, Result]:
        place = await Ground.connect(where.server, name)
        results = [await Explorer(place, program, all_orders=every).explore() for every in (False, True)]
        place.disconnect()
        return results[0], results[1]

    for program in SMALL if pytestconfig.getoption("--long") else SMALL[:SHORT]:
        some, every = asyncio.run(both(program))
        assert some.behaviours == every.behaviours
        assert some.schedules < every.schedules
        print(f"{program.name}: {some.schedules} of {every.schedules} schedules, {len(some.behaviours)} behaviours")


def test_a_session_is_killed_wherever_it_is(schools: Callable[[int], Schools]) -> None:
    where = schools(two_versions()[-1])
    name = where.database("school")

    async def explore() -> Result:
        place = await Ground.connect(where.server, name)
        result = await Explorer(place, BY_NAME["a leader is killed between its look and its checkpoint"]).explore()
        place.disconnect()
        return result

    result = asyncio.run(explore())
    assert result.violations == []
    ways = {behaviour[1] for behaviour in result.behaviours}
    assert ("is killed",) in ways, "before its first statement"
    assert ("waits", "is killed") in ways, "inside of it"
    assert ("waits", "changes 1, enrolled 1, enrolled 101", "is killed") in ways, "after it"

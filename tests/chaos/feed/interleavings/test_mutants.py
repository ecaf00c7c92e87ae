"""Each deliberate fault is found by a schedule: so the programs would find such a one, too."""

import asyncio
from collections.abc import Callable

import pytest

from tests.chaos.feed.interleavings.conftest import Schools
from tests.support.interleavings import story
from tests.support.interleavings.explorer import Explorer, Result
from tests.support.interleavings.ground import Ground, put
from tests.support.interleavings.mutants import MUTANTS, Mutant
from tests.support.interleavings.programs import BY_NAME
from tests.support.interleavings.results import Kept, Results
from tests.support.postgres import two_versions

ENOUGH = 40


async def found(place: Ground, mutant: Mutant) -> Result:
    """What a program finds with the fault in place, which is taken out again."""
    was = await put(place.control, mutant)
    try:
        return await Explorer(place, BY_NAME[mutant.program]).explore()
    finally:
        await place.control.execute(was)


async def survivors(schools: Schools, mutants: list[Mutant], kept: Results, tell: Callable[[str], None]) -> list[str]:
    lives = []
    for ground in dict.fromkeys(BY_NAME[mutant.program].ground for mutant in mutants):
        place = await Ground.connect(schools.server, schools.database(ground))
        for mutant in mutants:
            program = BY_NAME[mutant.program]
            if program.ground != ground or mutant.fault in kept.kept:
                continue
            result = await found(place, mutant)
            if not result.violations:
                lives.append(f"{mutant.fault}: {result.schedules} schedules")
                continue
            tell(f"{mutant.fault}: found by schedule {result.schedules} of {program.name}")
            problem = result.violations[0].problem
            kept.keep(Kept(mutant.fault, program.name, result.schedules, result.cut, problem=problem))
            print(story.tell(program, result.violations[0], mutant))
        place.disconnect()
    return lives


@pytest.mark.timeout(0)
@pytest.mark.parametrize("version", [pytest.param(each, id=f"postgres{each}") for each in two_versions()])
def test_each_deliberate_fault_is_found(
    version: int,
    schools: Callable[[int], Schools],
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    """The short form leaves out those that many schedules do not find."""
    mutants = [mutant for mutant in MUTANTS if mutant.is_quick or pytestconfig.getoption("--long")]
    where = schools(version)
    for mutant in mutants:
        where.database(BY_NAME[mutant.program].ground)

    def tell(text: str) -> None:
        record_property("told", f"Postgres {version}: {text}")

    assert asyncio.run(survivors(where, mutants, Results(version), tell)) == []


def test_there_are_enough_of_them_each_with_a_name_of_its_own() -> None:
    assert len({mutant.fault for mutant in MUTANTS}) == len(MUTANTS) >= ENOUGH
    assert {mutant.program for mutant in MUTANTS} <= BY_NAME.keys()

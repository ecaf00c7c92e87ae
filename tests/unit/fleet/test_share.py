"""Processes that share schools: each comes to lead about as many, then all is quiet, and nobody is waited for twice."""

import random
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from listener.fleet.share import TAKEN_SECONDS, Share
from listener.instruments.state import Role


@dataclass
class Process:
    """One of a fleet, as far as its schools' roles go."""

    clock: list[float]
    is_frozen: bool = False
    leads: set[str] = field(default_factory=set)
    leaves_alone: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.share = Share(lambda: self.clock[0])


class Processes:
    def __init__(self, schools: int, count: int, seed: int = 0) -> None:
        self.clock = [0.0]
        self.names = [f"s{number}" for number in range(schools)]
        self.chance = random.Random(seed)
        self.all = [Process(self.clock) for _ in range(count)]
        self.all[0].leads = set(self.names)
        self.moves = 0

    def second(self) -> None:
        self.clock[0] += 1
        for process in self.all:
            if process.is_frozen:
                continue
            for school in process.share.to_give_back(self._schools(process)):
                process.leads.remove(school.name)
                process.leaves_alone[school.name] = self.clock[0] + 3
                self.moves += 1
        for name in self.names:
            if not any(name in each.leads for each in self.all):
                may = [
                    each for each in self.all if not each.is_frozen and each.leaves_alone.get(name, 0) <= self.clock[0]
                ]
                if may:
                    self.chance.choice(may).leads.add(name)

    def _schools(self, process: Process) -> list[Any]:
        sample = SimpleNamespace(standbys=len(self.all) - 1)
        return [
            SimpleNamespace(
                name=name,
                state=SimpleNamespace(role=Role.LEADING if name in process.leads else Role.STANDING_BY, sample=sample),
            )
            for name in self.names
        ]

    def led(self) -> list[int]:
        return sorted(len(each.leads) for each in self.all)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("schools", "count"), [(40, 2), (7, 2), (2, 2), (1, 2), (1, 3), (20, 3), (0, 2)])
def test_each_comes_to_lead_as_many_and_then_nothing_moves(schools: int, count: int, seed: int) -> None:
    processes = Processes(schools, count, seed)
    for _ in range(600):
        processes.second()
    most = -(-schools // count)
    assert max(processes.led()) <= most
    assert sum(processes.led()) == schools
    before = processes.moves
    for _ in range(200):
        processes.second()
    assert processes.moves == before
    assert before <= 3 * schools


def test_a_hundred_are_given_back_within_a_minute() -> None:
    processes = Processes(200, 2)
    for _ in range(60):
        processes.second()
    assert processes.led() == [100, 100]


def test_schools_are_given_back_in_vain_to_a_frozen_process_ever_more_seldom() -> None:
    processes = Processes(20, 2)
    processes.all[1].is_frozen = True
    for _ in range(3600):
        processes.second()
    assert processes.moves <= 6, "one at a time, and twice as long a rest each time"
    assert processes.led() == [0, 20]
    processes.all[1].is_frozen = False
    for _ in range(3600 + 200):
        processes.second()
    assert processes.led() == [10, 10]


def test_without_a_standby_nothing_is_given_back() -> None:
    processes = Processes(10, 1)
    for _ in range(100):
        processes.second()
    assert processes.moves == 0


def test_folders_that_differ_do_not_have_a_school_go_to_and_fro() -> None:
    """The other process knows four of ten, and so thinks it leads too many."""
    processes = Processes(10, 2)
    few = processes.all[1]
    known = set(processes.names[:4])
    whole = processes._schools

    def schools(process: Process) -> list[Any]:
        found = whole(process)
        if process is few:
            return [each for each in found if each.name in known]
        for each in found:
            each.state.sample = SimpleNamespace(standbys=int(each.name in known))
        return found

    processes._schools = schools  # type: ignore[method-assign]
    hours = 2
    for _ in range(hours * 3600):
        processes.second()
        few.leads &= known
    assert processes.moves <= len(known) * (6 + hours) * 2


def test_what_became_of_the_last_is_seen_before_the_next() -> None:
    processes = Processes(10, 2)
    processes.second()
    assert processes.moves == 1
    for _ in range(int(TAKEN_SECONDS) - 1):
        processes.second()
    assert processes.moves == 1
    processes.second()
    assert processes.moves == 3

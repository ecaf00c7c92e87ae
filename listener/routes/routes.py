"""The routes from every table that a query reads to profiles, by all scenarios of the query."""

from contextlib import suppress
from dataclasses import dataclass, field

from listener.mapping.tables import Table
from listener.mapping.watched import Route, label
from listener.routes.blocks import Occurrence, Unclear
from listener.routes.by_key import ByKey
from listener.routes.expressions import Printing
from listener.routes.facts import Facts
from listener.routes.scenario import COURSE, Choice, Scenario
from listener.routes.ways import Way, Ways, ways

MOST_SCENARIOS = 64


@dataclass
class Derived:
    """Facts about each table that the query reads."""

    routes: dict[Table, dict[Route, None]] = field(default_factory=dict)
    lost: dict[Table, str] = field(default_factory=dict)
    """Tables of which some occurrence leads to no profile, each with the reason; empty if there is no equality."""
    beside_courses: set[Table] = field(default_factory=set)
    """Of `lost`, tables that are connected with courses alone: a change there concerns all profiles."""
    by_courses: set[Table] = field(default_factory=set)
    """Tables that lead to profiles by way of courses."""
    unindexed: dict[Table, tuple[str, str]] = field(default_factory=dict)
    """A step of a route that no index serves: the table, and the compared expression."""
    not_by_key: dict[Table, str] = field(default_factory=dict)
    """Why all of a table would be read for one profile."""


def derive(facts: Facts, profiles: Table, enrollments: Table, courses: Table) -> Derived:
    return _Derivation(facts, profiles, enrollments, courses).derive()


class _Derivation:
    def __init__(self, facts: Facts, profiles: Table, enrollments: Table, courses: Table) -> None:
        self._facts = facts
        self._often_written = {profiles, enrollments}
        self._courses = courses
        self._derived = Derived()
        self._not_beside: set[Table] = set()
        self._straight: set[Table] = set()

    def derive(self) -> Derived:
        waiting: list[dict[Choice, int]] = [{}]
        seen: set[tuple[tuple[Choice, int], ...]] = set()
        while waiting:
            choices = waiting.pop()
            known = tuple(sorted(choices.items()))
            if known in seen:
                continue
            seen.add(known)
            if len(seen) > MOST_SCENARIOS:
                self._lose_all(f"it has more than {MOST_SCENARIOS} ways to read it (UNION, OR, COALESCE)")
                break
            try:
                scenario, found = ways(self._facts, choices)
            except Unclear as reason:
                self._lose_all(f"{reason} is not followed")
                break
            for choice, size in scenario.sizes.items():
                if choice not in choices:
                    waiting += [{**choices, choice: other} for other in range(1, size)]
            for relation in scenario.repeated:
                self._lose(self._facts.tables[relation], "WITH RECURSIVE reads it again and again", beside=False)
            if isinstance(found, Unclear):
                beside = _beside_courses(self._facts, scenario, self._courses)
                for each in scenario.occurrences:
                    self._lose(self._facts.tables[each.relation], str(found), beside=each in beside)
                continue
            self._take(found)
        self._derived.beside_courses -= self._not_beside | self._often_written
        self._derived.by_courses -= self._straight | self._often_written
        return self._derived

    def _lose_all(self, reason: str) -> None:
        for table in self._facts.tables.values():
            self._lose(table, reason, beside=False)

    def _lose(self, table: Table, reason: str, *, beside: bool) -> None:
        self._derived.lost.setdefault(table, reason)
        (self._derived.beside_courses if beside else self._not_beside).add(table)

    def _take(self, found: Ways) -> None:
        """Add the ways of a scenario."""
        beside = _beside_courses(self._facts, found.scenario, self._courses)
        for occurrence, way in found:
            table = self._facts.tables[occurrence.relation]
            if way is None:
                self._lose(table, found.why_none(occurrence), beside=occurrence in beside)
            else:
                self._take_way(table, way)
        for occurrence, reason in ByKey(found, self._courses, self._facts.tables).missing():
            self._derived.not_by_key.setdefault(self._facts.tables[occurrence.relation], reason)

    def _take_way(self, table: Table, way: Way) -> None:
        self._derived.routes.setdefault(table, {})[way.route] = None
        if way.unindexed is not None:
            place, compared = way.unindexed
            self._derived.unindexed.setdefault(table, (place, label(compared)))
        if any(self._facts.tables[each] == self._courses for each in way.relations):
            self._derived.by_courses.add(table)
        else:
            self._straight.add(table)


def _beside_courses(facts: Facts, scenario: Scenario, courses: Table) -> set[Occurrence]:
    """Occurrences that equalities connect with a course."""
    beside = {each for each in scenario.occurrences if facts.tables[each.relation] == courses}
    with suppress(Unclear):
        beside.add(Printing(facts, scenario.chosen).side_of_output(scenario.top, COURSE).occurrence)
    pairs = [set(each.occurrences) for each in scenario.conditions if each.sides is not None]
    size = 0
    while size < len(beside):
        size = len(beside)
        for pair in pairs:
            if pair & beside:
                beside |= pair
    return beside

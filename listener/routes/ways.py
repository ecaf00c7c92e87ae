"""The ways of a scenario: from each occurrence to the profile's key.

The ways form a tree: where two ways meet, both go on alike. So a note may be followed late. If a row further on has
changed meanwhile, that row's own note goes on from the earlier values.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from listener.mapping.watched import Hop, Match, Route, Value
from listener.routes.blocks import Block, Condition, Occurrence, Side, Unclear
from listener.routes.expressions import over_row, plain
from listener.routes.facts import Facts
from listener.routes.scenario import Scenario
from listener.routes.steps import Steps, obstacle_out_of

STEP, FIRST_OF_SEVERAL = 1, 3
WITHOUT_INDEX = 10
"""A way by an index is shorter."""
SAME_KEYS = ({"smallint", "integer", "bigint"}, {"uuid"}, {"text", "character varying"})
"""Types among which equal values are the same key."""
EQUALS = 'operator("pg_catalog".=)'


@dataclass(frozen=True)
class Way:
    """From an occurrence to the key."""

    route: Route
    unindexed: tuple[str, str] | None = None
    """The first step that no index serves: a table, and the compared expression."""
    relations: frozenset[int] = frozenset()
    """Of all steps, and of the start."""


class Indexes:
    """Columns and expressions that an index begins with: rows can be found by the index."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def serve(self, side: Side) -> bool:
        """Whether an index finds rows by a side of a comparison."""
        relation = side.occurrence.relation
        if side.each:
            return False
        text = plain(side.text)
        names = {
            f'{{row}}."{found.name.replace(chr(34), chr(34) * 2)}"'
            for (table, number), found in self._facts.columns.items()
            if table == relation and (table, number) in self._facts.indexed_columns
        }
        if text in names:
            return True
        printed = (over_row(self._facts, each, relation) for each in self._facts.indexed_expressions.get(relation, []))
        return side.text in printed


class Ways:
    def __init__(self, facts: Facts, scenario: Scenario) -> None:
        """Raises Unclear if nothing in the scenario leads to profiles."""
        self._facts = facts
        self.scenario = scenario
        self.steps = Steps(facts, scenario)
        self.indexes = Indexes(facts)
        self.key = self.steps.key()
        self._next = self._shortest()

    def __iter__(self) -> Iterator[tuple[Occurrence, Way | None]]:
        for each in self.scenario.occurrences:
            yield each, self._way(each) if each in self._next else None

    def _shortest(self) -> dict[Occurrence, Occurrence | None]:
        """The next occurrence on the way of each occurrence."""
        root = self.key.occurrence
        found: dict[Occurrence, tuple[int, Occurrence | None]] = {root: (0, None)}
        waiting = [(0, root.number, root)]
        while waiting:
            cost, _, end = heapq.heappop(waiting)
            if cost > found[end][0]:
                continue
            for (start, other), conditions in self.steps.found.items():
                if other is not end:
                    continue
                far = cost + min(self._cost(each, start) for each in conditions)
                if start not in found or far < found[start][0]:
                    found[start] = (far, end)
                    heapq.heappush(waiting, (far, start.number, start))
        return {each: following for each, (_, following) in found.items()}

    def _cost(self, condition: Condition, start: Occurrence) -> int:
        here, there = self.steps.sides(condition, start)
        cost = FIRST_OF_SEVERAL if here.each else STEP
        return cost if self._is_the_key(there, condition) or self.indexes.serve(there) else cost + WITHOUT_INDEX

    def _is_the_key(self, side: Side, condition: Condition) -> bool:
        """Whether the row before a step holds the key itself: then the row after the step need not be read."""
        if plain(side.text) != plain(self.key.text) or side.occurrence is not self.key.occurrence or side.each:
            return False
        assert condition.sides is not None
        types = {self._facts.types[each.type].name for each in condition.sides}
        is_exact = side.column and all(map(self.steps.is_exact, condition.sides))
        return bool(is_exact) and condition.operator == EQUALS and any(types <= same for same in SAME_KEYS)

    def _way(self, start: Occurrence) -> Way:
        route_key, hops, unindexed = self.key, list[Hop](), None
        relations = {start.relation}
        here = start
        while (end := self._next[here]) is not None:
            conditions = self._chosen(here, end)
            relations.add(end.relation)
            whole = [each for each in conditions if self._is_the_key(self.steps.sides(each, here)[1], each)]
            if whole:
                route_key = self.steps.sides(whole[0], here)[0]
                break
            sides = [self.steps.sides(each, here) for each in conditions]
            if unindexed is None and not any(self.indexes.serve(there) for _, there in sides):
                unindexed = (self._facts.tables[end.relation].label, sides[0][1].text)
            matches = (
                Match(self.value(one), other.text, each.operator)
                for (one, other), each in zip(sides, conditions, strict=True)
            )
            hops.append(Hop(self._facts.tables[end.relation], tuple(matches)))
            here = end
        return Way(Route(self.value(route_key), tuple(hops)), unindexed, frozenset(relations))

    def _chosen(self, start: Occurrence, end: Occurrence) -> list[Condition]:
        """All equalities of a step with a single value each; or else the first equality with several values."""
        found = self.steps.found[start, end]
        single = [each for each in found if not self.steps.sides(each, start)[0].each]
        return single or found[:1]

    def value(self, side: Side) -> Value:
        kind = self._facts.types[side.type]
        return Value(side.text, kind.base_name, side.each, is_time=kind.category == "D")

    def why_none(self, occurrence: Occurrence) -> str:
        """Why an occurrence leads to no profile, for people; empty if there is just no equality."""
        block: Block | None = occurrence.block
        while block is not None:
            if block.hides:
                return f"{block.hides} stands in the way"
            block = block.above
        obstacle = self.steps.why_none(occurrence)
        if obstacle:
            return f"{obstacle} stands in the way"
        block = occurrence.block
        while block is not None:
            for each in () if block.is_test else self._obstacles(block):
                return f"{each} stands in the way"
            block = block.above
        return ""

    def _obstacles(self, block: Block) -> Iterator[str]:
        columns = [] if block.is_set else block.query.nodes("targetList")
        if block.is_set and (block.query.has("limitCount") or block.query.has("limitOffset")):
            yield "LIMIT"
        for each in columns:
            found = obstacle_out_of(block, each.number("resno"))
            if found and found != "an aggregate":
                yield found


def ways(facts: Facts, choices: dict[tuple[str, int, tuple[int, ...]], int]) -> tuple[Scenario, "Ways | Unclear"]:
    """A scenario, with the ways, or the reason why there are none. Raises Unclear if the scenario cannot be made."""
    scenario = Scenario(facts, choices)
    try:
        return scenario, Ways(facts, scenario)
    except Unclear as reason:
        return scenario, reason

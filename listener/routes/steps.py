"""Finds equalities that lead from a changed row of an occurrence to the affected rows of another."""

from collections.abc import Iterator
from itertools import permutations

from listener.routes.blocks import Block, Condition, Occurrence, Place, Reference, Side, Unclear
from listener.routes.expressions import Printing, is_safe_as_text, written_operator
from listener.routes.facts import Facts, ReadColumn
from listener.routes.nodes import Node, walk
from listener.routes.nulls import is_over_several, on_side_of
from listener.routes.scenario import Scenario
from listener.row_text import columns_of, unquoted

AGGREGATES = ("AGGREF", "WINDOWFUNC", "GROUPINGFUNC")
TIMES = "D"
EVERYTHING = Place(frozenset(range(1, 10_000)))
"""Above all joins of a block."""


def compare(facts: Facts, scenario: Scenario) -> None:
    """Find the sides of all conditions that are equalities between two occurrences."""
    for condition in scenario.conditions:
        expression = condition.expression
        arguments = expression.nodes("args")
        is_one_of = expression.tag == "SCALARARRAYOPEXPR" and expression.is_true("useOr")
        if expression.tag == "BOOLEXPR" and expression.text("boolop") == "or":
            condition.obstacle = "OR"
        if len(arguments) != 2 or not (expression.tag == "OPEXPR" or is_one_of):
            continue
        operator = facts.operators[expression.number("opno")]
        if not operator.is_equality:
            continue
        if not operator.is_immutable:
            condition.obstacle = "a comparison that depends on the session"
            continue
        try:
            one, other = (
                Printing(facts, scenario.chosen).side(
                    each, condition.scope, condition.output, of_array=is_one_of and place == 1
                )
                for place, each in enumerate(arguments)
            )
        except Unclear as reason:
            condition.obstacle = str(reason)
            continue
        if one.occurrence is not other.occurrence:
            condition.sides = (one, other)
            condition.operator = written_operator(facts, expression.number("opno"))


class Steps:
    """The steps of a scenario."""

    def __init__(self, facts: Facts, scenario: Scenario) -> None:
        self._facts = facts
        self._scenario = scenario
        self.found: dict[tuple[Occurrence, Occurrence], list[Condition]] = {}
        """From an occurrence to another: the conditions that lead there."""
        self._obstacles: dict[Occurrence, str] = {}
        """Why a comparison leads nowhere from an occurrence."""
        compare(facts, scenario)
        for condition in scenario.conditions:
            for start, end in permutations(condition.occurrences, 2):
                obstacle = self._obstacle(condition, start)
                if obstacle:
                    self._obstacles.setdefault(start, obstacle)
                else:
                    self.found.setdefault((start, end), []).append(condition)
            if condition.obstacle:
                compared = [each for each in scenario.occurrences if condition.mentions(each)]
                is_link = len(compared) > 1 or is_over_several([condition.expression])
                for start in compared if is_link else ():
                    self._obstacles.setdefault(start, condition.obstacle)

    def why_none(self, occurrence: Occurrence) -> str:
        """Why an occurrence, or what the occurrence leads to, leads no further; empty if there is just no equality."""
        reached = [occurrence]
        for here in reached:
            if here in self._obstacles:
                return self._obstacles[here]
            reached += [end for start, end in self.found if start is here and end not in reached]
        return ""

    def sides(self, condition: Condition, start: Occurrence) -> tuple[Side, Side]:
        """The side of `start`, and the other side."""
        assert condition.sides is not None
        one, other = condition.sides
        return (one, other) if one.occurrence is start else (other, one)

    def key(self) -> Side:
        """The query's first column. Raises Unclear if the column is of no single occurrence, or rows do not tell the
        value."""
        top = self._scenario.top
        try:
            found = Printing(self._facts, self._scenario.chosen).side_of_output(top, 1)
        except Unclear as reason:
            raise Unclear(f"the profile's key is {reason}") from reason
        for each in found.references:
            if _may_be_nulled(each, top, EVERYTHING):
                raise Unclear("the profile's key may be missing by an outer join")
            for crossing in each.crossings:
                obstacle = obstacle_out_of(crossing.block, crossing.column)
                if obstacle:
                    raise Unclear(f"the profile's key comes out of {obstacle}")
        if not self.is_exact(found):
            raise Unclear("the profile's key has a collation by which texts that differ are equal")
        if self._is_virtual(found):
            raise Unclear("the profile's key is a virtual column, which triggers do not see")
        return found

    def _obstacle(self, condition: Condition, start: Occurrence) -> str:
        """Why a condition does not lead on from `start`, for people; empty if the condition does."""
        here, there = self.sides(condition, start)
        if there.each:
            return "an array, of which each element is compared,"
        if not self._can_be_kept(here):
            return f"a comparison of type {self._facts.types[here.type].name}, which no note can hold,"
        if self._is_virtual(here):
            return "a virtual column, which triggers do not see,"
        if self.is_exact(there) and not self.is_exact(here):
            return "a collation of the other side, by which texts that differ are equal,"
        for each in (*here.references, *there.references):
            for crossing in each.crossings:
                passes = obstacle_out_of if each.occurrence is start else obstacle_into
                obstacle = passes(crossing.block, crossing.column)
                if obstacle:
                    return obstacle
            if _may_be_nulled(each, condition.block, condition.place):
                return "an outer join"
        if not _matters(condition, start, (*here.references, *there.references)):
            return "an outer join, NOT EXISTS or an aggregate"
        return ""

    def _is_virtual(self, side: Side) -> bool:
        """Whether the side stands on a column that triggers do not see."""
        return any(each.is_virtual for each in self._columns(side))

    def is_exact(self, side: Side) -> bool:
        """Whether equal texts are the same text."""
        return all(each.is_deterministic for each in self._columns(side))

    def _columns(self, side: Side) -> list[ReadColumn]:
        names = {unquoted(name) for name in columns_of(side.text)}
        return [
            found
            for (table, _), found in self._facts.columns.items()
            if table == side.occurrence.relation and found.name in names
        ]

    def _can_be_kept(self, side: Side) -> bool:
        """Whether a note can hold the side's value as text."""
        return is_safe_as_text(self._facts, side.type) or self._facts.types[side.type].category == TIMES


def _matters(condition: Condition, start: Occurrence, references: tuple[Reference, ...]) -> bool:
    """Whether a changed row of `start` matters only for rows for which the condition holds."""
    block, place = condition.block, condition.place
    while True:
        inside = block.leaf_of(start)
        leaves = {each.leaf for each in references if each.occurrence is start and each.block is block}
        leaves |= set() if inside is None else {inside}
        for join in block.joins:
            if join is place.join and join.is_full:
                return False
            side = on_side_of(join, place)
            if side is not None and not (leaves and leaves <= side):
                return False
        if inside is not None:
            return True
        # The row is of a query further out.
        if _is_over_all(block) or block.above is None:
            return False
        if block.stands is None:
            place = Place(frozenset([block.leaf]))
        elif block.stands.must_hold:
            place = block.stands.place
        else:
            return False
        block = block.above


def _may_be_nulled(reference: Reference, top: Block, place: Place) -> bool:
    """Whether a column may be null for want of a partner in an outer join, and a condition in `top` lets the null
    pass."""
    passed = {reference.block, *(crossing.block for crossing in reference.crossings)}
    if top.leaf_of(reference.occurrence) is not None:
        passed.add(top)
    for block in passed:
        leaf = reference.leaf if block is reference.block else block.leaf_of(reference.occurrence)
        for join in block.joins:
            if block is top and (join is place.join or not (join.left | join.right) <= place.leaves):
                continue
            if any(leaf in side for side in join.nullable):
                return True
    return False


def _is_over_all(block: Block) -> bool:
    """Whether a deleted row changes the output of other rows."""
    query = block.query
    return query.has("groupingSets") or (query.is_true("hasAggs") and not query.has("groupClause"))


def obstacle_out_of(block: Block, column: int) -> str:
    """Why an output column does not tell which rows a changed row below changes; empty if the column does tell."""
    query = block.query
    if query.has("limitCount") or query.has("limitOffset"):
        return "LIMIT"
    if query.has("groupingSets"):
        return "GROUPING SETS"
    if block.is_set:
        return "" if block.carried is None or column in block.carried else "WITH RECURSIVE"
    output = block.column(column)
    number = output.text("ressortgroupref")
    if query.is_true("hasDistinctOn") and number not in _sort_groups(query, "distinctClause"):
        return "DISTINCT ON of another column"
    if query.is_true("hasWindowFuncs") and any(
        number not in _sort_groups(window, "partitionClause") for window in query.nodes("windowClause")
    ):
        return "a window function that is not PARTITION BY this column"
    return obstacle_into(block, column)


def obstacle_into(block: Block, column: int) -> str:
    """Why a value of an output column does not tell rows below; empty if the value does tell."""
    if block.is_set:
        return "" if block.carried is None or column in block.carried else "WITH RECURSIVE"
    if _is_over_all(block):
        return "an aggregate over all rows"
    return "an aggregate" if any(_aggregates(block.column(column))) else ""


def _sort_groups(node: Node, name: str) -> list[str]:
    return [each.text("tleSortGroupRef") for each in node.nodes(name) if each.text("tleSortGroupRef") != "0"]


def _aggregates(column: Node) -> Iterator[bool]:
    """Whether each part is an aggregate. In PostgreSQL 18 a column may be of GROUP BY, without aggregates."""
    yield from (each.tag in AGGREGATES for each in walk(column.the("expr"), into_queries=False))

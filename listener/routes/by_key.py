"""Whether indexes suffice to ask a query about a single profile. The query and the schema decide, not the planner,
whose choice of today says nothing of tomorrow."""

from collections.abc import Iterator

from listener.mapping.tables import Table
from listener.mapping.watched import label
from listener.routes.blocks import Block, Condition, Occurrence, Side
from listener.routes.nulls import on_side_of
from listener.routes.ways import Ways

UNION_ALL = ("1", "true")
EXCEPT = "3"


class ByKey:
    """The occurrences of a scenario that can be found, from the key on. `courses` may be read as a whole."""

    def __init__(self, ways: Ways, courses: Table, tables: dict[int, Table]) -> None:
        self._ways = ways
        self._tables = tables
        self._known = {each for each in ways.scenario.occurrences if tables.get(each.relation) == courses}
        self._of_key = self._obstacle_to_key()
        if not self._of_key:
            self._known.add(ways.key.occurrence)
        self._follow()

    def missing(self) -> Iterator[tuple[Occurrence, str]]:
        """Occurrences that no index finds, and why."""
        for each in self._ways.scenario.occurrences:
            if each not in self._known:
                yield each, self._why(each)

    def _follow(self) -> None:
        found = True
        while found:
            found = False
            for condition, start, end in self._pairs():
                if start in self._known and end not in self._known and not self._obstacle(condition, start, end):
                    self._known.add(end)
                    found = True

    def _pairs(self) -> Iterator[tuple[Condition, Occurrence, Occurrence]]:
        for condition in self._ways.scenario.conditions:
            if condition.sides is not None:
                one, other = condition.occurrences
                yield condition, one, other
                yield condition, other, one

    def _why(self, missing: Occurrence) -> str:
        if missing is self._ways.key.occurrence and self._of_key:
            return self._of_key
        reasons = [
            self._obstacle(condition, start, end)
            for condition, start, end in self._pairs()
            if end is missing and start in self._known
        ]
        if reasons:
            return reasons[0]
        if self._of_key:
            return self._of_key
        return self._ways.why_none(missing) or "nothing that the query compares leads there from the profile's key"

    def _obstacle_to_key(self) -> str:
        key = self._ways.key
        for reference in key.references:
            for crossing in reference.crossings:
                block = crossing.block
                if block.origin:
                    return f"{block.origin} stands in the way"
                if block.is_set:
                    if EXCEPT in _operations(block):
                        return "EXCEPT stands in the way; write it as NOT EXISTS"
                else:
                    expression = block.column(crossing.column).the("expr")
                    if self._ways.scenario.chosen(expression, block) is not expression:
                        return "the profile's key is one of several: COALESCE, or FULL JOIN, stands in the way"
        return "" if self._ways.indexes.serve(key) else self._no_index(key)

    def _no_index(self, side: Side) -> str:
        if side.each:
            return f"no index finds rows by one of the elements in {label(side.text)}"
        return f"no index begins with {label(side.text)}"

    def _obstacle(self, condition: Condition, start: Occurrence, end: Occurrence) -> str:
        """Why known rows of `start` do not find rows of `end`; empty if rows are found."""
        _, there = self._ways.steps.sides(condition, start)
        for reference in there.references:
            for crossing in reference.crossings:
                obstacle = computed_as_a_whole(crossing.block)
                if obstacle:
                    return f"{obstacle} stands in the way"
        for join in condition.block.joins:
            side = on_side_of(join, condition.place)
            leaf = condition.block.leaf_of(end)
            if join is condition.place.join and join.is_full:
                return "FULL JOIN stands in the way"
            if join is condition.place.join and side is not None and leaf not in side:
                return "an outer join stands in the way"
        return self._obstacle_around(condition, start, end) or (
            "" if self._ways.indexes.serve(there) else self._no_index(there)
        )

    def _obstacle_around(self, condition: Condition, start: Occurrence, end: Occurrence) -> str:
        """The obstacle of the subqueries between a condition and the known row's block."""
        found, block = "", condition.block
        while block.leaf_of(start) is None and block.above is not None:
            standing = block.stands
            if standing is not None:
                is_comparison = block.is_test and block is condition.block
                if is_comparison and not standing.is_joined and block.leaf_of(end) is not None:
                    return standing.obstacle
                if not block.is_test and not standing.is_looked_up:
                    found = standing.obstacle
            if block.arguments and not block.is_merged:
                found = ""  # a function is run for each row, and plans the body with the given values
            block = block.above
        return found


def computed_as_a_whole(block: Block) -> str:
    """Why a comparison outside of a subquery in FROM is not made inside; empty if made inside."""
    query = block.query
    if block.origin:
        return block.origin
    if block.is_barrier:
        return "a view with security_barrier"
    if query.has("limitCount") or query.has("limitOffset"):
        return "LIMIT"
    if block.is_set:
        if set(_operations(block)) == {"union all"}:
            return ""
        return "UNION without ALL, in FROM," if EXCEPT not in _operations(block) else "EXCEPT"
    if query.is_true("hasWindowFuncs"):
        return "a window function"
    if query.is_true("hasAggs") or query.has("groupClause") or query.has("groupingSets"):
        return "an aggregate over everyone"
    if query.has("distinctClause"):
        return "DISTINCT"
    return "a function that gives several rows" if query.is_true("hasTargetSRFs") else ""


def _operations(block: Block) -> list[str]:
    """The kinds of a set operation, and of all set operations below."""
    found, waiting = [], [block.query.node("setOperations")]
    while waiting:
        node = waiting.pop()
        if node is not None and node.tag == "SETOPERATIONSTMT":
            kind = node.text("op")
            found.append("union all" if (kind, node.text("all")) == UNION_ALL else kind)
            waiting += [node.node("larg"), node.node("rarg")]
    return found

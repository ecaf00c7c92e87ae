"""A SELECT, taken apart: FROM, conditions, and the subqueries and functions in expressions."""

from typing import TYPE_CHECKING

from listener.routes.blocks import Block, Join, Place
from listener.routes.clauses import FULL, LEFT, RIGHT, denied, that_must_hold
from listener.routes.facts import Facts
from listener.routes.nodes import Node, walk
from listener.routes.nulls import must_hold

if TYPE_CHECKING:
    from listener.routes.scenario import Scenario


class Select:
    """Fills in the block of a SELECT."""

    def __init__(self, scenario: "Scenario", facts: Facts, block: Block) -> None:
        self._scenario = scenario
        self._facts = facts
        self._block = block
        self._written: list[tuple[Node | None, Place]] = []
        """The conditions as written: WHERE, and each ON."""
        self._conditions: list[tuple[Node, Place]] = []
        """Single conditions, each of which must hold."""

    def fill(self) -> None:
        self._from(self._block.query.the("jointree"))
        for expression, place in self._written:
            self._split(expression, place)
        self._scenario.nulls.reduce(self._block, self._conditions)
        needed = self._needed()
        leaves = sorted(frozenset[int]().union(*(place.leaves for _, place in self._written)))
        for leaf in leaves:
            self._scenario.leaf(self._block, leaf, needed.get(leaf, set()))
        for expression, _ in self._written:
            self._scenario.mark_monotone(expression)
        self._scenario.mark_monotone(self._block.query.node("havingQual"))
        for expression, place in self._conditions:
            self._scenario.add(expression, self._block, place)
        self._expressions()

    def fill_limit(self) -> None:
        """What stands in the LIMIT and OFFSET of a UNION."""
        self._expressions()

    def _from(self, node: Node) -> frozenset[int]:
        if node.tag == "RANGETBLREF":
            return frozenset([node.number("rtindex")])
        if node.tag == "FROMEXPR":
            leaves = frozenset[int]().union(*map(self._from, node.nodes("fromlist")))
            self._written.append((node.node("quals"), Place(leaves)))
            return leaves
        left, right = self._from(node.the("larg")), self._from(node.the("rarg"))
        kind = node.text("jointype")
        join = Join(left, right, kind in (FULL, RIGHT), kind in (LEFT, FULL))
        self._block.joins.append(join)
        self._written.append((node.node("quals"), Place(left | right, join if join.nullable else None)))
        return left | right

    def _split(self, expression: Node | None, place: Place) -> None:
        if expression is None:
            return
        if expression.tag == "BOOLEXPR" and expression.text("boolop") == "and":
            for each in expression.nodes("args"):
                self._split(each, place)
            return
        side = self._scenario.side_of_or(expression, self._block)
        if side is not None:
            self._split(side, place)
        else:
            self._conditions.append((expression, place))

    def _needed(self) -> dict[int, set[int]]:
        """Of each leaf, the columns without which a row does not matter."""
        needed: dict[int, set[int]] = {}
        found = [
            each
            for expression, place in self._conditions
            if must_hold(self._block, place)
            for each in self._scenario.nulls.needed_by_condition(expression, self._block)
        ]
        for column in self._block.query.nodes("targetList"):
            if column.number("resno") in self._block.not_null:
                found += self._scenario.nulls.needed_by_value(column.the("expr"), self._block)
        for each in found:
            needed.setdefault(each.number("varno"), set()).add(each.number("varattno"))
        return needed

    def _expressions(self) -> None:
        """Subqueries and functions in all expressions."""
        query, block = self._block.query, self._block
        needed = that_must_hold(self._facts, self._conditions)
        refused = denied(self._conditions)
        entries = query.nodes("rtable")
        called = [
            call.fields.get("args")
            for leaf in block.below
            for function in block.entry(leaf).nodes("functions")
            if (call := function.node("funcexpr")) is not None
        ]
        everything = [
            query.fields.get("targetList"),
            [each for each, _ in self._written if each is not None],
            *(query.fields.get(name) for name in ("havingQual", "limitOffset", "limitCount", "windowClause")),
            [each.fields.get("groupexprs") for each in entries],
            list(block.functions.values()),
            called,
        ]
        for each in walk(everything, into_queries=False):  # type: ignore[arg-type]
            if each.tag == "SUBLINK":
                self._scenario.subquery(each, block, needed.get(id(each)), is_denied=id(each) in refused)
            elif each.tag == "FUNCEXPR" and each.number("funcid") in self._facts.functions:
                self._scenario.call(each, block)

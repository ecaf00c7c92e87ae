"""Finds columns that cannot be null where a condition holds. An outer join with a needed column on the nullable side is
an inner join."""

from collections.abc import Iterator

from listener.routes.blocks import Block, Condition, Join, Occurrence, Place
from listener.routes.expressions import Chosen, alias_of
from listener.routes.facts import Facts
from listener.routes.nodes import Node, walk

NOT_STRICT = ("BOOLEXPR", "NULLTEST", "BOOLEANTEST", "SUBLINK", "DISTINCTEXPR", "SCALARARRAYOPEXPR")
"""Expressions that may be true when negated, although a column is null. (`null = any ('{}')` is false, not null.)"""
IS_NOT_NULL = "1"
IS_TRUE_OR_FALSE = ("0", "2")


class Nulls:
    def __init__(self, facts: Facts, chosen: Chosen) -> None:
        self._facts = facts
        self._chosen = chosen

    def needed_by_condition(self, expression: Node, block: Block) -> list[Node]:
        """Columns of `block` that must not be null, for a condition to be true."""
        return [each for each in self._true(expression, block) if each.number("varlevelsup") == 0]

    def needed_by_value(self, expression: Node, block: Block) -> list[Node]:
        """Columns of `block` that must not be null, for a value not to be null."""
        return [each for each in self._value(expression, block, splits=True) if each.number("varlevelsup") == 0]

    def _value(self, expression: Node, block: Block, *, splits: bool = False) -> Iterator[Node]:
        """With `splits`, the chosen argument stands for a COALESCE over several tables."""
        found = unaliased(expression, block)
        tag = found.tag
        if tag == "VAR":
            yield found
        elif tag in ("RELABELTYPE", "COERCEVIAIO", "COLLATEEXPR", "ARRAYCOERCEEXPR"):
            yield from self._value(found.the("arg"), block, splits=splits and tag == "RELABELTYPE")
        elif (tag == "FUNCEXPR" and self._is_strict_function(found)) or (tag == "OPEXPR" and self._is_strict(found)):
            for each in found.nodes("args"):
                yield from self._value(each, block)
        elif tag == "COALESCEEXPR" and splits:
            chosen = self._chosen(found, block)
            if chosen is not found:
                yield from self._value(chosen, block, splits=True)

    def _true(self, expression: Node, block: Block) -> Iterator[Node]:
        found = unaliased(expression, block)
        tag, arguments = found.tag, found.nodes("args")
        if tag == "BOOLEXPR" and found.text("boolop") == "not":
            if arguments[0].tag not in NOT_STRICT:
                yield from self._true(arguments[0], block)
        elif tag == "BOOLEXPR" and found.text("boolop") == "and":
            for each in arguments:
                yield from self._true(each, block)
        elif (tag == "NULLTEST" and found.text("nulltesttype") == IS_NOT_NULL) or (
            tag == "BOOLEANTEST" and found.text("booltesttype") in IS_TRUE_OR_FALSE
        ):
            yield from self._value(found.the("arg"), block)
        elif tag == "SCALARARRAYOPEXPR":
            if found.is_true("useOr") and self._is_strict(found):
                for each in arguments:
                    yield from self._value(each, block)
        elif tag == "SUBLINK":
            test = found.node("testexpr")
            if found.text("subLinkType") == "2" and test is not None:
                yield from self._true(test, block)
        elif tag == "OPEXPR" and len(arguments) == 2 and self._is_strict(found):
            for each in arguments:
                yield from self._value(each, block, splits=True)
        elif tag in ("OPEXPR", "VAR", "FUNCEXPR"):
            yield from self._value(found, block)

    def _is_strict(self, operation: Node) -> bool:
        return self._facts.operators[operation.number("opno")].is_strict

    def _is_strict_function(self, call: Node) -> bool:
        procedure = self._facts.procedures.get(call.number("funcid"))
        return procedure is not None and procedure.is_strict and not call.is_true("funcretset")

    def reduce(self, block: Block, conditions: list[tuple[Node, Place]]) -> None:
        """Make outer joins inner joins, where rows without a partner cannot matter."""
        changed = True
        while changed:
            needed = {
                each.number("varno")
                for expression, place in conditions
                if must_hold(block, place)
                for each in self.needed_by_condition(expression, block)
            }
            needed |= {
                each.number("varno")
                for column in block.query.nodes("targetList")
                if column.number("resno") in block.not_null
                for each in self.needed_by_value(column.the("expr"), block)
            }
            changed = False
            for join in block.joins:
                if join.nulls_right and needed & join.right:
                    join.nulls_right, changed = False, True
                if join.nulls_left and needed & join.left:
                    join.nulls_left, changed = False, True

    def is_never_null(self, expression: Node, block: Block, output: Block | None, conditions: list[Condition]) -> bool:
        """Whether a side of a NOT IN cannot be null."""
        found, where = bare(expression), block
        if found.tag == "PARAM":
            if output is None or output.is_set:
                return False
            found, where = bare(output.column(found.number("paramid")).the("expr")), output
        found = unaliased(bare(found), where)
        if found.tag != "VAR" or found.number("varattno") < 1:
            return False
        home = where.outer(found.number("varlevelsup"))
        leaf, number = found.number("varno"), found.number("varattno")
        if home.is_test or any(leaf in side for join in home.joins for side in join.nullable):
            return False
        occurrence = home.occurrences.get(leaf)
        if occurrence is not None and self._is_not_null(occurrence, number):
            return True
        return any(
            condition.block is home
            and must_hold(home, condition.place)
            and any(
                (each.number("varno"), each.number("varattno")) == (leaf, number)
                for each in self.needed_by_condition(condition.expression, home)
            )
            for condition in conditions
        )

    def _is_not_null(self, occurrence: Occurrence, number: int) -> bool:
        return self._facts.columns[occurrence.relation, number].is_not_null


def must_hold(block: Block, place: Place) -> bool:
    """Whether a row of the block matters only if a condition at `place` holds."""
    if place.join is not None and place.join.nullable:
        return False
    return not any(
        bool(place.leaves) and place.leaves <= side
        for join in block.joins
        if join is not place.join
        for side in join.nullable
    )


def on_side_of(join: Join, place: Place) -> frozenset[int] | None:
    """The side of an outer join that a condition at `place` is about alone; None: both sides."""
    if join is place.join:
        return next(iter(join.nullable), None)
    return next((side for side in join.nullable if place.leaves and place.leaves <= side), None)


def bare(expression: Node) -> Node:
    """Without changes of type that change no value."""
    while expression.tag == "RELABELTYPE":
        expression = expression.the("arg")
    return expression


def unaliased(expression: Node, block: Block) -> Node:
    """Replace a column of a join, or of GROUP BY, by the expression behind the column."""
    while expression.tag == "VAR":
        levels = expression.number("varlevelsup")
        home = block.outer(levels)
        stands_for = alias_of(home, expression.number("varno"), expression.number("varattno"))
        if stands_for is None:
            return expression
        if levels:
            if stands_for.tag != "VAR":
                return expression
            stands_for = stands_for.but(varlevelsup=str(stands_for.number("varlevelsup") + levels))
        expression = stands_for
    return expression


def is_over_several(arguments: list[Node]) -> bool:
    """Whether expressions stand on columns of more than one table."""
    found = {(each.number("varno"), each.number("varlevelsup")) for each in walk(list(arguments)) if each.tag == "VAR"}
    return len(found) > 1

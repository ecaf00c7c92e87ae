"""Where a query compares a column with the time: when the next of its values comes, the answer may change."""

import struct
import sys
from collections.abc import Iterator
from decimal import Decimal

from listener.mapping.watched import Moment
from listener.routes.blocks import Unclear
from listener.routes.expressions import Printing
from listener.routes.facts import Facts
from listener.routes.nodes import Node, walk
from listener.routes.scenario import Scenario

CLOCKS = ("now", "transaction_timestamp", "statement_timestamp", "clock_timestamp")
DATE, FINE = ("0",), ("3", "4", "7", "8")
"""CURRENT_DATE; CURRENT_TIMESTAMP and LOCALTIMESTAMP."""
CASTS = ("timestamp", "timestamptz")
TYPES = ("date", "timestamp without time zone", "timestamp with time zone")
COMPARISONS = ("<", "<=", ">", ">=")


def moments(facts: Facts, scenario: Scenario) -> Iterator[tuple[int, Moment]]:
    """Each with its relation; those alone that an index finds."""
    for condition in scenario.conditions:
        for compared in walk(condition.expression, into_queries=False):
            terms = _terms(facts, compared)
            clocks = [(sign, clock) for sign, each in terms if (clock := _clock(facts, each)) is not None]
            others = [(sign, each) for sign, each in terms if each.tag != "CONST" and _clock(facts, each) is None]
            added = [(sign, each) for sign, each in terms if each.tag == "CONST"]
            if [sign for sign, _ in clocks] != [-sign for sign, _ in others] or len(clocks) != 1 or len(added) > 1:
                continue
            ((sign, is_fine),), ((_, column),) = clocks, others
            offset = _offset(facts, added[0][1], added[0][0] * sign) if added else "0"
            try:
                side = Printing(facts, scenario.chosen).side(column, condition.scope, condition.output)
            except Unclear:
                continue
            relation, kind = side.occurrence.relation, facts.types[side.type].name
            if offset is None or kind not in TYPES or (relation, side.column) not in facts.indexed_columns:
                continue
            if is_fine or (kind == "date" and (offset == "0" or offset.endswith("days"))):
                yield relation, Moment(facts.columns[relation, side.column].name, kind, offset)


def _terms(facts: Facts, compared: Node) -> list[tuple[int, Node]]:
    """What is added on both sides of a comparison, as if all stood on the left; empty for any other expression."""
    arguments = compared.nodes("args")
    if compared.tag != "OPEXPR" or len(arguments) != 2 or not _is_one_of(facts, compared, COMPARISONS):
        return []
    return [*_sum(facts, arguments[0], 1), *_sum(facts, arguments[1], -1)]


def _sum(facts: Facts, node: Node, sign: int) -> Iterator[tuple[int, Node]]:
    arguments = node.nodes("args")
    if node.tag == "OPEXPR" and len(arguments) == 2 and _is_one_of(facts, node, ("+", "-")):
        yield from _sum(facts, arguments[0], sign)
        yield from _sum(facts, arguments[1], sign if _is_one_of(facts, node, ("+",)) else -sign)
    else:
        yield sign, node


def _is_one_of(facts: Facts, node: Node, names: tuple[str, ...]) -> bool:
    operator = facts.operators[node.number("opno")]
    return operator.schema == "pg_catalog" and operator.name in names


def _clock(facts: Facts, node: Node) -> bool | None:
    """Whether it tells the time of day; None if it is no clock."""
    arguments = node.nodes("args")
    if node.tag == "SQLVALUEFUNCTION" and node.text("op") in (*DATE, *FINE):
        return node.text("op") in FINE
    if node.tag == "FUNCEXPR":
        called = facts.procedures[node.number("funcid")]
        if called.schema != "pg_catalog":
            return None
        if not arguments and called.name in CLOCKS:
            return True
        if len(arguments) == 1 and called.name in CASTS:
            return _clock(facts, arguments[0])
        if len(arguments) == 1 and called.name == "date":
            return None if _clock(facts, arguments[0]) is None else False
    return None


def _offset(facts: Facts, node: Node, sign: int) -> str | None:
    """A constant number of days, or interval that is no mixture, as an interval."""
    kind, value = facts.types[node.number("consttype")].name, node.data("constvalue")
    if kind == "integer" and value:
        return f"{sign * int.from_bytes(value[:4], sys.byteorder, signed=True)} days"
    if kind != "interval" or not value:
        return None
    microseconds, days, months = struct.unpack("=qii", value[:16])
    # (In seconds: before Postgres 15 no field of an interval's text may be beyond 2,147,483,647.)
    parts = [(Decimal(microseconds) / 1_000_000, "seconds"), (days, "days"), (months, "months")]
    found = [f"{sign * number} {unit}" for number, unit in parts if number]
    return found[0] if len(found) == 1 else None

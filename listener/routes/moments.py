"""Where a query compares a column with the time: when the next of its values comes, the answer may change."""

import struct
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
            arguments = compared.nodes("args")
            if compared.tag != "OPEXPR" or len(arguments) != 2:
                continue
            operator = facts.operators[compared.number("opno")]
            if operator.schema != "pg_catalog" or operator.name not in COMPARISONS:
                continue
            for one, other in (arguments, reversed(arguments)):
                clock = _clock(facts, other)
                if clock is None:
                    continue
                try:
                    side = Printing(facts, scenario.chosen).side(
                        one, condition.scope or condition.block, condition.output
                    )
                except Unclear:
                    continue
                relation, kind = side.occurrence.relation, facts.types[side.type].name
                is_fine, offset = clock
                if (relation, side.column) in facts.indexed_columns and kind in TYPES and (is_fine or kind == "date"):
                    yield relation, Moment(facts.columns[relation, side.column].name, kind, offset)


def _clock(facts: Facts, node: Node) -> tuple[bool, str] | None:
    """Whether it tells the time of day, and what is added to it, as an interval; None if it is no clock."""
    arguments = node.nodes("args")
    if node.tag == "SQLVALUEFUNCTION" and node.text("op") in (*DATE, *FINE):
        return node.text("op") in FINE, "0"
    if node.tag == "FUNCEXPR":
        called = facts.procedures[node.number("funcid")]
        if called.schema != "pg_catalog":
            return None
        if not arguments and called.name in CLOCKS:
            return True, "0"
        if len(arguments) == 1 and called.name in CASTS:
            return _clock(facts, arguments[0])
        if len(arguments) == 1 and called.name == "date":
            clock = _clock(facts, arguments[0])
            return None if clock is None else (False, clock[1])
    if node.tag == "OPEXPR" and len(arguments) == 2:
        operator, (clock_side, added) = facts.operators[node.number("opno")], arguments
        clock = _clock(facts, clock_side)
        if clock == (True, "0") and operator.schema == "pg_catalog" and operator.name in ("+", "-"):
            offset = _interval(facts, added)
            return None if offset is None else (True, f"{operator.name}{offset}".replace("+", ""))
    return None


def _interval(facts: Facts, node: Node) -> str | None:
    """A constant one, that is no mixture."""
    if node.tag != "CONST" or node.is_true("constisnull") or facts.types[node.number("consttype")].name != "interval":
        return None
    microseconds, days, months = struct.unpack("=qii", node.data("constvalue")[:16])
    # (In seconds: before Postgres 15 no field of an interval's text may be beyond 2,147,483,647.)
    parts = [(Decimal(microseconds) / 1_000_000, "seconds"), (days, "days"), (months, "months")]
    found = [f"{number} {unit}" for number, unit in parts if number > 0]
    return found[0] if len(found) == 1 == sum(number != 0 for number, _ in parts) else None

"""Expressions of a query as SQL over a single row, where all columns are of the same occurrence."""

import sys
from collections.abc import Callable, Iterator

from listener.mapping.mapping import column as in_row
from listener.routes.blocks import Block, Crossing, Occurrence, Reference, Side, Unclear
from listener.routes.facts import Facts
from listener.routes.nodes import Node, walk
from listener.sql import identifier, literal

INTEGERS = {"smallint": 2, "integer": 4, "bigint": 8}
TEXTS = ("text", "character varying", "bpchar")
SAFE_CATEGORIES = "BENSUI"
"""Categories of types with the same text in every session: neither times nor intervals."""
UNSAFE = ("money", "bytea", "xml", "real", "double precision")
FOR_PEOPLE = {
    "AGGREF": "an aggregate",
    "WINDOWFUNC": "the value of a window function",
    "SUBLINK": "the value of a subquery",
    "CASEEXPR": "a CASE",
    "MINMAXEXPR": "GREATEST or LEAST",
    "PARAM": "the value of a subquery",
    "FIELDSELECT": "a field of a composite value",
    "SUBSCRIPTINGREF": "an element of an array, or of JSON,",
    "COLLATEEXPR": "COLLATE",
    "DEFAULT": "the default of an argument",
}
PLACEHOLDER = "listener_each"


Chosen = Callable[[Node, Block], Node]
"""Of a COALESCE over several tables, the chosen argument; any other expression unchanged."""

Printed = tuple[str, int]
"""SQL, and the type."""


class Printing:
    """Prints an expression, and collects the expression's columns and functions."""

    def __init__(self, facts: Facts, chosen: Chosen) -> None:
        self._facts = facts
        self._chosen = chosen
        self._references: list[Reference] = []
        self._sets: dict[str, str] = {}
        """Functions with several results: key and call of each."""
        self._columns: set[int] = set()

    def side(self, expression: Node, block: Block, output: Block | None = None, *, of_array: bool = False) -> Side:
        """Raises Unclear. Parameters stand for columns of `output`; with `of_array`, each element counts."""
        text, kind = self._print(expression, block, output, ())
        return self._finished(text, kind, of_array=of_array)

    def side_of_output(self, block: Block, number: int) -> Side:
        """An output column of a block. Raises Unclear."""
        text, kind = self._output(block, number, ())
        return self._finished(text, kind, of_array=False)

    def _finished(self, text: str, kind: int, *, of_array: bool) -> Side:
        if len({each.occurrence for each in self._references}) != 1:
            raise Unclear("an expression over several tables, or none")
        element = self._facts.types[kind].element if of_array else kind
        if self._sets:
            if of_array or len(self._sets) > 1:
                raise Unclear("several functions that give several rows")
            (call,) = self._sets.values()
            text = f"array(select {text} from {call} as {PLACEHOLDER}(value))"
        if element not in self._facts.types:
            raise Unclear("a type that is not known")
        column = next(iter(self._columns)) if plain(text) == self._only_column() else 0
        return Side(text, element, of_array or bool(self._sets), self._references, column)

    def _only_column(self) -> str:
        if len(self._columns) != 1:
            return ""
        occurrence = self._references[0].occurrence
        return in_row(self._facts.columns[occurrence.relation, next(iter(self._columns))].name)

    def _output(self, block: Block, number: int, crossings: tuple[Crossing, ...]) -> Printed:
        crossings = (*crossings, Crossing(block, number))
        if block.is_set:
            return self._output(block.below[block.branch], number, crossings)
        expression = self._chosen(block.column(number).the("expr"), block)
        return self._print(expression, block, None, crossings)

    def _column(self, node: Node, block: Block, crossings: tuple[Crossing, ...]) -> Printed:
        found = block.outer(node.number("varlevelsup"))
        leaf, number = node.number("varno"), node.number("varattno")
        if leaf in found.arguments:
            arguments, scope = found.arguments[leaf]
            if number > len(arguments):
                raise Unclear(FOR_PEOPLE["DEFAULT"])
            return self._print(arguments[number - 1], scope, None, crossings)
        if leaf in found.occurrences:
            return self._of_table(found.occurrences[leaf], number, crossings, found)
        if leaf in found.below:
            return self._output(found.below[leaf], number, crossings)
        if leaf in found.functions:
            return self._of_function(found, leaf, number, crossings)
        stands_for = alias_of(found, leaf, number)
        if stands_for is None:
            raise Unclear("a column of something that is not in FROM")
        return self._print(stands_for, found, None, crossings)

    def _of_table(self, occurrence: Occurrence, number: int, crossings: tuple[Crossing, ...], block: Block) -> Printed:
        if number < 1:
            raise Unclear("a row as a whole")
        self._references.append(Reference(occurrence, crossings, block, occurrence.leaf))
        self._columns.add(number)
        found = self._facts.columns[occurrence.relation, number]
        return in_row(found.name), found.type

    def _of_function(self, block: Block, leaf: int, number: int, crossings: tuple[Crossing, ...]) -> Printed:
        """A column of a function in FROM belongs to the occurrence of the arguments."""
        functions = block.functions[leaf].nodes("functions")
        call = functions[0].node("funcexpr") if len(functions) == 1 else None
        if call is None or call.tag != "FUNCEXPR" or number != 1 or functions[0].has("funccolnames"):
            raise Unclear("a function or VALUES in FROM")
        before = len(self._references)
        printed = self._set(call, block, crossings, f"{block.path} {leaf}")
        # The call has a leaf, too, which may be on the side of an outer join that has no rows.
        of_call = {each.occurrence for each in self._references[before:]}
        self._references += [Reference(each, crossings, block, leaf) for each in of_call]
        return printed

    def _set(self, call: Node, block: Block, crossings: tuple[Crossing, ...], key: str) -> Printed:
        procedure = self._facts.procedures.get(call.number("funcid"))
        if procedure is None or not procedure.is_immutable or not procedure.is_scalar:
            raise Unclear("a function that gives several rows")
        self._check_reads_nothing(call)
        arguments = [self._print(each, block, None, crossings)[0] for each in call.nodes("args")]
        if self._sets and key not in self._sets:
            raise Unclear("several functions that give several rows")
        self._sets[key] = f"{_function(procedure.schema, procedure.name)}({', '.join(arguments)})"
        return f"{PLACEHOLDER}.value", call.number("funcresulttype")

    def _print(self, node: Node, block: Block, output: Block | None, crossings: tuple[Crossing, ...]) -> Printed:
        def inner(each: Node) -> str:
            return self._print(each, block, output, crossings)[0]

        tag = node.tag
        if tag == "VAR":
            return self._column(node, block, crossings)
        if tag == "PARAM" and node.text("paramkind") == "2" and output is not None:
            return self._output(output, node.number("paramid"), crossings)
        if tag == "RELABELTYPE":
            kind = node.number("resulttype")
            return f"({inner(node.the('arg'))})::{self._type(kind)}", kind
        if tag == "COERCEVIAIO":
            return self._converted(node, block, output, crossings)
        if tag == "FUNCEXPR":
            if node.is_true("funcretset"):
                return self._set(node, block, crossings, f"{block.path} {id(node)}")
            return self._called(node, map(inner, node.nodes("args")))
        if tag == "OPEXPR":
            return self._operated(node, [inner(each) for each in node.nodes("args")])
        if tag == "COALESCEEXPR":
            arguments = ", ".join(map(inner, node.nodes("args")))
            return f"coalesce({arguments})", node.number("coalescetype")
        if tag == "ARRAYEXPR" and not node.is_true("multidims"):
            elements = ", ".join(map(inner, node.nodes("elements")))
            kind = node.number("array_typeid")
            return f"array[{elements}]::{self._type(kind)}", kind
        if tag == "NULLIFEXPR":
            self._immutable_operator(node)
            one, other = map(inner, node.nodes("args"))
            return f"nullif({one}, {other})", node.number("opresulttype")
        if tag == "CONST":
            return self._constant(node), node.number("consttype")
        raise Unclear(FOR_PEOPLE.get(tag, "an expression of a kind that is not followed"))

    def _converted(self, node: Node, block: Block, output: Block | None, crossings: tuple[Crossing, ...]) -> Printed:
        """Through text, which for some types differs from session to session."""
        text, before = self._print(node.the("arg"), block, output, crossings)
        after = node.number("resulttype")
        if not all(is_safe_as_text(self._facts, each) for each in (before, after)):
            raise Unclear("a conversion that depends on the session")
        return f"({text})::{self._type(after)}", after

    def _called(self, node: Node, arguments: Iterator[str]) -> Printed:
        procedure = self._facts.procedures.get(node.number("funcid"))
        if procedure is None or not procedure.is_immutable or node.is_true("funcvariadic"):
            raise Unclear("a function whose answer may change")
        self._check_reads_nothing(node)
        text = f"{_function(procedure.schema, procedure.name)}({', '.join(arguments)})"
        return text, node.number("funcresulttype")

    def _check_reads_nothing(self, call: Node) -> None:
        if call.number("funcid") in self._facts.functions and _reads(self._facts, call.number("funcid")):
            raise Unclear("a function that reads tables")

    def _operated(self, node: Node, arguments: list[str]) -> Printed:
        operator = self._immutable_operator(node)
        text = f"({arguments[0]} {operator} {arguments[1]})" if len(arguments) == 2 else f"({operator} {arguments[0]})"
        return text, node.number("opresulttype")

    def _immutable_operator(self, node: Node) -> str:
        operator = self._facts.operators[node.number("opno")]
        if not operator.is_immutable:
            raise Unclear("an operator whose answer may change")
        return written_operator(self._facts, node.number("opno"))

    def _constant(self, node: Node) -> str:
        kind = self._type(node.number("consttype"))
        if node.is_true("constisnull"):
            return f"null::{kind}"
        value = node.data("constvalue")
        if kind in INTEGERS:
            number = int.from_bytes(value[: INTEGERS[kind]], sys.byteorder, signed=True)
            return f"({number})::{kind}"
        if kind == "boolean":
            return "true" if value[0] else "false"
        if kind in TEXTS and sys.byteorder == "little":
            content = value[1:] if value[0] & 1 else value[4:]
            return f"{literal(content.decode())}::{kind}"
        raise Unclear(f"a constant of type {kind}")

    def _type(self, number: int) -> str:
        found = self._facts.types.get(number)
        if found is None:
            raise Unclear("a type that is not known")
        return found.name


def over_row(facts: Facts, expression: Node, relation: int) -> str | None:
    """An index's expression over a row of the table, printed like a query's; None if not printable."""
    row = Block(Node("ROW", {}))
    row.occurrences[1] = Occurrence(0, relation, row, 1)
    try:
        return Printing(facts, lambda each, _: each).side(expression, row).text
    except Unclear:
        return None


def plain(text: str) -> str:
    """A column without a change of type that changes no value, `({row}."id")::text`: the column's index serves."""
    head, _, _ = text.partition(")::")
    return head[1:] if text.startswith('({row}."') and "(" not in head[1:] else text


def alias_of(block: Block, leaf: int, number: int) -> Node | None:
    """The expression behind a column of a join, or of GROUP BY."""
    if block.is_test or leaf < 1:
        return None
    entry = block.entry(leaf)
    names = {"2": "joinaliasvars", "9": "groupexprs"}
    name = names.get(entry.text("rtekind"))
    aliases = entry.fields.get(name) if name is not None else None
    found = aliases[number - 1] if isinstance(aliases, list) else None  # None, of a column that was dropped
    return found if isinstance(found, Node) else None


def written_operator(facts: Facts, number: int) -> str:
    operator = facts.operators[number]
    return f"operator({identifier(operator.schema)}.{operator.name})"


def is_safe_as_text(facts: Facts, kind: int) -> bool:
    """Whether a value's text says the same in every session."""
    found = facts.types.get(kind)
    return found is not None and found.category in SAFE_CATEGORIES and found.base_name not in UNSAFE


def _function(schema: str, name: str) -> str:
    return f"{identifier(schema)}.{identifier(name)}"


def _reads(facts: Facts, function: int) -> bool:
    """Whether a function in SQL has a table in its body."""
    own = facts.functions[function]
    found = (each.number("relid") for each in walk(facts.trees[own]) if each.tag == "RANGETBLENTRY")
    return any(relation not in (0, own) for relation in found)

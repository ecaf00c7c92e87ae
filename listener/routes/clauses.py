"""The clauses of a query, by Postgres's letters, and questions about a single clause."""

from listener.routes.blocks import Place
from listener.routes.facts import Facts
from listener.routes.nodes import Node, walk
from listener.routes.nulls import bare

LEFT, FULL, RIGHT = "1", "2", "3"
EXISTS, ALL, ANY, SCALAR, ARRAY = "0", "1", "2", "4", "6"
KINDS_OF_SUBQUERY = (EXISTS, ALL, ANY, SCALAR, ARRAY)
RELATION, SUBQUERY, FUNCTION, VALUES, CTE, RESULT = "0", "1", "3", "5", "6", "8"
TABLE_FUNCTION = "4"
BELOW_OR = (
    "EXISTS or IN that is no condition by itself (below OR, say) may be answered by the whole table; write it as UNION,"
    " or as (select true from … where … limit 1)"
)
NOT_IN = "NOT IN or ALL is answered by the whole table; write it as NOT EXISTS"
VALUE = "a subquery is computed as a whole before its value is compared"
DEFAULT = Node("DEFAULT", {})
Needed = tuple[Place, Node, int]
"""The place of a comparison, the comparison, and the argument that is a subquery, by number."""


def that_must_hold(facts: Facts, conditions: list[tuple[Node, Place]]) -> dict[int, Place | Needed]:
    """The subqueries that must hold, by number: EXISTS, IN, `= ANY`, `= (SELECT …)` as separate conditions."""
    found: dict[int, Place | Needed] = {}

    def is_equality(expression: Node) -> bool:
        return facts.operators[expression.number("opno")].is_equality

    for expression, place in conditions:
        if expression.tag == "SUBLINK" and expression.text("subLinkType") in (EXISTS, ANY):
            found[id(expression)] = place
        if expression.tag == "OPEXPR":
            sides = [bare(each) for each in expression.nodes("args")]
            links = [each.tag == "SUBLINK" for each in sides]
            if len(sides) == 2 and links.count(True) == 1 and is_equality(expression):
                argument = links.index(True)
                if sides[argument].text("subLinkType") == SCALAR:
                    found[id(sides[argument])] = (place, expression, argument)
        if expression.tag == "SCALARARRAYOPEXPR" and expression.is_true("useOr") and is_equality(expression):
            array = bare(expression.nodes("args")[1])
            if array.tag == "SUBLINK" and array.text("subLinkType") == ARRAY:
                # Each element is a row of the subquery.
                found[id(array)] = (place, Node("OPEXPR", expression.fields), 1)
    return found


def denied(conditions: list[tuple[Node, Place]]) -> set[int]:
    """Subqueries that stand as NOT EXISTS, by number."""
    return {
        id(argument)
        for expression, _ in conditions
        if expression.tag == "BOOLEXPR" and expression.text("boolop") == "not"
        for argument in expression.nodes("args")
        if argument.tag == "SUBLINK" and argument.text("subLinkType") == EXISTS
    }


def arguments_leaf(tree: Node) -> int:
    """The leaf that stands for a function's arguments (see `facts`)."""
    entries = tree.nodes("rtable")
    return next(leaf for leaf, each in enumerate(entries, 1) if each.text("rtekind") == SUBQUERY)


def arguments_of(call: Node) -> list[Node]:
    """The arguments of a call, in the function's order; of a default, DEFAULT or nothing."""
    found = call.nodes("args")
    named = {each.number("argnumber"): each.the("arg") for each in found if each.tag == "NAMEDARGEXPR"}
    plain = [each for each in found if each.tag != "NAMEDARGEXPR"]
    return [*plain, *(named.get(place, DEFAULT) for place in range(len(plain), max(named, default=-1) + 1))]


def carried(step: Node) -> set[int]:
    """Columns that a step of WITH RECURSIVE hands on unchanged."""
    found = set()
    for each in step.nodes("targetList"):
        column = bare(each.the("expr"))
        if column.tag == "VAR" and column.number("varlevelsup") == 0:
            entry = step.nodes("rtable")[column.number("varno") - 1]
            if entry.is_true("self_reference") and column.number("varattno") == each.number("resno"):
                found.add(each.number("resno"))
    return found


def is_worth_it(expression: Node) -> bool:
    """Whether each side of an OR compares, and the OR is over more than two tables."""
    compares = (
        any(each.tag == "OPEXPR" for each in walk(side, into_queries=False)) for side in expression.nodes("args")
    )
    tables = {
        (each.number("varno"), each.number("varlevelsup") > 0)
        for each in walk(expression, into_queries=False)
        if each.tag == "VAR"
    }
    return all(compares) and len(tables) > 2


def is_plain(link: Node) -> bool:
    """Whether Postgres may answer an EXISTS by a table of all rows, instead of a look for each row."""
    query = link.the("subselect")
    parts = ("setOperations", "groupClause", "groupingSets", "havingQual", "cteList")
    flags = ("hasAggs", "hasWindowFuncs", "hasTargetSRFs")
    return not any(map(query.has, parts)) and not any(map(query.is_true, flags))

"""A query taken apart into blocks, occurrences and conditions.

A scenario is the query with a single branch of each UNION, a single argument of each COALESCE over several tables, and
a single side of each OR over more than two. All that a row leads to in the query is in some scenario.
"""

from listener.routes.blocks import Block, Condition, Occurrence, Place, Standing, Unclear
from listener.routes.clauses import (
    ALL,
    ANY,
    BELOW_OR,
    CTE,
    EXISTS,
    FUNCTION,
    KINDS_OF_SUBQUERY,
    NOT_IN,
    RELATION,
    RESULT,
    SUBQUERY,
    TABLE_FUNCTION,
    VALUE,
    VALUES,
    Needed,
    arguments_leaf,
    arguments_of,
    carried,
    is_plain,
    is_worth_it,
)
from listener.routes.facts import Facts
from listener.routes.nodes import Node, walk
from listener.routes.nulls import Nulls, bare, is_over_several, unaliased
from listener.routes.select import Select

Choice = tuple[str, int, tuple[int, ...]]
"""A point of choice: kind, node and path."""
KEY, COURSE = 1, 2
"""The query's columns: rows without either do not matter."""
DEEPEST = 400


class Scenario:
    def __init__(self, facts: Facts, choices: dict[Choice, int]) -> None:
        """Raises Unclear if the query has something that is not known here."""
        self._facts = facts
        self._choices = choices
        self.sizes: dict[Choice, int] = {}
        """The number of alternatives at each point of choice."""
        self.occurrences: list[Occurrence] = []
        self.conditions: list[Condition] = []
        self.repeated: set[int] = set()
        """Relations that WITH RECURSIVE reads again and again."""
        self._monotone: set[int] = set()
        self._blocks = 0
        self.nulls = Nulls(facts, self.chosen)
        self.top = self._block(facts.trees[facts.top], Block(Node("NONE", {})), not_null={KEY, COURSE})

    def _choose(self, choice: Choice, size: int) -> int:
        self.sizes[choice] = size
        return self._choices.get(choice, 0)

    def chosen(self, expression: Node, block: Block) -> Node:
        """Of a COALESCE over several tables, the argument that the scenario has chosen."""
        found = unaliased(bare(expression), block)
        if found.tag != "COALESCEEXPR":
            return expression
        arguments = found.nodes("args")
        if not is_over_several(arguments):
            return expression
        return arguments[self._choose(("coalesce", id(found), block.path), len(arguments))]

    def _block(self, query: Node, block: Block, *, not_null: set[int], mark: int = 0, recursive: bool = False) -> Block:
        """Fill in a block with a known place."""
        self._blocks += 1
        if self._blocks > DEEPEST:
            raise Unclear("a query of too many parts")
        if query.text("commandType") != "1":
            raise Unclear("something that is no SELECT")
        block.query, block.not_null = query, set(not_null)
        block.path = (*(block.above.path if block.above else ()), block.leaf, mark)
        if query.has("setOperations"):
            self._branches(block, recursive=recursive)
            Select(self, self._facts, block).fill_limit()
        else:
            Select(self, self._facts, block).fill()
        return block

    def _branches(self, block: Block, *, recursive: bool) -> None:
        """Of UNION, INTERSECT and EXCEPT a single branch stands for the query; of WITH RECURSIVE the first."""
        leaves = [
            each.number("rtindex")
            for each in walk(block.query.node("setOperations"), into_queries=False)
            if each.tag == "RANGETBLREF"
        ]
        if recursive:
            step = block.entry(leaves[-1]).the("subquery")
            if step.has("setOperations") or len(leaves) != 2:
                raise Unclear("WITH RECURSIVE of several parts")
            block.carried = carried(step)
            for each in walk(step):
                if each.tag == "RANGETBLENTRY" and each.text("rtekind") == RELATION:
                    if each.text("relkind") == "v":
                        raise Unclear("WITH RECURSIVE over a view")
                    self.repeated.add(each.number("relid"))
                if each.text("rtekind") == CTE and each.tag == "RANGETBLENTRY" and not each.is_true("self_reference"):
                    raise Unclear("WITH RECURSIVE over another WITH")
            if any(each.tag == "FUNCEXPR" and each.number("funcid") in self._facts.functions for each in walk(step)):
                raise Unclear("WITH RECURSIVE over a function")
            block.branch = leaves[0]
        else:
            block.branch = leaves[self._choose(("union", id(block.query), block.path), len(leaves))]
        self.leaf(block, block.branch, block.not_null)

    def leaf(self, block: Block, leaf: int, not_null: set[int]) -> None:
        """Fill in a leaf of FROM."""
        entry = block.entry(leaf)
        kind = entry.text("rtekind")
        if leaf in block.arguments:
            return
        if entry.has("tablesample"):
            raise Unclear("TABLESAMPLE")
        if kind == RELATION and entry.text("relkind") == "v":
            view = entry.number("relid")
            below = Block(Node("NONE", {}), above=block, leaf=leaf, is_barrier=view in self._facts.barriers)
            block.below[leaf] = self._block(self._facts.trees[view], below, not_null=not_null)
        elif kind == RELATION:
            occurrence = Occurrence(len(self.occurrences), entry.number("relid"), block, leaf)
            block.occurrences[leaf] = occurrence
            self.occurrences.append(occurrence)
        elif kind == SUBQUERY:
            below = Block(Node("NONE", {}), scope=block, above=block, leaf=leaf)
            below.is_barrier = entry.is_true("security_barrier")
            block.below[leaf] = self._block(entry.the("subquery"), below, not_null=not_null)
        elif kind == CTE:
            self._with(block, leaf, entry, not_null)
        elif kind == FUNCTION:
            self._function(block, leaf, entry, not_null)
        elif kind in (VALUES, RESULT):
            block.functions[leaf] = entry
        else:
            raise Unclear("XMLTABLE or JSON_TABLE" if kind == TABLE_FUNCTION else "something unknown in FROM")

    def _with(self, block: Block, leaf: int, entry: Node, not_null: set[int]) -> None:
        home = block.outer(entry.number("ctelevelsup"))
        name = entry.text("ctename")
        defined = next(each for each in home.query.nodes("cteList") if each.text("ctename") == name)
        if entry.is_true("self_reference"):
            raise Unclear("WITH RECURSIVE")
        below = Block(Node("NONE", {}), scope=home, above=block, leaf=leaf)
        is_merged = defined.text("ctematerialized") == "2" or (
            defined.text("ctematerialized") == "0" and defined.number("cterefcount") < 2
        )
        if defined.is_true("cterecursive"):
            below.origin = below.hides = "WITH RECURSIVE"
        elif not is_merged:
            below.origin = f"WITH {name}, which is computed as a whole for being read twice, or MATERIALIZED,"
        query = defined.the("ctequery")
        block.below[leaf] = self._block(query, below, not_null=not_null, recursive=defined.is_true("cterecursive"))

    def _function(self, block: Block, leaf: int, entry: Node, not_null: set[int]) -> None:
        """A function in FROM: the body is a subquery, if readable."""
        functions = entry.nodes("functions")
        call = functions[0].node("funcexpr") if len(functions) == 1 else None
        number = 0 if call is None else call.number("funcid")
        is_numbered = entry.is_true("funcordinality")  # a row's number depends on all rows
        if call is None or call.tag != "FUNCEXPR" or is_numbered or number not in self._facts.functions:
            block.functions[leaf] = entry
            return
        tree = self._facts.trees[self._facts.functions[number]]
        below = Block(Node("NONE", {}), above=block, leaf=leaf)
        below.arguments[arguments_leaf(tree)] = (arguments_of(call), block)
        below.is_merged = self._facts.procedures[number].is_merged
        if not below.is_merged:
            below.origin = f"function {self._facts.procedures[number].name}, which answers as a whole,"
        block.below[leaf] = self._block(tree, below, not_null=not_null)

    def call(self, call: Node, block: Block) -> None:
        """A function in an expression: the body is a subquery that is looked up."""
        tree = self._facts.trees[self._facts.functions[call.number("funcid")]]
        below = Block(Node("NONE", {}), above=block, stands=Standing(Place(frozenset())))
        below.arguments[arguments_leaf(tree)] = (arguments_of(call), block)
        self._block(tree, below, not_null=set(), mark=id(call))

    def add(
        self, expression: Node, block: Block, place: Place, scope: Block | None = None, output: Block | None = None
    ) -> None:
        """A condition; of a COALESCE over several tables with the argument that is chosen."""
        where = scope or block
        arguments = expression.nodes("args")
        if expression.tag == "OPEXPR" and len(arguments) == 2:
            chosen = [self.chosen(each, where) for each in arguments]
            if any(one is not other for one, other in zip(chosen, arguments, strict=True)):
                expression = expression.but(args=list(chosen))
        self.conditions.append(Condition(expression, block, place, where, output))

    def subquery(self, link: Node, block: Block, needed: "Place | Needed | None", *, is_denied: bool) -> None:
        """EXISTS and scalar subqueries are blocks; IN, ALL and `= (SELECT …)` are blocks with a comparison around.
        `needed`: the place where the subquery must hold, if any; `is_denied`: whether the subquery stands as NOT
        EXISTS."""
        kind, test = link.text("subLinkType"), link.node("testexpr")
        place, comparison, argument = needed if isinstance(needed, tuple) else (needed, None, 0)
        if kind not in KINDS_OF_SUBQUERY:
            raise Unclear("a comparison of rows")
        standing = Standing(
            place or Place(frozenset()),
            place is not None,
            is_looked_up=place is not None or is_denied or kind != EXISTS or not is_plain(link),
            is_joined=place is not None and kind in (EXISTS, ANY),
            obstacle=self._obstacle(link),
        )
        if test is None and comparison is None:
            below = Block(Node("NONE", {}), scope=block, above=block, stands=standing)
            self._block(link.the("subselect"), below, not_null=set(), mark=id(link))
            return
        around = Block(Node("NONE", {}), scope=block, above=block, stands=standing, is_test=True)
        around.path = (*block.path, -1, id(link))
        below = Block(Node("NONE", {}), scope=block, above=around, leaf=1)
        not_null = {1} if place is not None else set()
        around.below[1] = self._block(link.the("subselect"), below, not_null=not_null, mark=id(link))
        if comparison is not None:
            output = Node("PARAM", {"paramkind": "2", "paramid": "1"})
            arguments = comparison.nodes("args")
            test = comparison.but(args=[output if each == argument else one for each, one in enumerate(arguments)])
        elif kind == ALL and test is not None:
            test = self._opposite(test)
        if test is None:
            return
        tests = test.nodes("args") if test.tag == "BOOLEXPR" and test.text("boolop") == "and" else [test]
        if place is None and not (kind == ANY and id(link) in self._monotone):
            # NOT IN, and <> ALL: a null on either side decides about all other rows.
            if kind not in (ALL, ANY):
                return
            parts = test.nodes("args") if test.tag == "BOOLEXPR" else [test]
            below = around.below[1]
            if not all(
                each.tag == "OPEXPR" and self.nulls.is_never_null(side, block, below, self.conditions)
                for each in parts
                for side in each.nodes("args")
            ):
                below.hides = "NOT IN or ALL, where a null decides about all others (not so with NOT EXISTS),"
                return
        for each in tests:
            self.add(each, around, Place(frozenset([1])), block, around.below[1])

    def _obstacle(self, link: Node) -> str:
        """Why Postgres may read all rows of a subquery's tables, if rows are not looked up."""
        kind = link.text("subLinkType")
        if kind == EXISTS or (kind == ANY and id(link) in self._monotone):
            return BELOW_OR
        return NOT_IN if kind in (ANY, ALL) else VALUE

    def _opposite(self, test: Node) -> Node | None:
        """`<> ALL` is a NOT of `= ANY`."""
        if test.tag != "OPEXPR":
            return None
        opposite = self._facts.operators[test.number("opno")].opposite
        return test.but(opno=str(opposite)) if opposite in self._facts.operators else None

    def mark_monotone(self, expression: Node | None) -> None:
        """Mark subqueries below AND and OR alone: a row there can only bring rows."""
        if expression is None:
            return
        if expression.tag == "BOOLEXPR" and expression.text("boolop") != "not":
            for each in expression.nodes("args"):
                self.mark_monotone(each)
        elif expression.tag == "SUBLINK":
            self._monotone.add(id(expression))

    def side_of_or(self, expression: Node, block: Block) -> Node | None:
        """The chosen side of an OR over more than two tables; None for any other expression."""
        if expression.tag != "BOOLEXPR" or expression.text("boolop") != "or" or not is_worth_it(expression):
            return None
        sides = expression.nodes("args")
        return sides[self._choose(("or", id(expression), block.path), len(sides))]

"""The parts of a query: a block for each SELECT, an occurrence for each table in each FROM."""

from dataclasses import dataclass, field

from listener.routes.nodes import Node, walk


class Unclear(Exception):
    """A part of a query that does not say how rows lead to other rows; the text names the part, for people."""


@dataclass(eq=False)
class Block:
    """A SELECT, at a place of the query. A view that is read twice is two blocks."""

    query: Node
    scope: "Block | None" = None
    """The block in which columns of the outer query are found."""
    above: "Block | None" = None
    """The outer block, where the block stands in FROM, as `leaf`; or as a subquery in an expression, and `stands` says
    how."""
    leaf: int = 0
    stands: "Standing | None" = None
    path: tuple[int, ...] = ()
    """Tells two uses of a query apart."""
    arguments: dict[int, tuple[list[Node], "Block"]] = field(default_factory=dict)
    """Of a function's body: the leaf that stands for the arguments, which are expressions in another block."""
    is_merged: bool = False
    """Of a function's body: whether Postgres inlines the body into the query with the function in FROM."""
    below: dict[int, "Block"] = field(default_factory=dict)
    """The subqueries in FROM, by leaf."""
    occurrences: dict[int, "Occurrence"] = field(default_factory=dict)
    functions: dict[int, Node] = field(default_factory=dict)
    """The rest of FROM: functions, VALUES."""
    joins: list["Join"] = field(default_factory=list)
    not_null: set[int] = field(default_factory=set)
    """Output columns without which a row does not matter."""
    carried: set[int] | None = None
    """Of WITH RECURSIVE: the columns that each step hands on unchanged."""
    branch: int = 0
    """Of UNION, INTERSECT and EXCEPT: the leaf that stands for all."""
    is_test: bool = False
    """Whether the block is made up, to hold the comparison of an IN."""
    origin: str = ""
    """The block's name for people, if Postgres computes the block as a whole."""
    hides: str = ""
    """Why the block's rows lead to no rows around, for people."""
    is_barrier: bool = False
    """Whether the block takes no condition from outside."""

    def entry(self, leaf: int) -> Node:
        """The entry at a leaf of FROM."""
        return self.query.nodes("rtable")[leaf - 1]

    def outer(self, levels: int) -> "Block":
        """The block of a column from `levels` queries further out."""
        found = self
        for _ in range(levels):
            if found.scope is None:
                raise Unclear("a column of another query")
            found = found.scope
        return found

    def leaf_of(self, occurrence: "Occurrence") -> int | None:
        """The leaf of FROM that is the occurrence, or has the occurrence below."""
        block, leaf = occurrence.block, occurrence.leaf
        while block is not self:
            if block.stands is not None or block.above is None:
                return None
            block, leaf = block.above, block.leaf
        return leaf

    @property
    def is_set(self) -> bool:
        return self.query.has("setOperations")

    def column(self, number: int) -> Node:
        """The expression of an output column."""
        for each in self.query.nodes("targetList"):
            if each.number("resno") == number:
                return each
        raise Unclear("a column of a row as a whole")


@dataclass(eq=False)
class Occurrence:
    """A table at a place of the query. Each occurrence is followed separately."""

    number: int
    relation: int
    block: Block
    leaf: int

    @property
    def alias(self) -> str:
        """The name in the query."""
        found = self.block.entry(self.leaf).node("eref")
        return "" if found is None else found.text("aliasname")


@dataclass(eq=False)
class Join:
    left: frozenset[int]
    right: frozenset[int]
    nulls_left: bool
    """Whether rows without a partner have nulls in place of the left side's columns."""
    nulls_right: bool

    @property
    def nullable(self) -> list[frozenset[int]]:
        sides = ((self.nulls_left, self.left), (self.nulls_right, self.right))
        return [side for may_be_null, side in sides if may_be_null]

    @property
    def is_full(self) -> bool:
        return self.nulls_left and self.nulls_right


@dataclass(eq=False)
class Place:
    """The place of a condition: the leaves below, and the join if the condition is an ON."""

    leaves: frozenset[int]
    join: Join | None = None


@dataclass(eq=False)
class Standing:
    """How a subquery stands in an expression."""

    place: Place
    must_hold: bool = False
    """Whether rows matter only if the subquery has rows."""
    is_looked_up: bool = True
    """Whether conditions in the subquery find the rows for each row around, however the planner decides."""
    is_joined: bool = False
    """Whether the comparison of an IN finds the rows, too."""
    obstacle: str = ""
    """Otherwise: the obstacle, and a better form of the query."""


@dataclass(frozen=True)
class Crossing:
    """A column that comes out of a block."""

    block: Block
    column: int


@dataclass(eq=False)
class Reference:
    """A column of an occurrence, in an expression that stands elsewhere."""

    occurrence: Occurrence
    crossings: tuple[Crossing, ...]
    """The blocks that the column came out of, from the outermost."""
    block: Block
    """The block in which the column was last a column of FROM, at `leaf`."""
    leaf: int


@dataclass(eq=False)
class Side:
    """A side of an equality: an expression over one occurrence, with the row written as `{row}`."""

    text: str
    type: int
    each: bool
    """Whether the side is an array, of which each element counts."""
    references: list[Reference]
    column: int = 0
    """The number of the column, if the side is a plain column."""

    @property
    def occurrence(self) -> Occurrence:
        return self.references[0].occurrence


@dataclass(eq=False)
class Condition:
    """A condition that must hold at a place of the query."""

    expression: Node
    block: Block
    place: Place
    scope: Block
    """The block in which columns are found."""
    output: Block | None = None
    """The subquery whose output the comparison of an IN is about."""
    sides: tuple[Side, Side] | None = None
    """The sides of an equality between two occurrences."""
    obstacle: str = ""
    """Why an equality has no such sides, for people."""
    operator: str = ""
    """The operator, in SQL."""

    @property
    def occurrences(self) -> tuple[Occurrence, ...]:
        return () if self.sides is None else tuple(each.occurrence for each in self.sides)

    def mentions(self, occurrence: Occurrence) -> bool:
        """Whether a column stands in the expression, maybe by way of subqueries in FROM."""
        columns = [each for each in walk(self.expression, into_queries=False) if each.tag == "VAR"]
        if self.output is not None and self.output.leaf_of(occurrence) is not None:
            return True
        return any(
            self.scope.outer(each.number("varlevelsup")).leaf_of(occurrence) == each.number("varno") for each in columns
        )

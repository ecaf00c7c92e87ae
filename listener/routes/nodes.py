"""Postgres's stored parse trees (`pg_rewrite.ev_action`), read into nodes.

The text is of Postgres 13 to 18: names of nodes and fields differ a little, and are made alike here.
"""

import re
from collections.abc import Iterator
from typing import TypeAlias

TOKEN = re.compile(r"[(){}]|(?:\\.|[^\s(){}\\])+", re.DOTALL)
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
NEWER_NAMES = {
    "RTE": "RANGETBLENTRY",
    "COALESCE": "COALESCEEXPR",
    "CASE": "CASEEXPR",
    "WHEN": "CASEWHEN",
    "ROW": "ROWEXPR",
    "ARRAY": "ARRAYEXPR",
    "COLLATE": "COLLATEEXPR",
    "MINMAX": "MINMAXEXPR",
}
"""Nodes' full names, by the shorter names of Postgres 13 to 15."""
KINDS_OF_LIST = ("i", "o", "b", "x")

Value: TypeAlias = "Node | list[Value] | bytes | str | None"


class Node:
    """A node of a tree. Nodes are compared by identity."""

    __slots__ = ("fields", "tag")

    def __init__(self, tag: str, fields: "dict[str, Value]") -> None:
        self.tag = tag
        self.fields = fields

    def but(self, **fields: Value) -> "Node":
        """A copy with other fields."""
        return Node(self.tag, self.fields | fields)

    def node(self, name: str) -> "Node | None":
        found = self.fields.get(name)
        return found if isinstance(found, Node) else None

    def the(self, name: str) -> "Node":
        """A node that must be there."""
        found = self.fields[name]
        assert isinstance(found, Node)
        return found

    def nodes(self, name: str) -> "list[Node]":
        """The nodes of a list; empty if the field is not there."""
        found = self.fields.get(name)
        return [each for each in found if isinstance(each, Node)] if isinstance(found, list) else []

    def number(self, name: str) -> int:
        """0 if the field is not there."""
        found = self.fields.get(name)
        return int(found) if isinstance(found, str) else 0

    def text(self, name: str) -> str:
        found = self.fields.get(name)
        return found if isinstance(found, str) else ""

    def is_true(self, name: str) -> bool:
        return self.fields.get(name) == "true"

    def has(self, name: str) -> bool:
        """Whether there is anything: a node, a list, a value."""
        return self.fields.get(name) is not None

    def data(self, name: str) -> bytes:
        found = self.fields.get(name)
        return found if isinstance(found, bytes) else b""


def parse(text: str) -> list[Node]:
    """The queries of a rule's action: a single query, for a view."""
    found = _Reader(text).value()
    assert isinstance(found, list)
    return [each for each in found if isinstance(each, Node)]


def parse_expressions(text: str) -> list[Node]:
    """The expressions of an index."""
    found = _Reader(text).value()
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, Node)]


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = TOKEN.findall(text)
        self._place = 0

    def _next(self) -> str:
        token: str = self._tokens[self._place]
        self._place += 1
        return token

    @property
    def _ahead(self) -> str:
        token: str = self._tokens[self._place]
        return token

    def value(self, name: str = "") -> Value:
        word = self._next()
        if word == "{":
            return self._node()
        if word == "(":
            return self._list()
        if word == "<>":
            return None
        if name == "constvalue":
            return self._bytes()
        plain = ESCAPED.sub(r"\1", word)
        is_quoted = len(plain) > 1 and plain[0] == '"' == plain[-1]
        return plain[1:-1] if is_quoted else plain

    def _node(self) -> Node:
        tag = self._next()
        fields: dict[str, Value] = {}
        while self._ahead != "}":
            name = self._next()[1:]
            fields[name] = self.value(name)
        self._next()
        return Node(NEWER_NAMES.get(tag, tag), fields)

    def _list(self) -> list[Value]:
        if self._ahead in KINDS_OF_LIST:
            self._next()
        found = []
        while self._ahead != ")":
            found.append(self.value())
        self._next()
        return found

    def _bytes(self) -> bytes:
        """After the length: `[ 1 0 -1 ]`."""
        self._next()
        found = []
        while self._ahead != "]":
            found.append(int(self._next()) & 255)
        self._next()
        return bytes(found)


def walk(value: Value, *, into_queries: bool = True) -> Iterator[Node]:
    """All nodes of a tree; of inner queries, without `into_queries`, only the query itself."""
    if isinstance(value, Node):
        yield value
        if value.tag == "QUERY" and not into_queries:
            return
        for each in value.fields.values():
            yield from walk(each, into_queries=into_queries)
    elif isinstance(value, list):
        for each in value:
            yield from walk(each, into_queries=into_queries)

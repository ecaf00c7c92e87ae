"""The LMS's own conditions on rows: in indexes, policies, views and functions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from listener import sql
from listener.catalogue.catalogue import Column, Relation
from listener.database.connection import Connection
from listener.mapping.mapping import Table
from listener.mapping.mapping import column as of_row
from listener.sql import identifier

TOKEN = re.compile(r"jwt\(\)[^']{0,30}(?:'(?P<metadata>\w*_metadata)'[^']{0,20})?->>\s*'(?P<key>\w+)'", re.IGNORECASE)
FUNCTIONS = Table("", "")
"""Where functions are kept, which may read any table."""
CALLED = r'\b(?:from|join)\s+\(*(?:[\w"]+\.)?"?{}"?(?!\w)(?:\s+(?:as\s+)?"?(\w+)"?)?'
READS = re.compile(r"\b(?:from|join)\b", re.IGNORECASE)
NO_NAMES = frozenset(("where", "on", "join", "inner", "left", "cross", "order", "group", "limit", "using", "returning"))
EITHER = re.compile(r"\bOR\b")


@dataclass(frozen=True)
class Comparison:
    column: str
    condition: str
    """Over `{row}`."""
    where: str
    """For people: `the policy living`."""
    is_sure: bool


@dataclass(frozen=True)
class Comparisons:
    """Of several tables."""

    texts: dict[Table, list[tuple[str, str, str]]]
    """(kind, name, SQL) of each."""

    @classmethod
    async def of(cls, connection: Connection, tables: Iterable[Table]) -> "Comparisons":
        named = list(tables)
        async with connection.transaction():
            await connection.execute("set local search_path = ''")
            rows = await connection.fetch(
                sql.read("catalogue/comparisons"), [each.schema for each in named], [each.name for each in named]
            )
        texts: dict[Table, list[tuple[str, str, str]]] = {}
        for row in rows:
            table = Table(row["schema_name"], row["table_name"])
            texts.setdefault(table, []).append((row["kind"], row["name"], row["condition"]))
        return cls(texts)

    def about(self, relation: Relation) -> list[Comparison]:
        """Comparisons of a time with NULL or now, and of a flag or a word with a value; sure comparisons first. (A flag
        that must be true may mark the first of several rows.)"""
        found = []
        reads = re.compile(CALLED.format(re.escape(relation.table.name)), re.IGNORECASE)
        functions = [each for each in self.texts.get(FUNCTIONS, ()) if reads.search(each[2])]
        for kind, name, text in (*self.texts.get(relation.table, ()), *functions):
            of_rows = kind in ("unique index", "index", "policy")
            if of_rows and EITHER.search(text):
                continue
            places = [""] if of_rows else _places(relation.table.name, reads, text)
            for column in relation.columns.values():
                says = _condition(
                    column, text, [f"{each}{_named(column.name)}" for each in places], is_read=not of_rows
                )
                # A unique index holds among rows that count. A policy hides for other reasons, too, by flags; other
                # indexes are there for any search, and views and functions for anything.
                is_sure = kind == "unique index" or (kind == "policy" and column.is_time)
                if says is not None:
                    article = "" if kind == "view" else "the "
                    found.append(Comparison(column.name, says, f"{article}{kind} {name}", is_sure))
        return sorted(found, key=lambda each: not each.is_sure)

    def by_policy(self, relation: Relation) -> list[str]:
        """Columns that policies compare with a value of the session."""
        return [
            name
            for name in relation.columns
            for kind, _, text in self.texts.get(relation.table, ())
            if kind == "policy" and re.search(rf"\(\(?{_named(name)} = \(?.*(?:current_setting|jwt|auth)", text)
        ]

    def role_in_token(self, names: Iterable[str]) -> tuple[str, str] | None:
        """(its name there, the policy) of a role that a policy reads from the session's token: one of `names` in its
        metadata, or one of them alone that is not `role`, which is the API's."""
        plain = {name.replace("_", "") for name in names}
        for texts in self.texts.values():
            for kind, name, text in texts:
                for match in TOKEN.finditer(text) if kind == "policy" else ():
                    key = match["key"].lower().replace("_", "")
                    if key in plain and (match["metadata"] or key != "role"):
                        return match["key"], f"the policy {name}"
        return None


def _named(column: str) -> str:
    return rf'(?<![\w"])(?:{re.escape(column)}|{re.escape(identifier(column))})(?![\w"])'


def _places(table: str, reads: re.Pattern[str], text: str) -> list[str]:
    """What stands before a column of the table in a query: its name, or what it is called there; nothing, if the query
    reads no other table."""
    called = {each[1] for each in reads.finditer(text) if each[1] and each[1].lower() not in NO_NAMES}
    found = [rf'(?<![\w"])"?{re.escape(each)}"?\.' for each in sorted({table, *called})]
    return found if len(READS.findall(text)) > 1 else ["", *found]


def _condition(column: Column, text: str, names: list[str], *, is_read: bool) -> str | None:
    """The condition that the text compares with; `is_read` of a query, where a column may be compared in more ways."""
    name = f"(?:{'|'.join(names)})"
    flags = re.IGNORECASE if is_read else 0
    if column.is_time and re.search(rf"{name} IS NULL", text, flags):
        return f"{of_row(column.name)} is null"
    if column.is_boolean and re.search(
        rf"\bNOT \(?(?:\w+\.)?{name}|{name} (?:= false|IS FALSE|IS NOT TRUE)", text, flags
    ):
        return f"{of_row(column.name)} is not true"
    if not is_read:
        return None
    if column.is_boolean and re.search(
        rf"{name} (?:= true|IS TRUE)|\b(?:AND|WHERE) \(*{name}\s*(?:\)|AND|;|$)", text, flags
    ):
        return f"{of_row(column.name)} is true"
    if column.is_time and re.search(rf"{name} [<>]=? \(?(?:now\(\)|CURRENT|LOCALTIME)", text, flags):
        return f"{of_row(column.name)} > now()"
    if column.is_word and (found := re.search(rf"{name}(?:\)?::text)? = '([^']*)'", text, flags)):
        return f"{of_row(column.name)} = '{found[1]}'"
    return None

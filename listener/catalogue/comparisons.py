"""The LMS's own conditions on rows: in indexes, policies and views."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from listener import sql
from listener.catalogue.catalogue import Relation
from listener.database.connection import Connection
from listener.mapping.mapping import Table
from listener.mapping.mapping import column as of_row
from listener.sql import identifier

TOKEN = re.compile(r"jwt\(\)[^']{0,30}(?:'(?P<metadata>\w*_metadata)'[^']{0,20})?->>\s*'(?P<key>\w+)'", re.IGNORECASE)
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
        """Comparisons of a time with NULL, and of a flag with false; sure comparisons first. (A flag that must be true
        may mark the first of several rows.)"""
        found = []
        for kind, name, text in self.texts.get(relation.table, ()):
            if EITHER.search(text) and kind != "view":
                continue
            for column in relation.columns.values():
                says = _condition(column.name, text, is_time=column.is_time, is_boolean=column.is_boolean)
                # A unique index holds among rows that count. A policy hides for other reasons, too, by flags; other
                # indexes are there for any search, and a view for anything.
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


def _condition(column: str, text: str, *, is_time: bool, is_boolean: bool) -> str | None:
    name = _named(column)
    if is_time and re.search(rf"{name} IS NULL", text):
        return f"{of_row(column)} is null"
    if is_boolean and re.search(rf"\bNOT \(?(?:\w+\.)?{name}|{name} (?:= false|IS FALSE|IS NOT TRUE)", text):
        return f"{of_row(column)} is not true"
    return None

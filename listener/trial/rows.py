"""Makes rows that satisfy a table's constraints: columns filled by type, references followed, conditions met."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import asyncpg

from listener import sql
from listener.catalogue.catalogue import Catalogue, ForeignKey, Relation
from listener.database.connection import Connection
from listener.errors import RowNotMade
from listener.mapping.mapping import Table
from listener.reasons import reason
from listener.row_text import columns_of, over, unquoted
from listener.sql import identifier, literal
from listener.trial.candidates import DEFAULT, Candidate, Reference, of_column, of_reference, texts_in

Row = dict[str, str | None]
"""Values as text."""

MOST_ATTEMPTS = 600
DEEPEST = 8
"""References in a chain."""
NAMES = ("name", "slug", "code", "key", "role", "title", "type", "label")
"""Columns that hold the word that a row is known by."""
AS_AT_SIGN_UP = {
    Table("auth", "users"): ("email", "raw_user_meta_data", "raw_app_meta_data", "aud", "role"),
}
"""Columns that a service fills, though they are optional."""
OF_SIGN_UP = {
    "email": "person{n}@example.org",
    "raw_user_meta_data": '{{"full_name": "Person {n}", "name": "Person {n}", "username": "person{n}"}}',
    "raw_app_meta_data": '{{"provider": "email"}}',
    "aud": "authenticated",
    "role": "authenticated",
}


@dataclass(frozen=True)
class Blame:
    columns: tuple[str, ...]
    texts: tuple[str, ...]
    """The texts in the violated condition."""
    why: str


class _Unmet(Exception):
    """The new row violates `conditions`: the row is taken back."""

    def __init__(self, conditions: list[str]) -> None:
        super().__init__(*conditions)
        self.conditions = conditions


@dataclass
class Maker:
    connection: Connection
    catalogue: Catalogue
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    lengths: dict[Table, dict[str, int]] = field(default_factory=dict)

    async def make(
        self, table: Table, wanted: Sequence[str] = (), given: dict[str, str] | None = None, depth: int = 0
    ) -> Row:
        """A new row that meets the conditions `wanted`. `given` are expressions. Raises RowNotMade."""
        relation = self.catalogue.relations.get(table)
        if relation is None or not relation.is_table or depth > DEEPEST:
            raise RowNotMade(
                table=table.label, why="it is no table" if depth <= DEEPEST else "its references end nowhere"
            )
        if table not in self.lengths:
            rows = await self.connection.fetch(sql.read("trial/rows", "lengths"), table.schema, table.name)
            self.lengths[table] = {row["name"]: row["most"] for row in rows}
        return await _Search(self, relation, tuple(wanted), dict(given or {}), depth).run()

    async def find(self, table: Table, wanted: Sequence[str], given: dict[str, str] | None = None) -> Row | None:
        """A row that is there."""
        relation = self.catalogue.relations[table]
        conditions = [*(f"{identifier(name)} = {value}" for name, value in (given or {}).items())]
        conditions += [over(each, "made") for each in wanted]
        text = f"select {_columns(relation)} from {table} as made where {' and '.join(conditions) or 'true'} limit 1"
        row = await self.connection.fetchrow(text)
        return None if row is None else dict(row)


@dataclass
class _Search:
    maker: Maker
    relation: Relation
    wanted: tuple[str, ...]
    given: dict[str, str]
    depth: int
    places: dict[str, int] = field(default_factory=dict)
    """(column, place in the column's candidates)."""
    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    references: dict[Reference, Row] = field(default_factory=dict)
    is_there: str | None = None
    """The condition for the row, if a trigger has made the row."""

    async def run(self) -> Row:
        relation = self.relation
        self.places = {
            name: 0 for name, each in relation.columns.items() if each.must_be_given and name not in self.given
        }
        for name in AS_AT_SIGN_UP.get(relation.table, ()):
            if name in relation.columns and name not in self.given:
                self.given[name] = literal(OF_SIGN_UP[name].format(n=next(self.maker.numbers)))
        tried: set[tuple[tuple[str, int, int], ...]] = set()
        why = "none of what was tried fits"
        for _ in range(MOST_ATTEMPTS):
            values = await self._values()
            shape = tuple((name, self.places.get(name, 0), len(self.texts.get(name, ()))) for name in values)
            outcome = await self._attempt(values) if shape not in tried else None
            tried.add(shape)
            if isinstance(outcome, dict):
                return outcome
            blame = outcome or Blame(tuple(self.places), (), why)
            why = blame.why
            if not self._advance(blame):
                break
        raise RowNotMade(table=relation.table.label, why=why)

    async def _values(self) -> dict[str, str]:
        number = next(self.maker.numbers)
        values = {}
        for name, place in self.places.items():
            candidates = self._candidates(name, number)
            candidate = candidates[min(place, len(candidates) - 1)]
            if candidate != DEFAULT:
                values[name] = await self._resolved(candidate) if isinstance(candidate, Reference) else candidate
        return self.given | values

    def _candidates(self, name: str, number: int) -> list[Candidate]:
        column, texts = self.relation.columns[name], self.texts.get(name, ())
        key = self._foreign_key(name)
        if key is not None:
            return of_reference(name, key, texts, optional=not column.must_be_given)
        return of_column(column, number, self.maker.lengths[self.relation.table].get(name), texts)

    def _foreign_key(self, name: str) -> ForeignKey | None:
        keys = [each for each in self.relation.foreign_keys if name in each.columns]
        return min(keys, key=lambda each: len(each.columns), default=None)

    async def _resolved(self, reference: Reference) -> str:
        key = reference.foreign_key
        referenced = key.referenced[key.columns.index(reference.column)]
        known = next(
            (
                row
                for each, row in self.references.items()
                if each.foreign_key == key and each.literal == reference.literal
            ),
            None,
        )
        if known is None:
            known = await self._referenced(key, referenced, reference.literal)
            self.references[reference] = known
        value = known[referenced]
        if value is not None and self.relation.is_unique(reference.column) and self.is_there is None:
            condition = f"{identifier(reference.column)} = {literal(value)}"
            if await self.maker.connection.fetchval(f"select true from {self.relation.table} where {condition}"):
                self.is_there = condition
        return "null" if value is None else literal(value)

    async def _referenced(self, key: ForeignKey, column: str, word: str | None) -> Row:
        """A row of its own if the reference is unique, else any; with `word` in the row, if given: its key, or name."""
        target = self.maker.catalogue.relations[key.table]
        if word is not None:
            meant = await self.maker.find(key.table, [f"{{row}}.{identifier(column)}::text = {literal(word)}"])
            if meant is not None:
                return meant
            names = [each for each in target.columns.values() if each.is_word and each.name in NAMES]
            for each in names:
                given = {each.name: literal(word)}
                if each.allowed and word not in each.allowed:
                    continue
                return await self.maker.find(key.table, (), given) or await self.maker.make(
                    key.table, (), given, self.depth + 1
                )
            raise RowNotMade(table=key.table.label, why=f"nothing in it can be called {word!r}")
        if not self.relation.is_unique(*key.columns):
            found = await self.maker.find(key.table, ())
            if found is not None:
                return found
        if key.table == self.relation.table:
            raise RowNotMade(table=key.table.label, why="it refers to itself")
        return await self.maker.make(key.table, (), {}, self.depth + 1)

    async def _attempt(self, values: dict[str, str]) -> Row | Blame:
        connection = self.maker.connection
        told = ", ".join(
            [_columns(self.relation), *(f"({over(each, 'made')}) as wanted_{n}" for n, each in enumerate(self.wanted))]
        )
        try:
            async with connection.transaction():
                row = await connection.fetchrow(self._statement(values, told))
                if row is None:
                    return Blame((), (), "a trigger keeps the row out")
                failed = [each for n, each in enumerate(self.wanted) if row[f"wanted_{n}"] is not True]
                if failed:
                    raise _Unmet(failed)  # noqa: TRY301 - it is to end the transaction
                return {name: row[name] for name in self.relation.columns}
        except _Unmet as unmet:
            columns = [unquoted(name) for each in unmet.conditions for name in columns_of(each)]
            why = f"no row in it meets {unmet.conditions[0].replace('{row}.', '')}"
            return Blame(tuple(dict.fromkeys(columns)), texts_in(unmet.conditions), why)
        except asyncpg.PostgresError as error:
            return await self._blame(error)

    def _statement(self, values: dict[str, str], told: str) -> str:
        table = self.relation.table
        if self.is_there is None:
            names = ", ".join(map(identifier, values))
            row = f"({names}) values ({', '.join(values.values())})" if values else "default values"
            return f"insert into {table} as made {row} returning {told}"
        moved = {
            name: value for name, value in values.items() if self.texts.get(name) is not None or name in self.given
        }
        if not moved:
            return f"select {told} from {table} as made where {self.is_there}"
        changes = ", ".join(f"{identifier(name)} = {value}" for name, value in moved.items())
        return f"update {table} as made set {changes} where {self.is_there} returning {told}"

    async def _blame(self, error: asyncpg.PostgresError) -> Blame:
        """Columns to which other values might be given."""
        table, why = self.relation.table, reason(error)
        schema, name = getattr(error, "schema_name", None), getattr(error, "table_name", None)
        if error.column_name in self.relation.columns:  # also of another table, into which a trigger copies
            return Blame((error.column_name,), (), why)
        if error.constraint_name is not None and (schema, name) == (table.schema, table.name):
            row = await self.maker.connection.fetchrow(
                sql.read("trial/rows", "constraint"), table.schema, table.name, error.constraint_name
            )
            if row is not None:
                return Blame(tuple(row["columns"]), texts_in([row["definition"]]), why)
        if (error.sqlstate or "").startswith("22"):  # a value that does not fit the type
            return Blame(tuple(self.places), (), why)
        return Blame((), (), why)

    def _advance(self, blame: Blame) -> bool:
        """Go to the next candidates of the blamed columns, as the wheels of a clock; False at the end."""
        columns = [name for name in blame.columns if name in self.relation.columns and name not in self.given]
        columns = [name for name in columns if not self.relation.columns[name].generated]
        for name in columns:
            known = self.texts.get(name, ())
            texts = tuple(dict.fromkeys([*known, *blame.texts]))
            if name not in self.places or texts != known:
                self.texts[name] = texts
                if name not in self.places:
                    self.places[name] = 1 if len(self._candidates(name, 0)) > 1 else 0
                    return True
                self.places[name] = 0 if texts != known and texts else self.places[name]
                if texts != known:
                    return True
        for name in columns:
            self.places[name] += 1
            if self.places[name] < len(self._candidates(name, 0)):
                return True
            self.places[name] = 0
        return False


def _columns(relation: Relation) -> str:
    return ", ".join(f"made.{identifier(name)}::text as {identifier(name)}" for name in relation.columns)

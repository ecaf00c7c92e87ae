"""Names in the adapter's text: a token stands for each table, column and enum value of the LMS's.

The database binds tokens to numbers, which outlast a rename.
"""

import re
from dataclasses import dataclass

from listener import sql
from listener.database.connection import Connection
from listener.mapping.mapping import Mapping, Table
from listener.mapping.renaming import renamed
from listener.row_text import columns_of, unquoted
from listener.settings import PREFIX
from listener.sql import identifier, literal

PLAIN = re.compile(r"\w+")


@dataclass(frozen=True)
class BoundName:
    """A name of the LMS's, and the token."""

    token: str
    table: Table
    column: str | None = None
    label: str | None = None
    is_key: bool = False
    stand_in: str | None = None
    """SQL in place of a column that is gone, where the adapter can do without that column."""
    setting: str = ""
    """The setting that names the table, column or value."""

    def row(self) -> str:
        """A row of the VALUES in `sql/schema/script/bind.sql`."""
        texts = (self.token, self.table.schema, self.table.name, self.column, self.label)
        values = ["null::text" if text is None else literal(text) for text in texts]
        stand_in = "null::text" if self.stand_in is None else literal(self.stand_in)
        return f"({', '.join([*values, str(self.is_key).lower(), stand_in, literal(self.setting)])})"


def data(text: str) -> str:
    """`text`, escaped so that `listener.bind()` restores the text: see `sql/schema/functions/binding.sql`."""
    return text.replace("{", "{:brace}").replace("$", "{:dollar}")


class Tokens:
    """The token of every name in a mapping."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._tables = {
            table: token
            for token, table in (
                ("roles", mapping.student_table),
                ("courses", mapping.course_table),
                ("enrollments", mapping.enrollment_table),
                ("profiles", mapping.profile_table),
            )
        }
        if mapping.tenant is not None:
            self._tables.setdefault(mapping.tenant.table, "members")
        further = (table for each in mapping.watched for table in each.tables)
        for number, table in enumerate(dict.fromkeys(each for each in further if each not in self._tables), 1):
            self._tables[table] = f"watched_{number}"
        self._bound: dict[str, BoundName] = {}
        self.mapping = renamed(mapping, self)
        """The mapping with tokens in place of names."""

    @property
    def bound(self) -> tuple[BoundName, ...]:
        """Every name in the mapping; and the tables of triggers that were taken over."""
        taken_over = {
            f"{each.table.schema}.{each.table.name}": BoundName(f"{each.table.schema}.{each.table.name}", each.table)
            for each in self._mapping.taken_over
        }
        return tuple((taken_over | self._bound).values())

    def of(self, table: Table) -> str:
        return self._tables.get(table, f"{table.schema}.{table.name}")

    def table(self, table: Table) -> Table:
        token = self.of(table)
        self._bound[token] = BoundName(token, table, setting=_table_setting(token))
        return Table(f"{{{token}:schema}}", f"{{{token}:table}}")

    def text(self, text: str) -> str:
        """Text that is not bound: escaped, so that no part is read as a token or a dollar tag."""
        return data(text)

    def column(self, table: Table, name: str) -> str:
        return f"{{{self._column(table, name)}}}"

    def _column(self, table: Table, name: str) -> str:
        plain = name if PLAIN.fullmatch(name) else f"column_{len(self._bound)}"
        known = (each.token for each in self._bound.values() if (each.table, each.column) == (table, name))
        token = next(known, f"{self.of(table)}.{plain}")
        if token not in self._bound:
            self._bound[token] = BoundName(
                token,
                table,
                name,
                is_key=(table, name) in _keys(self._mapping),
                stand_in=_stand_in(self._mapping, table, name),
                setting=_column_setting(self._mapping, table, name),
            )
        return token

    def numbered(self, table: Table, name: str) -> tuple[str, str] | None:
        """The tokens of a column's number and identity; None if the column can be done without."""
        token = self._column(table, name)
        if self._bound[token].stand_in is not None:
            return None
        return f"{{{token}:attnum}}", f"'{{{token}:identity}}'"

    def label(self, table: Table, column: str, value: str) -> str:
        of_column = self._column(table, column)
        plain = value if PLAIN.fullmatch(value) else f"value_{len(self._bound)}"
        known = (
            each.token
            for each in self._bound.values()
            if (each.table, each.column, each.label) == (table, column, value)
        )
        token = next(known, f"{of_column}={plain}")
        if token not in self._bound:
            self._bound[token] = BoundName(token, table, column, value, setting=_values_setting(self._mapping, table))
        return f"{{{token}}}"


class CurrentNames:
    def __init__(self, tokens: Tokens, now: dict[str, tuple[Table, str]]) -> None:
        self._tokens = tokens
        self._now = now
        self.changed: set[str] = set()
        """Tokens of changed names."""

    def table(self, table: Table) -> Table:
        token = self._tokens.of(table)
        now = self._now.get(token, (table, ""))[0]
        if now != table:
            self.changed.add(token)
        return now

    def text(self, text: str) -> str:
        return text

    def column(self, table: Table, name: str) -> str:
        return self._name(self._tokens.column(table, name)[1:-1], name)

    def label(self, table: Table, column: str, value: str) -> str:
        return self._name(self._tokens.label(table, column, value)[1:-1], value)

    def _name(self, token: str, name: str) -> str:
        now = self._now[token][1] if token in self._now else name
        if now != name:
            self.changed.add(token)
        return now


@dataclass(frozen=True)
class BoundMapping:
    """An installed mapping with current names."""

    mapping: Mapping
    changed: frozenset[str] = frozenset()
    """Tokens of names that have changed since the installation."""
    lost: frozenset[str] = frozenset()
    """Tokens of tables, columns and values that are gone or do not fit any more."""


async def current(connection: Connection, mapping: Mapping) -> BoundMapping:
    rows = await connection.fetch(sql.read("mapping/bound_now"))
    now = {
        row["token"]: (Table(row["schema_name"], row["table_name"]), row["name"])
        for row in rows
        if row["name"] is not None and row["table_name"] is not None
    }
    names = CurrentNames(Tokens(mapping), now)
    lost = frozenset(row["token"] for row in rows if row["problem"] is not None)
    return BoundMapping(renamed(mapping, names), frozenset(names.changed), lost)


def _keys(mapping: Mapping) -> set[tuple[Table, str]]:
    return _schools(mapping) | {
        (mapping.profile_table, mapping.profile_key),
        (mapping.student_table, mapping.student_key),
        (mapping.enrollment_table, mapping.enrollment_profile),
        (mapping.enrollment_table, mapping.enrollment_course),
        (mapping.course_table, mapping.course_key),
    }


def _schools(mapping: Mapping) -> set[tuple[Table, str]]:
    """Columns by which people and courses are in the same school."""
    tenant = mapping.tenant
    if tenant is None:
        return set()
    of_people = {(tenant.table, tenant.person), (tenant.table, tenant.column)}
    return {*of_people, (mapping.course_table, tenant.course_column)}


def _stand_in(mapping: Mapping, table: Table, name: str) -> str | None:
    """SQL in place of a date or a price, unless a setting names the column or another rule needs the column."""
    needed = {mapping.is_active, mapping.is_available, mapping.is_student, mapping.is_person}
    needed |= {*mapping.extra_values.values(), *mapping.course_values.values()}
    needed.add(mapping.course_seats or "")
    if any(identifier(name) == found or name == found for text in needed for found in columns_of(text)):
        return None
    if (table, name) in _keys(mapping) | _on_routes(mapping) or name in {
        **mapping.extra_values,
        **mapping.course_values,
    }:
        return None
    if table == mapping.enrollment_table and name == mapping.enrollment_date:
        return "null::timestamptz"
    if table == mapping.enrollment_table and name == mapping.enrollment_key:
        return "null::text"
    ordered = "course_order" not in mapping.settings and table == mapping.course_table
    if ordered and name not in mapping.count_columns and name != mapping.course_key:
        return "null::text"
    return None


def _table_setting(token: str) -> str:
    names = {
        "profiles": "profile_table",
        "roles": "student_table",
        "enrollments": "enrollment_table",
        "courses": "course_table",
        "members": "tenant",
    }
    if token.startswith("watched_"):
        return f"{PREFIX}WANTED_QUERY"
    return PREFIX + names[token].upper() if token in names else ""


def _column_setting(mapping: Mapping, table: Table, name: str) -> str:
    settings = {
        (mapping.profile_table, mapping.profile_key): "profile_key",
        (mapping.student_table, mapping.student_key): "student_key" if mapping.role_table else "profile_key",
        (mapping.enrollment_table, mapping.enrollment_profile): "enrollment_profile",
        (mapping.enrollment_table, mapping.enrollment_course): "enrollment_course",
        (mapping.enrollment_table, mapping.enrollment_status): "enrollment_status",
        (mapping.course_table, mapping.course_key): "course_key",
        (mapping.course_table, mapping.course_price): "course_price",
    }
    found = settings.get((table, name))
    if found is None and (table, name) in _schools(mapping):
        found = "tenant"
    if found is None and (table, name) in _on_routes(mapping):
        found = "wanted_query"
    if found is None and table == mapping.course_table:
        found = "count_columns" if name in mapping.count_columns else "publish_predicate"
    if found is None and table == mapping.enrollment_table:
        values = {**mapping.extra_values, **mapping.course_values}
        found = "enrollment_values" if name in values else "enrollment_status"
    return PREFIX + (found or "student_column").upper()


def _on_routes(mapping: Mapping) -> set[tuple[Table, str]]:
    return {
        (table, unquoted(name))
        for each in mapping.watched
        for route in each.routes
        for table, text in route.over(each.table)
        for name in columns_of(text)
    }


def _values_setting(mapping: Mapping, table: Table) -> str:
    if table == mapping.enrollment_table:
        return f"{PREFIX}ACTIVE_VALUES"
    return f"{PREFIX}{'PUBLISH_PREDICATE' if table == mapping.course_table else 'STUDENT_VALUES'}"

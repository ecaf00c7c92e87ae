"""Which of the LMS's tables and columns mean what: the one place that knows.

Expressions over a row write it as `{row}`: `{row}."role" = 'student'`.
"""

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from listener.sql import identifier

PLAIN_COLUMN = re.compile(r'\{row\}\."([a-z_][a-z0-9_]*)"')


@dataclass(frozen=True)
class Table:
    """A table of the LMS, by its catalogue names."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{identifier(self.schema)}.{identifier(self.name)}"

    @property
    def label(self) -> str:
        """The name as people read it."""
        return f"{self.schema}.{self.name}"


OnLeave: TypeAlias = Literal["keep", "suspend", "remove"]
Actions: TypeAlias = Literal["both", "enroll", "count", "observe"]
MissingIndex: TypeAlias = Literal["small", "large"] | None


@dataclass(frozen=True)
class TakenOver:
    """A trigger of the LMS's that does what the daemon does now, and is disabled. `enabled` is how it was (`O`)."""

    table: Table
    trigger: str
    enabled: str


@dataclass(frozen=True)
class Hop:
    """One step towards profiles: rows of `table` whose `key` has a value that was found lead on by their `onward`."""

    table: Table
    key: str
    key_type: str
    onward: str


@dataclass(frozen=True)
class Route:
    """How a changed row leads to profiles: its `column` holds a profile's key, or what the first hop begins with."""

    column: str
    hops: tuple[Hop, ...] = ()


@dataclass(frozen=True)
class Watched:
    """A table that the query of who should be where reads."""

    table: Table
    columns: tuple[str, ...]
    """Those that are read, under the names that the query has for them: it is run as it was written."""
    routes: tuple[Route, ...] = ()
    """None: a change there concerns everyone."""
    audited: bool = False
    """Not watched: what changes there is found by the audit."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """It, and those on its routes."""
        return tuple(dict.fromkeys([self.table, *(hop.table for route in self.routes for hop in route.hops)]))


@dataclass(frozen=True)
class Mapping:
    """What `install` found, or was told. Columns are catalogue names, unquoted; expressions write the row as `{row}`.

    With a role table, `is_student` is about its rows; otherwise about those of the profile table.
    """

    profile_table: Table
    profile_key: str
    profile_key_type: str
    is_student: str
    enrollment_table: Table
    enrollment_profile: str
    enrollment_course: str
    course_table: Table
    course_key: str
    course_key_type: str
    role_table: Table | None = None
    role_key: str | None = None
    enrollment_status: str | None = None
    enrollment_date: str | None = None
    active_values: tuple[str, ...] = ()
    is_active: str = "true"
    count_rows: Literal["active", "all"] = "active"
    extra_values: dict[str, str] = field(default_factory=dict)
    course_price: str | None = None
    is_available: str = "true"
    student_view: str | None = None
    default_course: str | None = None
    default_course_view: str | None = None
    course_order: str = ""
    count_columns: tuple[str, ...] = ()
    actions: Actions = "both"
    partitioned: tuple[Table, ...] = ()
    statistics: tuple[str, ...] = ()
    missing_index: MissingIndex = None
    taken_over: tuple[TakenOver, ...] = ()
    runtime_roles: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    wanted_query: str | None = None
    """Who should be where: a query of two columns, profile and course. None: students, in the default course."""
    watched: tuple[Watched, ...] = ()
    depends_on_time: bool = False
    """Whether the query's answer may change while no row does."""
    on_leave: OnLeave = "keep"
    inactive_value: str | None = None
    course_seats: str | None = None
    """How many may be enrolled in a course, as an expression over its row; None, and where it is null: no limit."""
    enrollment_key: str | None = None
    """The enrollment's own key, where one that was made is told from others of the same pair."""
    enrollment_date_type: str = "timestamptz"
    enums: tuple[tuple[Table, str], ...] = ()
    """Columns of these tables that hold one of an enum's values, which may be renamed, too."""

    @property
    def student_table(self) -> Table:
        """The table whose rows say who is a student."""
        return self.role_table or self.profile_table

    @property
    def student_key(self) -> str:
        """Its column that says which profile."""
        return self.role_key or self.profile_key

    @property
    def tables(self) -> tuple[Table, ...]:
        """The LMS's tables, each once."""
        named = (self.profile_table, self.student_table, self.enrollment_table, self.course_table)
        return tuple(dict.fromkeys([*named, *(table for each in self.watched for table in each.tables)]))

    @property
    def takes_back(self) -> bool:
        """Whether enrollments of those who leave are taken back, so that it is known which were made."""
        return self.on_leave != "keep" and not self.observes

    @property
    def is_looked_after(self) -> bool:
        """Whether there are changes that no trigger can see, so that the audit does more than to tell of them."""
        return self.depends_on_time or any(each.audited for each in self.watched)

    @property
    def enrolls(self) -> bool:
        """Whether new students are looked for."""
        return self.actions in ("both", "enroll", "observe")

    @property
    def counts(self) -> bool:
        """Whether counts are kept."""
        return self.actions in ("both", "count", "observe")

    @property
    def observes(self) -> bool:
        """Whether nothing of the LMS's may be written."""
        return self.actions == "observe"

    @property
    def counts_in_courses(self) -> bool:
        """Whether the counts are kept in the LMS's own columns; otherwise in `listener.course_count`."""
        return self.counts and not self.observes and bool(self.count_columns)

    @property
    def triggers(self) -> tuple[list[str], list[str], list[str]]:
        """All triggers that are installed: their tables' schemas, their tables, their names."""
        wanted = [(self.course_table, name) for name in ("insert", "delete", "update", "truncate")]
        if self.enrolls and self.wanted_query is None:
            wanted += [(self.student_table, name) for name in ("insert", "update")]
        if self.enrolls:
            names = ("watch_insert", "watch_delete", "watch_update", "watch_truncate")
            wanted += [(each.table, name) for each in self.watched if not each.audited for name in names]
        if self.counts:
            wanted += [(self.enrollment_table, name) for name in ("insert", "delete", "update", "truncate")]
        return (
            [table.schema for table, _ in wanted],
            [table.name for table, _ in wanted],
            [f"listener_{name}" for _, name in wanted],
        )

    @property
    def is_counted(self) -> str:
        """Whether an enrollment counts."""
        return self.is_active if self.count_rows == "active" else "true"

    def to_json(self) -> str:
        """For `listener.installation`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Mapping":
        """The mapping that `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        for name in ("profile_table", "role_table", "enrollment_table", "course_table"):
            values[name] = None if values[name] is None else Table(**values[name])
        for name in ("active_values", "count_columns", "statistics", "runtime_roles"):
            values[name] = tuple(values[name])
        values["watched"] = tuple(_watched(**each) for each in values.get("watched", ()))
        values["partitioned"] = tuple(Table(**table) for table in values["partitioned"])
        values["enums"] = tuple((Table(**table), name) for table, name in values.get("enums", ()))
        values["taken_over"] = tuple(
            TakenOver(Table(**each["table"]), each["trigger"], each["enabled"]) for each in values["taken_over"]
        )
        return cls(**values)


def _watched(table: dict[str, str], columns: list[str], routes: list[dict[str, Any]], *, audited: bool) -> Watched:
    """What `to_json` wrote of a watched table."""
    return Watched(
        Table(**table),
        tuple(columns),
        tuple(
            Route(each["column"], tuple(Hop(**{**hop, "table": Table(**hop["table"])}) for hop in each["hops"]))
            for each in routes
        ),
        audited,
    )


def column(name: str) -> str:
    """The expression for a row's column."""
    return f"{{row}}.{identifier(name)}"


def readable(expression: str) -> str:
    """An expression as people would write it: no row, and quotes only around names that need them."""
    return PLAIN_COLUMN.sub(r"\1", expression).replace("{row}.", "")

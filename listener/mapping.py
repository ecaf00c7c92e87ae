"""Which of the LMS's tables and columns mean what: the one place that knows, rendered into the adapter's SQL.

Expressions over a row write it as `{row}`: `{row}."role" = 'student'`.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from listener import sql
from listener.sql import identifier, literal

# Advisory locks of this project's own: a class ("LIST") and one number for each. Every session of a database
# sees the same ones.
LOCK_CLASS = 0x4C495354
LEADER_LOCK = 1
BELL_LOCK = 2
REPAIR_LOCK = 3
DEPUTY_LOCK = 4
CHANNEL = "listener"


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


Actions: TypeAlias = Literal["both", "enroll", "count", "observe"]
MissingIndex: TypeAlias = Literal["small", "large"] | None


@dataclass(frozen=True)
class TakenOver:
    """A trigger of the LMS's that does what the daemon does now, and is disabled. `enabled` is how it was (`O`)."""

    table: Table
    trigger: str
    enabled: str


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
        return tuple(dict.fromkeys(named))

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
        if self.enrolls:
            wanted += [(self.student_table, name) for name in ("insert", "update")]
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

    def placeholders(self) -> dict[str, str]:
        """What the SQL files' placeholders stand for."""
        values = {
            "lock_class": str(LOCK_CLASS),
            "bell_lock": str(BELL_LOCK),
            "channel": CHANNEL,
            "profile_table": str(self.profile_table),
            "profile_key": column(self.profile_key),
            "profile_key_type": self.profile_key_type,
            "student_table": str(self.student_table),
            "student_key": column(self.student_key),
            "is_student": self.is_student,
            "student_condition": self._student_condition(),
            "enrollment_table": str(self.enrollment_table),
            "enrollment_profile": column(self.enrollment_profile),
            "enrollment_profile_name": identifier(self.enrollment_profile),
            "enrollment_course": column(self.enrollment_course),
            "enrollment_status": "null::text" if self.enrollment_status is None else column(self.enrollment_status),
            "enrollment_date": "null::timestamptz" if self.enrollment_date is None else column(self.enrollment_date),
            "enrollment_extra_columns": "".join(
                f",\n    enrollment.{identifier(name)} as {extra(name)}" for name in self.extra_values
            ),
            "enrollment_default": self._enrollment_default(),
            "extra_names": "".join(f", {extra(name)}" for name in self.extra_values),
            "extra_values": "".join(f", {value}" for value in self.extra_values.values()),
            "enrolling_join": self._enrolling_join(),
            "is_active": self.is_active,
            "is_counted": self.is_counted,
            "course_table": str(self.course_table),
            "course_key": column(self.course_key),
            "course_key_type": self.course_key_type,
            "course_price": "null::numeric" if self.course_price is None else column(self.course_price),
            "course_count": self._course_count(),
            "count_column_values": self._count_column_values(),
            "count_column_names": ", ".join(literal(name) for name in self.count_columns),
            "count_moves": ",\n        ".join(
                f"{identifier(name)} = coalesce(course.{identifier(name)}, 0) + move_count.delta"
                for name in self.count_columns
            ),
            "course_order": ", ".join(filter(None, (self.course_order, column(self.course_key)))),
            "is_available": self.is_available,
            "is_default_course": self._is_default_course(),
            "lms_search_path": self._search_path(),
            "clear_statistics": sql.read("install/clear_statistics"),
            "lms_schema": identifier(self.enrollment_table.schema),
            "runtime_roles": ", ".join(literal(role) for role in self.runtime_roles),
            "grantees": ", ".join(identifier(role) for role in self.runtime_roles),
        }
        values["enroll"] = sql.render(sql.read(f"install/enroll_{'observed' if self.observes else 'inserted'}"), values)
        for name, by_hand in (("student_view", self.student_view), ("default_course_view", self.default_course_view)):
            values[name] = by_hand or sql.render(sql.read(f"install/{name}"), values)
        values["ring"] = sql.render(sql.read("install/ring"), values)
        return values

    def _student_condition(self) -> str:
        """For the WHERE of a query over profiles."""
        if self.role_table is None or self.role_key is None:
            return f"({self.is_student.replace('{row}', 'profile')}) is true"
        rule = self.is_student.replace("{row}", "role")
        return (
            f"exists (\n    select from {self.role_table} as role\n    where role.{identifier(self.role_key)}"
            f" = profile.{identifier(self.profile_key)} and ({rule}) is true\n)"
        )

    def _enrolling_join(self) -> str:
        """The profile's row, where other columns of an enrollment are computed from it."""
        if not any("{row}" in value for value in self.extra_values.values()):
            return ""
        key = f"profile.{identifier(self.profile_key)}"
        return f"\n    inner join {self.profile_table} as profile on {key} = student.id"

    def _is_default_course(self) -> str:
        if not self.enrolls:
            return "false"
        if self.default_course is not None:
            return f"{column(self.course_key)} = {self.default_course}"
        return self.is_available

    def _course_count(self) -> str:
        if self.counts_in_courses:
            return f"coalesce({column(self.count_columns[0])}, 0)"
        if self.counts:
            return (
                "coalesce((select course_count.active_enrollments from listener.course_count"
                f" where course_count.course_id = {column(self.course_key)}), 0)"
            )
        return "0"

    def _count_column_values(self) -> str:
        if not self.counts_in_courses:
            return "('active_enrollments', expected_count.active_enrollments)"
        return ",\n        ".join(
            f"({literal(name)}, course.{identifier(name)}::bigint)" for name in self.count_columns
        )

    def _search_path(self) -> str:
        schemas = (identifier(table.schema) for table in self.tables)
        return ", ".join(dict.fromkeys([*schemas, '"public"', '"extensions"', "pg_temp"]))

    def _enrollment_default(self) -> str:
        if self.enrollment_status is None:
            return ""
        return f"alter view listener.enrollment alter column status set default {literal(self.active_values[0])};"

    def _files(self) -> list[str]:
        """The files of the code that this mapping needs, in order."""
        names = ["feed", "views"]
        names += (
            ["count_on_its_way", "live_count", "course_drift"] if self.counts else ["live_count_counted", "no_drift"]
        )
        names += ["functions", "counting_columns" if self.counts_in_courses else "counting_table"]
        if self.enrolls:
            names += [f"triggers_students_{self._manner(self.student_table)}"]
        if self.counts:
            names += [f"triggers_enrollments_{self._manner(self.enrollment_table)}"]
        names += ["triggers_courses", *(f"statistics_{each}" for each in self.statistics), "rights"]
        if self.runtime_roles:
            names += ["grants"]
        if self.missing_index == "small":
            names += ["index"]
        return [f"install/{name}" for name in names]

    def _manner(self, table: Table) -> str:
        return "rows" if table in self.partitioned else "statements"

    def code(self) -> str:
        """The SQL of everything that can be made anew at any time: functions, views, triggers, rights."""
        return "\n\n".join(sql.render(sql.read(name), self.placeholders()) for name in self._files())

    def fingerprint(self) -> str:
        """Changes whenever the installed code would."""
        return hashlib.sha256(f"{self.code()}{self.taken_over}".encode()).hexdigest()

    def described(self) -> list[tuple[str, str]]:
        """(what, found) for people to check."""
        plain = {name: text.replace("{row}.", "") for name, text in asdict(self).items() if isinstance(text, str)}
        students = "everyone" if self.is_student == "true" else plain["is_student"]
        if self.student_view is not None:
            students += ", if in the query of LISTENER_STUDENT_VIEW"
        if self.role_table is not None:
            students = f"who has a row in {self.role_table.label} ({self.role_key}) with {students}"
        return [
            ("profiles", f"{self.profile_table.label}, key {self.profile_key} ({self.profile_key_type})"),
            ("students", students),
            ("enrollments", f"{self.enrollment_table.label} ({self.enrollment_profile}, {self.enrollment_course})"),
            ("active", "every enrollment" if self.is_active == "true" else plain["is_active"]),
            (
                "given",
                ", ".join(f"{name} = {value}" for name, value in self.extra_values.items()).replace("{row}.", ""),
            ),
            ("courses", f"{self.course_table.label}, key {self.course_key} ({self.course_key_type})"),
            ("published", "every course" if self.is_available == "true" else plain["is_available"]),
            ("default course", self._default_course_described(plain["course_order"])),
            ("counts", self._counts_described()),
            ("actions", self.actions),
        ]

    def _default_course_described(self, order: str) -> str:
        if self.default_course_view is not None:
            return "the query of LISTENER_DEFAULT_COURSE_VIEW"
        return self.default_course or f"first by {order or self.course_key}"

    def _counts_described(self) -> str:
        if not self.counts:
            return "none"
        where = ", ".join(self.count_columns) if self.counts_in_courses else "listener.course_count"
        return f"{where}: {self.count_rows} enrollments"

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
        values["partitioned"] = tuple(Table(**table) for table in values["partitioned"])
        values["taken_over"] = tuple(
            TakenOver(Table(**each["table"]), each["trigger"], each["enabled"]) for each in values["taken_over"]
        )
        return cls(**values)


def column(name: str) -> str:
    """The expression for a row's column."""
    return f"{{row}}.{identifier(name)}"


def extra(name: str) -> str:
    """What `listener.enrollment` calls a column that enrollments need beside the usual ones."""
    return identifier(f"extra_{name}")


def equals_one_of(name: str, values: tuple[str, ...]) -> str:
    """The predicate that a row's column has one of these values."""
    return f"{column(name)} in ({', '.join(literal(value) for value in values)})"

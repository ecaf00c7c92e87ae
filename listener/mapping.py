"""Which of the LMS's tables and columns mean what: the one place that knows, rendered into the adapter's SQL.

Expressions over a row write it as `{row}`: `{row}."role" = 'student'`.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

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

CODE = tuple(f"install/{name}" for name in ("feed", "views", "course_drift", "functions", "triggers", "rights"))


@dataclass(frozen=True)
class Table:
    """A table of the LMS, by its catalogue names."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{identifier(self.schema)}.{identifier(self.name)}"


@dataclass(frozen=True)
class Mapping:
    """What `install` found, or was told. Columns are catalogue names, unquoted."""

    student_table: Table
    student_key: str
    profile_key_type: str
    is_student: str
    enrollment_table: Table
    enrollment_profile: str
    enrollment_course: str
    enrollment_status: str | None
    active_values: tuple[str, ...]
    course_table: Table
    course_key: str
    course_key_type: str
    course_price: str | None = None
    course_date: str | None = None
    is_available: str = "true"
    count_columns: tuple[str, ...] = ()
    extra_values: dict[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that get triggers, each once."""
        return tuple(dict.fromkeys((self.student_table, self.enrollment_table, self.course_table)))

    @property
    def is_active(self) -> str:
        """Whether an enrollment counts."""
        if self.enrollment_status is None:
            return "true"
        return equals_one_of(self.enrollment_status, self.active_values)

    def placeholders(self) -> dict[str, str]:
        """What the SQL files' placeholders stand for."""
        order = [f"course.{identifier(name)}{nulls}" for name, nulls in self._order()]
        values = {
            "lock_class": str(LOCK_CLASS),
            "bell_lock": str(BELL_LOCK),
            "channel": CHANNEL,
            "student_table": str(self.student_table),
            "student_key": column(self.student_key),
            "profile_key_type": self.profile_key_type,
            "is_student": self.is_student,
            "enrollment_table": str(self.enrollment_table),
            "enrollment_profile": column(self.enrollment_profile),
            "enrollment_course": column(self.enrollment_course),
            "enrollment_status": "null::text" if self.enrollment_status is None else column(self.enrollment_status),
            "enrollment_extra_columns": "".join(f",\n    enrollment.{identifier(name)}" for name in self.extra_values),
            "enrollment_defaults": self._enrollment_defaults(),
            "is_active": self.is_active,
            "course_table": str(self.course_table),
            "course_key": column(self.course_key),
            "course_key_type": self.course_key_type,
            "course_price": "null::numeric" if self.course_price is None else column(self.course_price),
            "course_count": f"coalesce({column(self.count_columns[0])}, 0)",
            "count_column_values": ",\n        ".join(
                f"({literal(name)}, course.{identifier(name)})" for name in self.count_columns
            ),
            "count_column_names": ", ".join(literal(name) for name in self.count_columns),
            "course_order": ", ".join(order),
            "is_available": self.is_available,
            "is_default_course": self.is_available,
            "move_count": self._move_count(),
            "lms_search_path": ", ".join(
                dict.fromkeys(
                    [
                        *(identifier(table.schema) for table in self.tables),
                        '"public"',
                        '"extensions"',
                        "pg_temp",
                    ]
                )
            ),
        }
        values["ring"] = sql.render(sql.read("install/ring"), values)
        return values

    def _order(self) -> list[tuple[str, str]]:
        price = [(self.course_price, " nulls last")] if self.course_price else []
        date = [(self.course_date, " nulls last")] if self.course_date else []
        return [*price, *date, (self.course_key, "")]

    def _enrollment_defaults(self) -> str:
        defaults = dict(self.extra_values)
        if self.enrollment_status is not None:
            defaults["status"] = literal(self.active_values[0])
        return "\n".join(
            f"alter view listener.enrollment alter column {identifier(name)} set default {value};"
            for name, value in defaults.items()
        )

    def _move_count(self) -> str:
        moves = ",\n        ".join(
            f"{identifier(name)} = coalesce(course.{identifier(name)}, 0) + move_count.delta"
            for name in self.count_columns
        )
        return (
            f"update {self.course_table} as course\n    set\n        {moves}\n"
            f"    where course.{identifier(self.course_key)} = move_count.moved_course_id;"
        )

    def code(self) -> str:
        """The SQL of everything that can be made anew at any time: functions, views, triggers, rights."""
        return "\n\n".join(sql.render(sql.read(name), self.placeholders()) for name in CODE)

    def fingerprint(self) -> str:
        """Changes whenever the installed code would."""
        return hashlib.sha256(self.code().encode()).hexdigest()

    def described(self) -> list[tuple[str, str]]:
        """(what, found) for people to check."""
        status = self.enrollment_status or "none: every enrollment counts"
        return [
            ("profiles", f"{self.student_table}, key {self.student_key} ({self.profile_key_type})"),
            ("students", self.is_student.replace("{row}.", "")),
            ("enrollments", f"{self.enrollment_table} ({self.enrollment_profile}, {self.enrollment_course})"),
            (
                "active",
                f"{status} in ({', '.join(self.active_values)})" if self.enrollment_status else status,
            ),
            ("courses", f"{self.course_table}, key {self.course_key} ({self.course_key_type})"),
            ("available", self.is_available.replace("{row}.", "")),
            ("default course", "first by " + ", ".join(name for name, _ in self._order())),
            ("counts", ", ".join(self.count_columns) or "none"),
        ]

    def to_json(self) -> str:
        """For `listener.installation`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Mapping":
        """The mapping that `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        for name in ("student_table", "enrollment_table", "course_table"):
            values[name] = Table(**values[name])
        for name in ("active_values", "count_columns"):
            values[name] = tuple(values[name])
        return cls(**values)


def column(name: str) -> str:
    """The expression for a row's column."""
    return f"{{row}}.{identifier(name)}"


def equals_one_of(name: str, values: tuple[str, ...]) -> str:
    """The predicate that a row's column has one of these values."""
    return f"{column(name)} in ({', '.join(literal(value) for value in values)})"

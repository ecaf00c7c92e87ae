"""The meaning of the LMS's tables and columns, known here alone.

Expressions over a row write the row as `{row}`: `{row}."role" = 'student'`.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, is_dataclass
from itertools import repeat
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from listener.mapping.tables import Table as Table
from listener.mapping.tables import column as column
from listener.mapping.tables import readable as readable
from listener.mapping.tenant import Tenant
from listener.mapping.watched import EVERY_CHANGE as EVERY_CHANGE
from listener.mapping.watched import Hop as Hop
from listener.mapping.watched import Match as Match
from listener.mapping.watched import Route as Route
from listener.mapping.watched import Value as Value
from listener.mapping.watched import Watched as Watched

OnLeave: TypeAlias = Literal["keep", "suspend", "remove"]
Actions: TypeAlias = Literal["both", "enroll", "count", "observe"]
MissingIndex: TypeAlias = Literal["small", "large"] | None


@dataclass(frozen=True)
class TakenOver:
    """A trigger of the LMS's that does the daemon's work, and is disabled. `enabled` is the earlier state (`O`)."""

    table: Table
    trigger: str
    enabled: str


@dataclass(frozen=True)
class CalledFunction:
    """A function of the LMS's that the query calls."""

    name: str
    """With the types of the arguments."""
    body: str
    """The MD5 of the text: another body may read other tables."""


@dataclass(frozen=True)
class Mapping:
    """Found by `install`, or given by settings. Columns are catalogue names, unquoted; expressions write the row as
    `{row}`. `is_student` is about rows of the role table, or without a role table, of the profile table."""

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
    is_person: str = "true"
    """With a role table, the condition on the profile's row."""
    tenant: Tenant | None = None
    """None: a single school, or a rule in which schools play no part."""
    role_table: Table | None = None
    role_key: str | None = None
    enrollment_status: str | None = None
    enrollment_date: str | None = None
    active_values: tuple[str, ...] = ()
    is_active: str = "true"
    count_rows: Literal["active", "all"] = "active"
    extra_values: dict[str, str] = field(default_factory=dict)
    """Of a new enrollment: expressions over the profile's row."""
    course_values: dict[str, str] = field(default_factory=dict)
    """The same over the course's row."""
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
    now_roles: tuple[str, ...] = ()
    """Who may call `listener.enroll_now`."""
    settings: dict[str, str] = field(default_factory=dict)
    wanted_query: str | None = None
    """The rule: a query of profile and course, and maybe of why. None: students, in the default course."""
    says_why: bool = False
    """Whether the query has a third column, a text that says why."""
    watched: tuple[Watched, ...] = ()
    query_views: tuple[str, ...] = ()
    query_functions: tuple[CalledFunction, ...] = ()
    depends_on_time: bool = False
    """Whether the query's answer may change without a change of rows."""
    on_leave: OnLeave = "keep"
    inactive_value: str | None = None
    course_seats: str | None = None
    """Seats of a course, as an expression over the course's row; None or null: no limit."""
    enrollment_key: str | None = None
    """The enrollment's own key, which tells enrollments of the same pair apart."""
    enrollment_date_type: str = "timestamptz"
    owner: str | None = None
    """The role from `--owner`; None: the owner of the enrollments."""
    further_schemas: tuple[str, ...] = ()
    """Schemas that the LMS's triggers search, without tables of the LMS's. No other role may create there."""
    enums: tuple[tuple[Table, str], ...] = ()
    """Enum columns, whose values may be renamed, too."""

    @property
    def student_table(self) -> Table:
        """The table of the rule for students."""
        return self.role_table or self.profile_table

    @property
    def student_key(self) -> str:
        """The profile's key in that table."""
        return self.role_key or self.profile_key

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables, each once."""
        named = [self.profile_table, self.student_table, self.enrollment_table, self.course_table]
        named += [] if self.tenant is None else [self.tenant.table]
        return tuple(dict.fromkeys([*named, *(table for each in self.watched for table in each.tables)]))

    @property
    def only_on_joining(self) -> bool:
        """Whether the rule is about new students alone, like the generated rule: a student with any enrollment (with
        several schools: in the same school) is left alone, and a student without a course waits."""
        return self.wanted_query is None

    @property
    def one_course_each(self) -> bool:
        """Whether the rule has at most a single course for a student."""
        return self.only_on_joining and self.tenant is None

    @property
    def noted(self) -> tuple[Watched, ...]:
        """Tables in which changes are noted. The generated query needs only tables about new students."""
        if self.wanted_query is not None:
            return self.watched
        return tuple(self._noted_of_new_students())

    def _noted_of_new_students(self) -> Iterator[Watched]:
        """The table of the rule for students first."""
        tenant = self.tenant
        of_people = {} if tenant is None else {tenant.table: (tenant.column,)}

        def people(table: Table, key: str, condition: str) -> Watched:
            route = Route(Value.of_column(key, self.profile_key_type))
            return Watched(table, of_people.pop(table, ()), (route,), condition=condition)

        yield people(self.student_table, self.student_key, self.is_student)
        if self.role_table is not None and (self.is_person != "true" or self.profile_table in of_people):
            yield people(self.profile_table, self.profile_key, self.is_person)
        if tenant is None:
            return
        if of_people:
            yield people(tenant.table, tenant.person, tenant.condition)
        same = Match(Value.of_column(tenant.course_column, tenant.type), column(tenant.column))
        moved = Route(Value.of_column(tenant.person, self.profile_key_type), (Hop(tenant.table, (same,)),))
        yield Watched(self.course_table, (tenant.course_column,), (moved,), only_updates=True)

    @property
    def takes_back(self) -> bool:
        """Whether unwanted enrollments are taken back, so that a ledger of made enrollments is kept."""
        return self.on_leave != "keep" and not self.observes

    @property
    def is_looked_after(self) -> bool:
        """Whether there are changes that no trigger sees, so that the audit acts on them."""
        return self.depends_on_time or any(each.audited for each in self.watched)

    @property
    def enrolls(self) -> bool:
        return self.actions in ("both", "enroll", "observe")

    @property
    def counts(self) -> bool:
        return self.actions in ("both", "count", "observe")

    @property
    def observes(self) -> bool:
        """Whether the LMS's tables may not be written."""
        return self.actions == "observe"

    @property
    def counts_in_courses(self) -> bool:
        """Whether counts are kept in the LMS's own columns, not in `listener.course_count`."""
        return self.counts and not self.observes and bool(self.count_columns)

    @property
    def triggers(self) -> tuple[list[str], list[str], list[str]]:
        """Of all installed triggers: schemas, tables, names."""
        wanted = [(self.course_table, name) for name in EVERY_CHANGE]
        if self.enrolls:
            wanted += [(each.table, name) for each in self.noted for name in each.triggers]
        if self.counts:
            wanted += [(self.enrollment_table, name) for name in EVERY_CHANGE]
        return (
            [table.schema for table, _ in wanted],
            [table.name for table, _ in wanted],
            [f"listener_{name}" for _, name in wanted],
        )

    @property
    def is_counted(self) -> str:
        """The condition for an enrollment that counts."""
        return self.is_active if self.count_rows == "active" else "true"

    def to_json(self) -> str:
        """For `listener.installation`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, recorded: dict[str, Any]) -> "Mapping":
        """The opposite of `to_json`. Raises KeyError or TypeError for a record of another version."""
        mapping: Mapping = _read(cls, recorded)
        return mapping


def _read(kind: Any, recorded: Any) -> Any:
    """The value of a field of this type. (pydantic does it, too: after 80 ms of preparation in each process.)"""
    if is_dataclass(kind):
        kinds = get_type_hints(kind)
        return kind(**{name: _read(kinds[name], value) for name, value in recorded.items()})  # type: ignore[operator]
    if get_origin(kind) is tuple:
        of_each = get_args(kind)
        return tuple(map(_read, repeat(of_each[0]) if of_each[-1] is ... else of_each, recorded))
    known = next(filter(is_dataclass, get_args(kind)), None)  # or None
    return recorded if known is None or recorded is None else _read(known, recorded)

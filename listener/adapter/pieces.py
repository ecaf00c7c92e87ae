"""The adapter: all functions and triggers that name the LMS's tables, as text in which tokens stand for the names."""

import hashlib
from dataclasses import dataclass, replace

from listener import sql
from listener.adapter import rendering, step, watching
from listener.adapter.binding import Tokens
from listener.adapter.mapping import Mapping, Table
from listener.adapter.renaming import COLUMN, unquoted
from listener.settings import PREFIX
from listener.sql import literal


@dataclass(frozen=True)
class Piece:
    """One file of `sql/adapter/pieces/`, and what else the database should know of it."""

    file: str
    on_table: str | None = None
    """The token of the table that its triggers are on; None for functions."""
    triggers: tuple[str, ...] = ()
    probe: str | None = None
    """A query that does nothing, and fails if the function cannot work."""
    setting: str = ""
    """What to set if it does."""
    watched: int | None = None
    """Of which of the watched tables it is, by its number."""


STUDENTS = PREFIX + "STUDENT_PREDICATE"
ACTIVE = PREFIX + "ACTIVE_VALUES"
COURSES = PREFIX + "PUBLISH_PREDICATE"
COUNTS = PREFIX + "COUNT_COLUMNS"
WANTED = PREFIX + "WANTED_QUERY"


def pieces(mapping: Mapping) -> list[Piece]:
    """What this mapping needs, in the order in which it is made."""
    none = "'{}'"
    students = STUDENTS if mapping.student_view is None else PREFIX + "STUDENT_VIEW"
    courses = COURSES if mapping.default_course_view is None else PREFIX + "DEFAULT_COURSE_VIEW"
    by_query = mapping.wanted_query is not None
    found = [
        Piece("students", probe=None if by_query else f"select from listener.students({none})", setting=students),
        Piece("unenrolled", probe=f"select from listener.unenrolled({none})"),
        Piece("one_profile"),
        Piece("astray"),
        Piece("missing_wanted" if by_query else "missing_students"),
        Piece("student_page"),
        Piece("figures_wanted" if by_query else "student_figures"),
        Piece("enrollments"),
        Piece("probe_enrollments", probe="select listener.probe_enrollments()", setting=ACTIVE),
        Piece("courses"),
        Piece("default_course", probe="select from listener.default_course_id()", setting=courses),
        Piece("hold_course"),
        Piece("lock_courses"),
        Piece("enroll"),
        Piece("settle_wanted" if by_query else "settle_default"),
        Piece("routed"),
        Piece("wake_waiting_nobody" if mapping.course_seats is None or mapping.observes else "wake_waiting_seats"),
        Piece("abandoned_counts"),
        Piece("notes_students"),
        Piece("notes_enrollments"),
        Piece("news_of_courses"),
    ]
    if by_query:
        found.append(Piece("wanted", probe=f"select from listener.wanted({none})", setting=WANTED))
        found.append(Piece("wanted_figures"))
        found += [Piece("notes_watched", watched=number) for number, _ in watching.numbered(mapping)]
    if mapping.enrolls and not mapping.observes:
        found.append(Piece("probe_enroll", probe="select listener.probe_enroll()", setting=ACTIVE))
    if mapping.counts_in_courses:
        probe = f"select from listener.move_counts({none}, {none})"
        found += [Piece("notes_courses_columns"), Piece("counting_columns", probe=probe, setting=COUNTS)]
    else:
        found += [Piece("notes_courses_table"), Piece("counting_table")]
    found += [Piece("drift")] if mapping.counts else [Piece("no_drift"), Piece("counted")]
    found += [Piece(f"statistics_{each}") for each in mapping.statistics]
    return found + _triggers(mapping)


def _triggers(mapping: Mapping) -> list[Piece]:
    tokens = Tokens(mapping)

    def on(table: Table, file: str, *triggers: str) -> Piece:
        return Piece(file, on_table=tokens.of(table), triggers=triggers)

    everything = ("listener_insert", "listener_delete", "listener_update", "listener_truncate")
    found = []
    if mapping.enrolls:
        for number, each in watching.numbered(mapping):
            file = f"triggers_watched_{_manner(mapping, each.table)}"
            found.append(replace(on(each.table, file, *watching.TRIGGERS), watched=number))
    if mapping.enrolls and mapping.wanted_query is None:
        file = f"triggers_students_{_manner(mapping, mapping.student_table)}"
        found.append(on(mapping.student_table, file, "listener_insert", "listener_update"))
    if mapping.counts:
        file = f"triggers_enrollments_{_manner(mapping, mapping.enrollment_table)}"
        found.append(on(mapping.enrollment_table, file, *everything))
    found.append(on(mapping.course_table, "triggers_courses", *everything))
    return found


def _manner(mapping: Mapping, table: Table) -> str:
    return "rows" if table in mapping.partitioned else "statements"


def code(mapping: Mapping) -> str:
    """The SQL of everything that can be made anew at any time: functions, triggers, views, rights."""
    tokens = Tokens(mapping)
    plain, values = rendering.placeholders(mapping), rendering.placeholders(tokens.mapping)
    for what, table in (
        ("profile", mapping.profile_table),
        ("student", mapping.student_table),
        ("enrollment", mapping.enrollment_table),
        ("course", mapping.course_table),
    ):
        values |= {f"{what}_name": f"{{{tokens.of(table)}:name}}", f"{what}_oid": f"{{{tokens.of(table)}:oid}}"}
    values |= expectations(mapping, tokens)
    used = pieces(mapping)
    texts = [
        sql.render(
            sql.read(f"adapter/pieces/{piece.file}"),
            values if piece.watched is None else values | watching.values_of(mapping, tokens, piece.watched, values),
        )
        for piece in used
    ]
    plain |= {
        "bindings": ",\n        ".join(each.row() for each in tokens.bound),
        "adapter": "\n\n".join(_row(*each) for each in enumerate(zip(used, texts, strict=True), 1)),
        "bind_tables": "\n".join(
            f"select listener.bind({literal(token)});"
            for token in dict.fromkeys(piece.on_table for piece in used if piece.on_table)
        ),
        "conditions_of_watched": watching.conditions(mapping),
    }
    plain |= step.values()
    return "\n\n".join(sql.render(sql.read(f"adapter/install/{name}"), plain) for name in _files(mapping))


def expectations(mapping: Mapping, tokens: Tokens) -> dict[str, str]:
    """Checks that a function reads, or writes, the columns that it was bound to: a column may have taken the name of
    another, which fails nowhere else. After the statement that reads: by then its table is locked."""

    def columns(expression: str) -> list[str]:
        return [unquoted(name) for name in COLUMN.findall(expression)]

    def expect(*read: tuple[Table, list[str]]) -> str:
        conditions = [tokens.is_where_it_was(table, name) for table, names in read for name in dict.fromkeys(names)]
        lines = "\n        and ".join(dict.fromkeys(each for each in conditions if each is not None))
        return sql.render(sql.read("adapter/pieces/expect_columns"), {"conditions": lines})

    profiles, students = mapping.profile_table, mapping.student_table
    enrollments, courses = mapping.enrollment_table, mapping.course_table
    rule = columns(mapping.is_student) if mapping.student_view is None else []
    course = columns(f"{mapping.is_available} {mapping.course_order}") if mapping.default_course_view is None else []
    pair = [mapping.enrollment_profile, mapping.enrollment_course]
    counts = list(mapping.count_columns)
    return {
        "routes": watching.routes(mapping, tokens, expect),
        "expect_student_columns": expect((profiles, [mapping.profile_key]), (students, [mapping.student_key, *rule])),
        "expect_profile_columns": expect((profiles, [mapping.profile_key])),
        "expect_enrollment_columns": expect((enrollments, pair)),
        # One column's identity tells the table, too. Before a statement that writes: a stranger's triggers would run.
        "expect_enrollment_table": expect((enrollments, pair[:1])),
        "expect_course_table": expect((courses, [mapping.course_key])),
        "expect_default_course_columns": expect((courses, [mapping.course_key, *course])),
        "expect_count_columns": expect((courses, [mapping.course_key, *counts])),
        "expect_counted_columns": expect(
            (courses, [mapping.course_key, *counts]),
            (enrollments, [mapping.enrollment_course, *columns(mapping.is_counted)]),
        ),
    }


def _row(number: int, piece_and_text: tuple[Piece, str]) -> str:
    """Stores one piece."""
    piece, text = piece_and_text
    triggers = ", ".join(map(literal, piece.triggers))
    values = [
        str(number),
        literal(piece.file),
        "null" if piece.on_table is None else literal(piece.on_table),
        f"array[{triggers}]::text[]",
        "null" if piece.probe is None else literal(piece.probe),
        literal(piece.setting),
    ]
    definition = sql.quoted(f"\n{text}\n", "adapter")
    return (
        "insert into listener.adapter (position, name, on_table, triggers, probe, setting, definition)\n"
        f"values ({', '.join(values)}, {definition});"
    )


def _files(mapping: Mapping) -> list[str]:
    """The files of `sql/adapter/install/` that this mapping needs, in order."""
    live_count = "live_count" if mapping.counts else "live_count_counted"
    names = [
        "feed",
        "count_on_its_way",
        "binding",
        "following",
        "bind",
        "functions",
        "settle_noted",
        "views",
        live_count,
    ]
    names += ["enroll_few", "count_few", "step"]
    if "status" in mapping.statistics:
        names += ["sync_status_view"]
    names += ["rights", "statistics_rights"]
    if mapping.runtime_roles:
        names += ["grants"]
    if mapping.missing_index == "small":
        names += ["index"]
    if mapping.missing_index is not None:
        names += ["index_comment"]
    return names


def fingerprint(mapping: Mapping) -> str:
    """Changes whenever the installed code would."""
    return hashlib.sha256(f"{code(mapping)}{mapping.taken_over}".encode()).hexdigest()

"""The adapter: all functions and triggers that name the LMS's tables, with tokens in place of names."""

import hashlib
import re
from dataclasses import dataclass

from listener import sql
from listener.mapping import brake, forgetting, history, long_keys, rendering
from listener.mapping.binding import Tokens
from listener.mapping.mapping import EVERY_CHANGE, Mapping, Table
from listener.schema import step, watching
from listener.schema.table_checks import TableChecks
from listener.settings import PREFIX
from listener.sql import literal


@dataclass(frozen=True)
class Piece:
    """A file of `sql/schema/adapter/`, or the triggers of a table, and further facts for the database."""

    file: str
    on_table: str | None = None
    """The token of the triggers' table; None for functions."""
    triggers: tuple[str, ...] = ()
    probe: str | None = None
    """A query that does nothing, and fails if the function cannot work."""
    setting: str = ""
    """The setting to change if the probe fails."""
    watched: int | None = None
    """The number of the watched table."""

    triggers_text: str = ""

    @property
    def text(self) -> str:
        absent = sql.sections("schema/adapter/absent").get(self.file)
        return self.triggers_text or absent or sql.read(f"schema/adapter/{self.file}")


STUDENTS = PREFIX + "STUDENT_PREDICATE"
ACTIVE = PREFIX + "ACTIVE_VALUES"
COURSES = PREFIX + "PUBLISH_PREDICATE"
COUNTS = PREFIX + "COUNT_COLUMNS"
TENANT = PREFIX + "TENANT"
WANTED = PREFIX + "WANTED_QUERY"


MOVES = ("before_update", "after_update")
"""Triggers around an UPDATE of profiles, or of courses, that are partitioned."""
MOVED = {"moved_out": "delete", "moved_in": "insert"}
"""Triggers of a course's row that such an update moves to another partition."""

MADE = re.compile(r"^create (?:or replace )?(?:function|view) listener\.(\w+)", re.MULTILINE)

PARTS = {
    "tables": "what is kept: notes of changes, checkpoints, who and what waits",
    "feed": "which notes a reaction has yet to handle, and what says that they are handled",
    "names": "which table and column of yours each name stands for; followed when it is renamed",
    "leading": "which daemon leads, and the bell that wakes it",
    "adapter": "the functions and triggers that name your tables and columns",
    "views": "your tables under fixed names, for people; and small functions",
    "reactions": "what handles the notes: enrolling, counting, trying again, purging, `step`",
    "repairs": "what finds and mends what no trigger saw; pauses",
    "rights": "who may see and call what, and what stands beside your tables",
}
"""The parts of the script."""


def pieces(mapping: Mapping) -> list[Piece]:
    """Needed pieces, in order."""
    none = "'{}'"
    students = STUDENTS if mapping.student_view is None else PREFIX + "STUDENT_VIEW"
    courses = COURSES if mapping.default_course_view is None else PREFIX + "DEFAULT_COURSE_VIEW"
    by_query, asks = mapping.wanted_query is not None, f"select from listener.wanted({none})"
    found = [
        Piece("students", probe=None if by_query else f"select from listener.students({none})", setting=students),
        Piece("one_profile"),
        Piece("astray"),
        Piece("astray_since"),
        Piece("astray_in" if mapping.partitioned else "no_partitions"),
        Piece(
            "wanted", probe=asks if by_query or mapping.tenant else None, setting=TENANT if mapping.tenant else WANTED
        ),
        *([] if mapping.only_on_joining else [Piece("wanted_figures")]),
        Piece("enrollments"),
        Piece("probe_enrollments", probe="select listener.probe_enrollments()", setting=ACTIVE),
        Piece("courses"),
        Piece("default_course", probe="select from listener.default_course_id()", setting=courses),
        Piece("stays"),
        *_of_schools(mapping),
        Piece("settle"),
        Piece("settle_singly"),
        Piece("enroll_now"),
        *([Piece("undoing")] if history.is_kept(mapping) else []),
        Piece("forgetting" if forgetting.days_of(mapping) is not None else "no_forgetting"),
        *([Piece("forget_made")] if mapping.takes_back else []),
        Piece("count_made" if brake.count_for(mapping) else "no_count_made"),
        *([] if history.is_kept(mapping) else [Piece("no_history")]),
        *([] if mapping.wanted_query else [Piece("no_rule_parts")]),
        Piece("course_holders"),
        Piece("course_titles"),
        *([Piece("routed")] if any(route.hops for each in mapping.noted for route in each.routes) else []),
        *([] if mapping.course_seats is None else [Piece("wake_waiting")]),
        Piece("abandoned_counts"),
        Piece("notes_enrollments"),
    ]
    found += [Piece("notes_watched", watched=number) for number, each in watching.numbered(mapping)]
    found += [Piece("notes_due", watched=number) for number in watching.with_moments(mapping)]
    found.append(Piece("note_due"))
    if mapping.enrolls and not mapping.observes:
        found.append(Piece("probe_enroll", probe="select listener.probe_enroll()", setting=ACTIVE))
    if mapping.counts_in_courses:
        probe = f"select from listener.move_counts({none}, {none})"
        found += [Piece("notes_courses"), Piece("counting_columns", probe=probe, setting=COUNTS)]
    else:
        found += [Piece("notes_courses"), Piece("counting_table")]
    if mapping.course_table in mapping.partitioned:
        found.append(Piece("notes_moved_courses"))
    found += [Piece("drift")] if mapping.counts else [Piece("no_drift"), Piece("counted")]
    found += [Piece(f"statistics_{each}") for each in mapping.statistics]
    return found + _triggers(mapping)


def _of_schools(mapping: Mapping) -> list[Piece]:
    if mapping.tenant is None:
        return []
    probe = f"select from listener.default_course_id(null::{mapping.tenant.own_type})"
    return [Piece("default_course_of_school", probe=probe, setting=COURSES)]


def _triggers(mapping: Mapping) -> list[Piece]:
    found = []
    if mapping.enrolls:
        for number, each in watching.numbered(mapping):
            functions = f"note_written_watched_{number}", f"note_watched_{number}"
            found.append(_triggers_on(mapping, each.table, each.triggers, *functions))
    if mapping.counts:
        functions = "note_written_enrollments", "note_enrollment"
        found.append(_triggers_on(mapping, mapping.enrollment_table, EVERY_CHANGE, *functions))
    functions = "note_written_courses", "note_updated_course"
    return [*found, _triggers_on(mapping, mapping.course_table, EVERY_CHANGE, *functions)]


def _triggers_on(mapping: Mapping, table: Table, names: tuple[str, ...], of_statement: str, of_row: str) -> Piece:
    """Of a partitioned table, a trigger for each row is cloned to every partition, now and later, and sees rows written
    to a partition directly. A trigger for each statement would see only statements that name the partitioned table
    itself."""
    by_row = table in mapping.partitioned and of_row != "note_updated_course"  # which knows updates alone
    tokens = Tokens(mapping)
    texts = []
    if by_row and table == mapping.profile_table:
        names = (*names, *MOVES)
    if of_row == "note_updated_course" and table in mapping.partitioned:
        names = (*names, *MOVES, *MOVED)
    for name in names:
        operation = MOVED.get(name, name.removeprefix("watch_"))
        is_of_row = operation == "update" or name in MOVED or (by_row and operation in ("insert", "delete"))
        section = "row" if is_of_row else operation
        if operation == "truncate":
            section = "before_truncate" if operation == name else "after_truncate"
        values = {
            "trigger": f"listener_{name}",
            "operation": operation,
            "table": str(tokens.table(table)),
            "function": "note_moved_course" if name in MOVED else of_row if section == "row" else of_statement,
        }
        texts.append(sql.render(sql.read("schema/adapter/triggers", section), values))
    triggers = tuple(f"listener_{name}" for name in names)
    return Piece("triggers", on_table=tokens.of(table), triggers=triggers, triggers_text="\n\n".join(texts))


def code(mapping: Mapping) -> str:
    """The SQL of everything that can be replaced at any time: functions, triggers, views, rights."""
    tokens = Tokens(mapping)
    plain = rendering.placeholders(mapping)
    checks = TableChecks(mapping, tokens)
    values = rendering.placeholders(tokens.mapping, checks=checks.values())
    values["routes"] = watching.routes(mapping, tokens, checks)
    values |= watching.due(mapping)
    used = pieces(mapping)
    texts = [
        sql.render(
            piece.text,
            values if piece.watched is None else values | watching.values_of(mapping, tokens, piece.watched, values),
        )
        for piece in used
    ]
    plain |= {
        "bindings": ",\n        ".join(each.row() for each in tokens.bound),
        "adapter": ",\n".join(_row(*each) for each in enumerate(zip(used, texts, strict=True), 1)),
    }
    plain |= step.values() | long_keys.values(mapping)
    parts = (
        "\n\n".join([heading(part), *(sql.render(_read(file), plain) for file in files)])
        for part, files in _files(mapping).items()
    )
    return "\n\n".join(parts)


def _row(number: int, piece_and_text: tuple[Piece, str]) -> str:
    """Stores a piece."""
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
    return f"({', '.join(values)}, {definition})"


def _files(mapping: Mapping) -> dict[str, list[str]]:
    """Needed SQL files of each part, in order."""
    live_count = "live_count" if mapping.counts else "live_count_counted"
    files = {
        "feed": ["error_text", "feed", "batch", "ahead", "first_checkpoints", "count_on_its_way"],
        "names": ["binding", "bound_now", "binding_problems", "following", "new_keys"],
        "leading": ["lock_holder", "leading", "bell"],
        "adapter": ["bind"],
        "views": ["functions", "views", live_count],
        "reactions": ["brake", "enroll", "count", "pass_over", "retry_enroll", "retry_count", "purge", "step"],
        "repairs": ["missed", "audit_students", "make_good_students", "make_good_counts", "repair_counts"],
        "rights": ["rights"],
    }
    files["reactions"] += ["may_take_back"] if mapping.takes_back else []
    files["reactions"] += ["may_join"] if brake.on_joining(mapping) else []
    files["reactions"] += ["history", "settle_now"] if history.is_kept(mapping) else ["settle_now"]
    files["repairs"] += ["restart_feed", "restart_if_restored", "pausing", "problems"]
    files["repairs"] += ["rule_parts"] if mapping.wanted_query else []
    files["repairs"] += ["partitions", "first_partitions"] if mapping.partitioned else []
    files["repairs"] += ["long_keys"] if long_keys.may_be_long(mapping) else []
    files["rights"] += ["sync_status_view"] if "status" in mapping.statistics else []
    files["rights"] += ["grants", "doors"] if mapping.runtime_roles else []
    files["rights"] += ["doors_now"] if mapping.now_roles else []
    files["rights"] += ["index"] if mapping.missing_index == "small" else []
    files["rights"] += ["index_comment"] if mapping.missing_index is not None else []
    return files


def _read(name: str) -> str:
    """A step around the code, or a file."""
    steps = sql.sections("schema/script/steps")
    files = {"bind": "schema/script/bind", "doors": "catalogue/doors", "doors_now": "catalogue/doors_now"}
    return steps[name] if name in steps else sql.read(files.get(name, f"schema/functions/{name}"))


def heading(part: str) -> str:
    """The line that begins a part of the script, and is told at the script's top."""
    return f"-- == {part}: {PARTS[part]}"


def made(mapping: Mapping) -> list[str]:
    """Names of the functions and views that the script makes in schema listener."""
    return sorted(set(MADE.findall(code(mapping))))


def fingerprint(mapping: Mapping) -> str:
    """Changes whenever the installed code would."""
    read = (mapping.query_views, mapping.query_functions)
    return hashlib.sha256(f"{code(mapping)}{mapping.taken_over}{read}".encode()).hexdigest()

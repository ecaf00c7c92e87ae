"""The statements that meet a backlog, with their arguments: the daemon's, the audit's and the commands'."""

from dataclasses import dataclass

from listener import sql
from listener.adapter import preview as previewing
from listener.adapter import rendering
from listener.adapter.install import VERSION, Installation
from listener.adapter.mapping import Mapping
from listener.connection import few_rows
from listener.feed.consumer import pass_over
from listener.reactions.counting import CONCERNED, RETRY_COUNTS
from listener.reactions.enrolling import RETRY_EACH, RETRY_TOGETHER
from listener.reactions.reaction import Reaction
from listener.repair import restructure, structure

FINDINGS = sorted(file.stem for file in (sql.folder() / "repair" / "findings").glob("*.sql") if file.stem != "orphans")
ORPHANS = ("enrollments_of_nobody", "enrollments_of_no_course")

ENROLL, COUNT = Reaction.load("enroll"), Reaction.load("count")
CONSUMERS = "array['enroll', 'count']"
WHOLE = sql.read("session/whole_tables")
BY_KEY = few_rows("local")
"""What the daemon's session is set to."""


@dataclass(frozen=True)
class Case:
    """A statement and its arguments."""

    text: str
    arguments: str = ""
    settings: str = BY_KEY
    """As it is run."""
    bounded: bool = True
    """Whether it handles no more than a batch, or looks at no more than a few."""

    def prepare(self, name: str) -> str:
        return f'prepare "{name}" as {self.text}'

    def execute(self, name: str) -> str:
        return f'execute "{name}"' + (f"({self.arguments})" if self.arguments else "")


def daemon() -> dict[str, Case]:
    """Of the daemon's own session."""
    return {
        "enroll": Case(ENROLL.together._statement, "'enroll', 200, 20"),
        "enroll_each": Case(ENROLL.each._statement, "'enroll', 200, 20"),
        "count": Case(COUNT.together._statement, "'count', 200, 20"),
        "count_each": Case(COUNT.each._statement, "'count', 200, 20"),
        "enroll_few": Case(sql.read("reactions/enroll_few"), "200, 20"),
        "count_few": Case(sql.read("reactions/count_few"), "200, 20"),
        "pass_over": Case(pass_over(CONCERNED), "'count', 200"),
        "retry_enroll_each": Case(RETRY_EACH, "200, 20"),
        "retry_enroll_together": Case(RETRY_TOGETHER, "200, 20"),
        "retry_count": Case(RETRY_COUNTS, "20, 20"),
        "purge": Case(sql.read("feed/purge"), f"{CONSUMERS}, '5', 500, 60"),
        "purge_of_nothing": Case(sql.read("feed/purge"), f"{CONSUMERS}, '5', 500, 7200"),
        "purge_checkpoints": Case(sql.read("feed/purge_checkpoints"), "'enroll', 0, 500, 0"),
        "purge_checkpoints_of_nothing": Case(sql.read("feed/purge_checkpoints"), "'enroll', 0, 500, 3600"),
        "sample": Case(sql.read("monitor/sample"), f"{CONSUMERS}, 100"),
        "heartbeat": Case(sql.read("daemon/heartbeat")),
        "trust_notes": Case(sql.read("daemon/trust_notes")),
        "is_restored": Case(sql.read("repair/is_restored"), CONSUMERS),
    }


def others(mapping: Mapping) -> dict[str, Case]:
    """Of the audit and the commands, each of which has a connection of its own, and of those who look at the views."""
    values = rendering.placeholders(mapping) | {"referred_table": "public.people", "referred_key": '{row}."id"'}

    def whole(name: str, arguments: str = "") -> Case:
        return Case(sql.render(sql.read(name), values), arguments, WHOLE, bounded=False)

    def plain(text: str, arguments: str = "", *, bounded: bool = True) -> Case:
        return Case(text, arguments, "", bounded)

    found = {
        "restart_feed": Case(sql.read("repair/restart_feed"), CONSUMERS, BY_KEY + WHOLE, bounded=False),
        "draining": plain(sql.read("repair/draining")),
        "handled": plain(sql.read("repair/handled"), f"{CONSUMERS}, pg_current_snapshot()::text"),
        "status": plain(sql.read("monitor/status"), f"1, array[1, 2]::bigint[], 'x', {CONSUMERS}"),
        "sample_of_status": plain(sql.read("monitor/sample"), f"{CONSUMERS}, 100"),
        "replay_look": plain(sql.read("feed/replay_look"), "'count', now() - interval '1 day'", bounded=False),
        "replay": plain(
            sql.read("feed/replay"), "'count', now(), '3', pg_current_snapshot()::text, 'listener', 'look'"
        ),
        "statistics": plain(sql.read("monitor/statistics"), bounded=False),
        "counts": plain(sql.read("repair/counts"), bounded=False),
        "pending": plain(sql.read("repair/pending"), "100", bounded=False),
        "pending_retry": plain(sql.read("repair/pending_retry"), "null, 'listener', 'look'", bounded=False),
        "pending_drop": plain(sql.read("repair/pending_drop"), "null", bounded=False),
        "course_live_count": plain("select * from listener.course_live_count", bounded=False),
        "sync_status": plain("select * from profile_enrollment_sync_status", bounded=False),
        "get_enrollment_statistics": plain("select * from get_enrollment_statistics()", bounded=False),
    }
    for name in ("students", "repair_counts", "make_good_students", "make_good_counts", "settle_abandoned_counts"):
        found[name] = whole(f"repair/{name}")
    places = [f"({page},{row})" for page in range(10) for row in range(1, 101)]
    for code in restructure.ASTRAY:
        found[f"astray_{code}"] = plain(restructure.astray_statement(mapping, code), bounded=False)
        chosen = f"array{places}, 'enrollments'::regclass"
        found[f"quarantine_{code}"] = Case(restructure.quarantine_statement(mapping, code, chosen=True), chosen)
        found[f"quarantine_all_{code}"] = plain(restructure.quarantine_statement(mapping, code), bounded=False)
    for name in FINDINGS:
        found[name] = whole(f"repair/findings/{name}")
    for code in ORPHANS:
        text = sql.render(sql.read("repair/findings/orphans"), values | structure.reference(mapping, code))
        found[code] = Case(text, "", WHOLE, bounded=False)
    found["astray_next"] = whole("repair/astray_next", "'{last}', 100")
    found["astray_still"] = whole("repair/astray_still", "array['{last}']")
    found["note_profiles"] = plain(sql.render(sql.read("repair/note_profiles"), values), "array['{last}']")
    this = Installation(VERSION, "", None)
    for name, more in (
        ("preview", previewing.placeholders(mapping, this)),
        ("preview_of_installed", previewing.placeholders_of_installed(mapping)),
    ):
        found[name] = Case(sql.render(sql.read("adapter/preview/movements"), more), "5", WHOLE, bounded=False)
    found["note_missing"] = plain(sql.render(sql.read("repair/note_missing"), values), "'{last}', 100")
    found["still_unenrolled"] = plain(sql.render(sql.read("repair/still_unenrolled"), values), "array['{last}']")
    return found


# Those that write much come last: what is taken back stays behind as dead rows, which whoever follows must step over.
# (Without a VACUUM, for it would count the rows of a table of which nothing is to be known.)
NAMES = (
    *(
        "draining",
        "handled",
        "status",
        "sample_of_status",
        "replay_look",
        "replay",
        "statistics",
        "counts",
        "pending",
        "course_live_count",
    ),
    *("sync_status", "get_enrollment_statistics", "students", "note_missing", "still_unenrolled"),
    *("astray_next", "astray_still", "note_profiles", "preview", "preview_of_installed"),
    *FINDINGS,
    *ORPHANS,
    *daemon(),
    *(f"{name}_{code}" for name in ("astray", "quarantine", "quarantine_all") for code in restructure.ASTRAY),
    *("pending_drop", "make_good_counts", "repair_counts", "make_good_students", "pending_retry", "restart_feed"),
    "settle_abandoned_counts",
)

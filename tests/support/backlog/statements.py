"""The statements that meet a backlog, with their arguments: the daemon's, the audit's and the commands'."""

from dataclasses import dataclass

from listener import sql
from listener.catalogue.installation import VERSION, Installation
from listener.daemon.chores import TRUSTING_HEARTBEAT
from listener.database.connection import few_rows
from listener.feed import purge
from listener.inspection import preview as previewing
from listener.inspection import structure
from listener.instruments.look import LOOK
from listener.mapping import long_keys, rendering
from listener.mapping.mapping import Mapping
from listener.reactions.counting import PASSING, RETRY_COUNTS
from listener.reactions.enrolling import RETRY_EACH, RETRY_TOGETHER
from listener.reactions.reaction import BuiltIn
from listener.repair import restructure
from tests.support.plans import body

FINDINGS = sorted(sql.sections("inspection/findings").keys() - {"orphans"})
ORPHANS = ("enrollments_of_nobody", "enrollments_of_no_course")

ENROLL, COUNT = BuiltIn("enroll"), BuiltIn("count")
CONSUMERS = "array['enroll', 'count']"
WHOLE = sql.read("database/settings", "whole_tables")
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
        "enroll": Case(ENROLL.together._statement, "200, 20"),
        "enroll_each": Case(ENROLL.each._statement, "200, 20"),
        "count": Case(COUNT.together._statement, "200, 20"),
        "count_each": Case(COUNT.each._statement, "200, 20"),
        "enroll_fresh": Case(ENROLL._fresh._statement, "100, 20, null"),
        "enroll_each_fresh": Case(ENROLL._each_fresh._statement, "100, 20, null"),
        "count_fresh": Case(COUNT._fresh._statement, "100, 20, null"),
        "count_each_fresh": Case(COUNT._each_fresh._statement, "100, 20, null"),
        "lane": Case(sql.read("feed/lane"), "'enroll', null, 100"),
        "pass_over": Case(PASSING, "200"),
        "retry_enroll_each": Case(RETRY_EACH, "200, 20"),
        "retry_enroll_together": Case(RETRY_TOGETHER, "200, 20"),
        "retry_count": Case(RETRY_COUNTS, "20, 20"),
        "purge": Case(purge.NOTES, "'5', 500, 60"),
        "purge_of_nothing": Case(purge.NOTES, "'5', 500, 7200"),
        "purge_checkpoints": Case(purge.CHECKPOINTS, "'enroll', 0, 500, 0"),
        "purge_checkpoints_of_nothing": Case(purge.CHECKPOINTS, "'enroll', 0, 500, 3600"),
        "look": Case(LOOK, f"100, {CONSUMERS}"),
        "trusting_heartbeat": Case(TRUSTING_HEARTBEAT),
        "restart_if_restored": Case("select * from listener.restart_if_restored()"),
    }


def others(mapping: Mapping) -> dict[str, Case]:
    """Of the audit and the commands, each of which has a connection of its own, and of those who look at the views."""
    values = rendering.placeholders(mapping) | {
        "referred_table": "public.people",
        "referred_key": '{row}."id"',
        "longest_key": str(long_keys.LONGEST),
    }

    def whole(name: str, section: str, arguments: str = "") -> Case:
        return Case(sql.render(sql.read(name, section), values), arguments, WHOLE, bounded=False)

    def plain(text: str, arguments: str = "", *, bounded: bool = True) -> Case:
        return Case(text, arguments, "", bounded)

    found = {
        "restart_feed": Case(body("restart_feed", consumers="text[]"), CONSUMERS, BY_KEY + WHOLE, bounded=False),
        "repair_counts": Case("select * from listener.repair_counts()", "", WHOLE, bounded=False),
        "settle_abandoned_counts": Case("select listener.settle_abandoned_counts()", "", WHOLE, bounded=False),
        "audit_students": Case(
            body("audit_students", notes="boolean", noted_before="text[]", most="bigint"),
            "false, array[]::text[], 10",
            WHOLE,
            bounded=False,
        ),
        "missed": Case(body("missed"), "", WHOLE, bounded=False),
        "audit.draining": plain(sql.read("repair/audit", "draining")),
        "handled": plain(sql.read("repair/handled"), f"{CONSUMERS}, pg_current_snapshot()::text"),
        "status.leader": plain(sql.read("inspection/status", "leader"), "'x'"),
        "look_of_status": plain(LOOK, f"100, {CONSUMERS}"),
        "replaying.look": plain(sql.read("feed/replaying", "look"), "'count', now() - interval '1 day'", bounded=False),
        "replaying.set_back": plain(
            sql.read("feed/replaying", "set_back"),
            "'count', now(), '3', pg_current_snapshot()::text, 'listener', 'look'",
        ),
        "status.statistics": plain(sql.read("inspection/status", "statistics"), bounded=False),
        "audit.written": plain(
            sql.read("repair/audit", "written"), "array['public'], array['profiles'], array['public.profiles']"
        ),
        "audit.counts": plain(sql.read("repair/audit", "counts"), bounded=False),
        "pending.list": plain(sql.read("repair/pending", "list"), "100", bounded=False),
        "pending.held": plain(sql.read("repair/pending", "held"), "100", bounded=False),
        "release.held": plain(sql.read("repair/release", "held"), "null, 5", bounded=False),
        "release.brake": plain(sql.read("repair/release", "brake")),
        "release.left": plain(
            sql.render(sql.read("repair/release", "left"), values), "array['1', '2'], array['1', '2']"
        ),
        "release.release": plain(sql.read("repair/release", "release"), "null, now(), 100", bounded=False),
        "pending.courses": plain(sql.read("repair/pending", "courses"), "100", bounded=False),
        "pending.total": plain(sql.read("repair/pending", "total"), "100"),
        "pending.retry": plain(sql.read("repair/pending", "retry"), "null, 'listener', 'look'", bounded=False),
        "pending.drop": plain(sql.read("repair/pending", "drop"), "null", bounded=False),
        "forgetting.forget": plain(
            sql.render(sql.read("repair/forgetting", "forget"), values), "'{last}', 'user_id', 'x'", bounded=False
        ),
        "course_live_count": plain("select * from listener.course_live_count", bounded=False),
        "sync_status": plain("select * from profile_enrollment_sync_status", bounded=False),
        "get_enrollment_statistics": plain("select * from get_enrollment_statistics()", bounded=False),
    }
    for name in ("make_good_students", "make_good_counts"):
        found[name] = Case(body(name), "", WHOLE, bounded=False)
    places = [f"({page},{row})" for page in range(10) for row in range(1, 101)]
    for code in restructure.ASTRAY:
        found[f"rows_{code}"] = plain(restructure.rows_statement(mapping, code), bounded=False)
        chosen = f"array{places}, 'enrollments'::regclass"
        found[f"quarantine_{code}"] = Case(restructure.quarantine_statement(mapping, code), chosen)
        found[f"quarantine_all_{code}"] = plain(restructure.quarantine_migration(mapping, code), bounded=False)
    for name in FINDINGS:
        found[f"findings.{name}"] = whole("inspection/findings", name)
    for code in ORPHANS:
        text = sql.render(sql.read("inspection/findings", "orphans"), values | structure.reference(mapping, code))
        found[code] = Case(text, "", WHOLE, bounded=False)
    found["sync.astray_next"] = whole("repair/sync", "astray_next", "'{last}', 100, 10")
    found["sync.astray_still"] = whole("repair/sync", "astray_still", "array['{{last}}']")
    found["sync.note_profiles"] = plain(
        sql.render(sql.read("repair/sync", "note_profiles"), values), "array['{{last}}']"
    )
    found["sync.waiting"] = plain(sql.read("repair/sync", "waiting"), bounded=False)
    this = Installation(VERSION, "", None)
    for name, more in (
        ("preview", previewing.placeholders(mapping, this)),
        ("preview_of_installed", previewing.placeholders_of_installed(mapping)),
    ):
        found[name] = Case(sql.render(sql.read("inspection/preview", "movements"), more), "5", WHOLE, bounded=False)
    return found


# Those that write much come last: what is taken back stays behind as dead rows, which those that follow must step over.
# (Without a VACUUM, for it would count the rows of a table of which nothing is to be known.)
NAMES = (
    *(
        "audit.draining",
        "handled",
        "status.leader",
        "look_of_status",
        "replaying.look",
        "replaying.set_back",
        "status.statistics",
        "audit.counts",
        "audit.written",
        "pending.list",
        "pending.held",
        "release.held",
        "release.brake",
        "release.left",
        "pending.courses",
        "pending.total",
        "course_live_count",
    ),
    *("sync_status", "get_enrollment_statistics", "audit_students", "missed"),
    *("sync.astray_next", "sync.astray_still", "sync.note_profiles", "sync.waiting", "preview", "preview_of_installed"),
    *(f"findings.{name}" for name in FINDINGS),
    *ORPHANS,
    *daemon(),
    *(f"{name}_{code}" for name in ("rows", "quarantine", "quarantine_all") for code in restructure.ASTRAY),
    *(
        "release.release",
        "pending.drop",
        "make_good_counts",
        "repair_counts",
        "make_good_students",
        "pending.retry",
        "restart_feed",
    ),
    "forgetting.forget",
    "settle_abandoned_counts",
)

"""Faults in what stands beside it: pauses, purge, parked counts, repairs, replays, the bell, the brake, seats."""

from functools import partial

from tests.support.interleavings.mutants.mutant import Mutant

TAKEN_BACK = """insert into listener.brake_use (kind, number)
    values ('leaving', asked)
    on conflict (kind, slot) do update set number = brake_use.number + excluded.number;"""
NOT_PAUSED = "and not exists (select from listener.pause where pause.consumer = '{}')"
CUT = "the rest of a cut transaction is passed over, beside a straggler"
PARKED = "somebody holds the course: counts are parked"

_enroll = partial(Mutant, function="listener.enroll")
_count = partial(Mutant, function="listener.count")
_purge = partial(Mutant, function="listener.purge")
_pass_over = partial(Mutant, function="listener.pass_over")

MUTANTS = (
    _count(
        fault="counting goes on while it is paused",
        old=NOT_PAUSED.format("count"),
        new="",
        program="counting is paused, and goes on",
    ),
    _enroll(
        fault="enrolling goes on while it is paused",
        old=NOT_PAUSED.format("enroll"),
        new="",
        program="enrolling is paused, and goes on",
    ),
    Mutant(
        "parked counts are tried again while counting is paused",
        "listener.retry_count",
        NOT_PAUSED.format("count"),
        "",
        "a parked count is paused",
    ),
    _purge(
        fault="purge takes who was in flight for handled",
        old="not pg_visible_in_snapshot(change.xid, last_checkpoint.handled)",
        new="change.xid >= pg_snapshot_xmax(last_checkpoint.handled)",
        program="old notes are purged beside a straggler",
        is_quick=False,
    ),
    _purge(
        fault="purge asks enrolling alone",
        old="from listener.last_checkpoint\n",
        new="from listener.last_checkpoint where last_checkpoint.consumer = 'enroll'\n",
        program="old notes are purged",
    ),
    Mutant(
        "purge takes the last checkpoint, too",
        "listener.purge_checkpoints",
        "and checkpoint.seq < (",
        "and checkpoint.seq <= (",
        "old notes are purged",
    ),
    Mutant(
        "a parked count is tried again without its row's lock",
        "listener.retry_count",
        "for update skip locked",
        "",
        "parked counts are tried again by two leaders",
        is_quick=False,
    ),
    Mutant(
        "a parked count that has moved stays parked",
        "listener.retry_count",
        "array(select outcome.course_id from outcome where outcome.is_settled)",
        "'{}'",
        PARKED,
    ),
    _count(
        fault="a count that is parked takes the place of another one",
        old="delta = pending_count.delta + excluded.delta,",
        new="delta = excluded.delta,",
        program="two counts of a course are parked",
        is_quick=False,
    ),
    _count(
        fault="what could not be moved is forgotten",
        old="where not outcome.is_moved",
        new="where false",
        program=PARKED,
    ),
    _pass_over(
        fault="passing over does not look at who was in flight",
        old="straggler.xid is distinct from (select own.xid from own)",
        new="false",
        program="some are passed over, a straggler moves a count",
        is_quick=False,
    ),
    _pass_over(
        fault="passing over does not stop at a note that moves a count",
        old="walked.concerned_xid,",
        new="null::xid8,",
        program="notes that move no count are passed over",
    ),
    _pass_over(
        fault="passing over takes the first note that moves a count along",
        old="first_left, false",
        new="first_left, true",
        program="notes that move no count are passed over",
    ),
    _pass_over(
        fault="passing over handles once more what came before a cut",
        old="change.id <= last_checkpoint.partial_id",
        new="false",
        program=CUT,
    ),
    _pass_over(
        fault="passing over does not say that who was in flight is handled",
        old="change.xid = any (array(select pg_snapshot_xip(last_checkpoint.handled)))",
        new="false",
        program=CUT,
    ),
    _pass_over(
        fault="passing over forgets who is in flight",
        old="case\n                when passed_over.first_left is null then listener.seen(pg_current_snapshot())",
        new="case\n                when passed_over.first_left is null"
        " then listener.snapshot_of(pg_snapshot_xmax(pg_current_snapshot()), '{}')",
        program="some are passed over, a straggler moves a count",
        is_quick=False,
    ),
    Mutant(
        "a checkpoint calls its own transaction handled",
        "listener.seen",
        "if pg_current_xact_id_if_assigned() < pg_snapshot_xmax(snapshot) then",
        "if false then",
        "a step stops once it has counted",
    ),
    Mutant(
        "two put counts right at once",
        "listener.repair_counts",
        "perform listener.repair_alone();",
        "",
        "two put counts right",
    ),
    Mutant(
        "counts are put right without what is noted",
        "listener.drifted_counts",
        "coalesce(count_on_its_way.delta, 0)",
        "0",
        "counts are put right beside a leader",
    ),
    Mutant(
        "a replay takes nothing back of what is beyond its beginning",
        "listener.snapshot_before",
        "where straggler.xid < first_xid",
        "where false",
        "a replay beside a straggler",
        is_quick=False,
    ),
    Mutant(
        "writers never ring",
        "listener.note_written_watched_1",
        "if not pg_try_advisory_xact_lock_shared(1279873876, 2) then",
        "if false then",
        "the bell is held before the last look",
    ),
    Mutant(
        "a writer lets the bell go before its commit",
        "listener.note_written_watched_1",
        "if not pg_try_advisory_xact_lock_shared(1279873876, 2) then",
        "if not (pg_try_advisory_lock_shared(1279873876, 2) and pg_advisory_unlock_shared(1279873876, 2)) then",
        "the bell is held before the last look",
    ),
    Mutant(
        "who leaves is not noted for the count",
        "listener.note_enrollment",
        "(left_course_id, -1), ",
        "",
        "the LMS enrolls, undoes, ends and deletes enrollments",
    ),
    Mutant(
        "deleted enrollments are counted as new ones",
        "listener.note_written_enrollments",
        "case tg_op when 'INSERT' then 1 else -1 end",
        "1",
        "the LMS enrolls, undoes, ends and deletes enrollments",
    ),
    Mutant(
        "the brake is asked without its lock",
        "listener.may_take_back",
        "perform from listener.brake order by brake.kind for update;",
        "",
        "two take back at once",
    ),
    Mutant(
        "the brake looks before it has its lock",
        "listener.may_take_back",
        "perform from listener.brake order by brake.kind for update;",
        "asked := asked + listener.brake_used('leaving'); perform from listener.brake order by brake.kind for update;"
        " asked := asked - listener.brake_used('leaving');",
        "two take back at once",
    ),
    Mutant(
        "what is taken back is not written down",
        "listener.may_take_back",
        TAKEN_BACK,
        "",
        "two stop paying, the brake lets one go",
    ),
    Mutant(
        "with seats somebody fresh goes ahead of the line",
        "listener.fresh",
        "and consumer_name <> 'enroll'",
        "",
        "behind a crowd, somebody fresh wants the last seat",
    ),
    Mutant(
        "the brake on joining is asked without its lock",
        "listener.may_join",
        "perform from listener.brake order by brake.kind for update;",
        "",
        "two join at once",
    ),
    Mutant(
        "who joined is not written down",
        "listener.settle",
        "having count(*) > 0",
        "having false",
        "two pay, the brake lets one join",
    ),
    Mutant(
        "who is held and wanted no more stays held",
        "listener.enroll",
        "pending_enrollment.reason in ('full', 'held') or",
        "pending_enrollment.reason in ('full') or",
        "two are held, and one stops paying",
    ),
    Mutant(
        "seats are free while an enrollment is noted, and not counted",
        "listener.settle",
        "select on_its_way.delta\n",
        "select 0\n",
        "two pay for the last seat",
        is_quick=False,
    ),
    Mutant(
        "who leaves lets nobody move up",
        "listener.enroll",
        "when may_free_seats or pending > 0 then listener.wake_waiting()",
        "when false then 0",
        "somebody leaves the last seat while somebody waits",
        is_quick=False,
    ),
    Mutant(
        "what the brake holds is not written down",
        "listener.settle",
        "set held_since = clock_timestamp()",
        "set held_since = null",
        "two stop paying, the brake lets one go",
    ),
    Mutant(
        "a parked student is forgotten",
        "listener.enroll",
        "from waiting\n                on conflict",
        "from waiting where false\n                on conflict",
        "the course is held when a leader enrolls",
    ),
)

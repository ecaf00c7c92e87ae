"""Deliberate faults, each put into one function that is installed, as another text in its definition.

Each must be found by some schedule of the program that it names. That is how the programs were tuned: a fault that lives
says which program is missing.
"""

from dataclasses import dataclass
from functools import partial

SEEN = "listener.seen(pg_current_snapshot())"
NOT_PAUSED = "and not exists (select from listener.pause where pause.consumer = '{}')"


@dataclass(frozen=True)
class Mutant:
    """One fault."""

    fault: str
    function: str
    old: str
    new: str
    program: str
    is_quick: bool = True
    """Whether it is found by few schedules, and so in the short form, too."""


_enroll, _count, _write, _purge, _pass_over = (
    partial(Mutant, function=f"listener.{name}")
    for name in ("enroll", "count", "write_checkpoint", "purge", "pass_over")
)
THREE = "three stragglers, two of them of two notes"
OWN_REACTION = "a reaction of one's own, one note at a time"
TWO_OF_TWO = "two writers of two, a leader"
ENROLLS_TWO = "the LMS enrolls two, counts are moved"
SINGLY = "the LMS enrolls two in one transaction, counts are moved one at a time"
PARKED = "somebody holds the course: counts are parked"

MUTANTS = (
    _enroll(
        fault="the checkpoint of enrolling is the highest number that is over",
        old="values ('enroll', seq, seen_by_read, changes)",
        new="values ('enroll', seq, listener.snapshot_of(pg_snapshot_xmax(seen_by_read), '{}'), changes)",
        program="three writers, a leader",
    ),
    _count(
        fault="the checkpoint of counting is the highest number that is over",
        old="values ('count', seq, seen_by_read, changes)",
        new="values ('count', seq, listener.snapshot_of(pg_snapshot_xmax(seen_by_read), '{}'), changes)",
        program=ENROLLS_TWO,
    ),
    _enroll(
        fault="enrolling has no fence",
        old="seq := read_after_seq + 1;",
        new="seq := (extract(epoch from clock_timestamp()) * 1000000)::bigint;",
        program="a writer, two leaders that enroll, no key",
    ),
    _count(
        fault="counting has no fence",
        old="seq := read_after_seq + 1;",
        new="seq := (select max(checkpoint.seq) + 1 from listener.checkpoint);",
        program="a leader stops between its look and its checkpoint, counting",
    ),
    _write(
        fault="a checkpoint of a cut batch has no fence",
        old="after_seq + 1,\n        case",
        new="(select max(later.seq) + 1 from listener.checkpoint as later),\n        case",
        program="a leader of one's own reaction stops before its checkpoint",
    ),
    _enroll(
        fault="enrolling takes its snapshot in another statement than its notes",
        old="if changes = 0 then",
        new=f"seen_by_read := {SEEN}; if changes = 0 then",
        program="a leader stops between its look and its checkpoint",
    ),
    _count(
        fault="counting takes its snapshot in another statement than its notes",
        old="if changes = 0 then",
        new=f"seen_by_read := {SEEN}; if changes = 0 then",
        program="a leader stops between its look and its checkpoint, counting",
    ),
    _write(
        fault="how far a cut transaction was read is forgotten",
        old="case when next_xid = last_xid then last_xid end",
        new="null::xid8",
        program=OWN_REACTION,
    ),
    _write(
        fault="a cut transaction counts as whole",
        old="next_xid is distinct from last_xid)",
        new="true)",
        program="old notes are purged while a transaction is cut",
    ),
    _write(
        fault="the rest of a cut transaction is never done",
        old="when next_xid is null then listener.snapshot_with(checkpoint.handled, last_xid)",
        new="when next_xid is null then checkpoint.handled",
        program=OWN_REACTION,
    ),
    _write(
        fault="the rest of a cut transaction stands for whatever was seen",
        old="when next_xid is null then listener.snapshot_with(checkpoint.handled, last_xid)",
        new="when next_xid is null then seen",
        program=OWN_REACTION,
    ),
    Mutant(
        "a batch that ends early forgets who was in flight before",
        "listener.snapshot_through",
        "where old_straggler.xid > last_xid or (old_straggler.xid = last_xid and not whole)",
        "where false",
        "three writers, a reaction of one's own",
    ),
    Mutant(
        "a batch that ends early forgets who is in flight",
        "listener.snapshot_through",
        "where in_flight.xid < last_xid",
        "where false",
        OWN_REACTION,
    ),
    Mutant(
        "a batch that ends early stands for the last number, too",
        "listener.snapshot_through",
        "case when whole then (last_xid::text::bigint + 1)::text::xid8 else last_xid end",
        "(last_xid::text::bigint + 2)::text::xid8",
        OWN_REACTION,
    ),
    Mutant(
        "a finished transaction takes the others in flight along",
        "listener.snapshot_with",
        "where straggler.xid <> finished",
        "where false",
        OWN_REACTION,
    ),
    _enroll(
        fault="the first transaction after a checkpoint is left out",
        old="change.xid >= pg_snapshot_xmax(last_checkpoint.handled)",
        new="change.xid > pg_snapshot_xmax(last_checkpoint.handled)",
        program="three writers, a leader",
    ),
    Mutant(
        "who was in flight is not looked up again",
        "listener.batch",
        "straggler.xid is distinct from last_checkpoint.partial_xid",
        "false",
        OWN_REACTION,
    ),
    Mutant(
        "a transaction that was cut is read from its beginning, too",
        "listener.batch",
        "straggler.xid is distinct from last_checkpoint.partial_xid",
        "true",
        OWN_REACTION,
    ),
    Mutant(
        "while a transaction is cut, others go on",
        "listener.batch",
        "where next_note.partial_xid is null or next_note.xid = next_note.partial_xid",
        "where true",
        OWN_REACTION,
    ),
    Mutant(
        "the rest of a cut transaction begins with the note that was the last",
        "listener.batch",
        "change.id > last_checkpoint.partial_id",
        "change.id >= last_checkpoint.partial_id",
        OWN_REACTION,
    ),
    Mutant(
        "a reaction sees notes that did not fit",
        "proof.sees",
        "cross join read_ahead\n    where read_ahead.fits",
        "cross join read_ahead",
        OWN_REACTION,
    ),
    _count(
        fault="counting moves what did not fit",
        old="where note.fits and note.course_id is not null",
        new="where note.course_id is not null",
        program=SINGLY,
    ),
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
    ),
    _count(
        fault="what could not be moved is forgotten",
        old="where not outcome.is_moved",
        new="where false",
        program=PARKED,
    ),
    _pass_over(
        fault="passing over does not look at who was in flight",
        old="where straggler.xid is distinct from (select own.xid from own)",
        new="where false",
        program="some are passed over, a straggler moves a count",
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
        fault="passing over forgets who is in flight",
        old="case\n                when passed_over.first_left is null then listener.seen(pg_current_snapshot())",
        new="case\n                when passed_over.first_left is null"
        " then listener.snapshot_of(pg_snapshot_xmax(pg_current_snapshot()), '{}')",
        program="some are passed over, a straggler moves a count",
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
        "perform from listener.brake where brake.only_row for update;",
        "",
        "two take back at once",
    ),
    Mutant(
        "the brake looks before it has its lock",
        "listener.may_take_back",
        "perform from listener.brake where brake.only_row for update;",
        "asked := asked + listener.taken_back_lately(); perform from listener.brake where brake.only_row for update;"
        " asked := asked - listener.taken_back_lately();",
        "two take back at once",
    ),
    Mutant(
        "what is taken back is not written down",
        "listener.may_take_back",
        "insert into listener.taken_back (slot, number)\n    values (to_timestamp(floor(extract(epoch from clock_timestamp()) / 10) * 10), asked)\n"
        "    on conflict (slot) do update set number = taken_back.number + excluded.number;",
        "",
        "two stop paying, the brake lets one go",
    ),
    Mutant(
        "seats are free while an enrollment is noted, and not counted",
        "listener.settle",
        "select on_its_way.delta\n",
        "select 0\n",
        "two pay for the last seat",
    ),
    Mutant(
        "who leaves lets nobody move up",
        "listener.enroll",
        "when may_free_seats then listener.wake_waiting()",
        "when false then 0",
        "somebody leaves the last seat while somebody waits",
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

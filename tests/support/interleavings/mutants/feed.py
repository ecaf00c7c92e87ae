"""Faults in the feed: checkpoints, batches that are cut, the fence."""

from functools import partial

from tests.support.interleavings.mutants.mutant import Mutant

SEEN = "listener.seen(pg_current_snapshot())"
OWN_REACTION = "a reaction of one's own, one note at a time"
ENROLLS_TWO = "the LMS enrolls two, counts are moved"
NOTHING_IS_CUT = "and last_checkpoint.partial_xid is null"
SINGLY = "the LMS enrolls two in one transaction, counts are moved one at a time"

_enroll = partial(Mutant, function="listener.enroll")
_count = partial(Mutant, function="listener.count")
_write = partial(Mutant, function="listener.write_checkpoint")

MUTANTS = (
    _enroll(
        fault="the checkpoint of enrolling is the highest number that is over",
        old="values ('enroll', seq, seen_by_read, changes)",
        new="values ('enroll', seq, listener.snapshot_of(pg_snapshot_xmax(seen_by_read), '{}'), changes)",
        program="three writers, a leader",
        is_quick=False,
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
        is_quick=False,
    ),
    Mutant(
        "a batch that ends early forgets who is in flight",
        "listener.snapshot_through",
        "where in_flight.xid < last_xid",
        "where false",
        OWN_REACTION,
        is_quick=False,
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
        is_quick=False,
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
        also=(NOTHING_IS_CUT, ""),
    ),
    Mutant(
        "while a transaction is cut, others go on",
        "listener.batch",
        "where next_note.partial_xid is null or next_note.xid = next_note.partial_xid",
        "where true",
        OWN_REACTION,
        also=(NOTHING_IS_CUT, ""),
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
        "cross join read_ahead\n        where read_ahead.fits",
        "cross join read_ahead",
        OWN_REACTION,
    ),
    _count(
        fault="counting moves what did not fit",
        old="where note.fits and note.course_id is not null",
        new="where note.course_id is not null",
        program=SINGLY,
    ),
)

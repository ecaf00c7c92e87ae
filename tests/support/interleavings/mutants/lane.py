"""Faults in the express lane: what is handled ahead of its turn, and how that is remembered."""

from functools import partial

from tests.support.interleavings.mutants.mutant import Mutant

OWN_REACTION = "behind a crowd, a reaction of one's own"
STOPS = "behind an import, a leader stops between its look and what it writes ahead"
OWN_STOPS = "behind a crowd, a reaction of one's own stops between its look and what it writes ahead"
LEFT = "nothing but what is ahead is left"
COUNTS = "behind a class, counts are moved ahead"
FIRST_TAKEN = "(select taken.xid from unnest(xids) as taken(xid) order by taken.xid limit 1)"
SEEN = "listener.seen(pg_current_snapshot())"

_write_ahead = partial(Mutant, function="listener.write_ahead")
_fresh = partial(Mutant, function="listener.fresh")
_close = partial(Mutant, function="listener.close_ahead")

MUTANTS = (
    _write_ahead(
        fault="what is handled ahead is not remembered",
        old="insert into listener.ahead (consumer, xid)\n    select consumer_name, taken.xid\n"
        "    from unnest(xids) as taken(xid);",
        new="",
        program=OWN_REACTION,
    ),
    _write_ahead(
        fault="what is handled ahead has no fence",
        old="after_seq + 1,",
        new="(select max(later.seq) + 1 from listener.checkpoint as later where later.consumer = consumer_name),",
        program=OWN_STOPS,
    ),
    _write_ahead(
        fault="what is handled ahead forgets how far a cut transaction was read",
        old="checkpoint.partial_xid,\n        checkpoint.partial_id,",
        new="null,\n        null,",
        program=OWN_REACTION,
    ),
    _write_ahead(
        fault="a checkpoint does not say that something is ahead",
        old=f"least(checkpoint.first_ahead, {FIRST_TAKEN})",
        new="null",
        program=OWN_REACTION,
    ),
    _write_ahead(
        fault="the first that is ahead is the last look's first",
        old=f"least(checkpoint.first_ahead, {FIRST_TAKEN})",
        new=FIRST_TAKEN,
        program="behind an import, each look begins where the last one was",
    ),
    Mutant(
        "what is ahead is forgotten by the next batch",
        "listener.write_checkpoint",
        "    insert into listener.checkpoint (consumer, seq, handled, partial_xid,",
        "    delete from listener.ahead where ahead.consumer = consumer_name;"
        " insert into listener.checkpoint (consumer, seq, handled, partial_xid,",
        OWN_REACTION,
    ),
    Mutant(
        "a batch that ends early does not say that something is ahead",
        "listener.write_checkpoint",
        "checkpoint.first_ahead,\n        write_checkpoint.changes",
        "null,\n        write_checkpoint.changes",
        OWN_REACTION,
    ),
    Mutant(
        "who is ahead is looked up in another statement than the notes",
        "listener.enroll",
        "seq := listener.write_ahead('enroll', read_after_seq, taken_xids, changes);",
        "taken_xids := array(select distinct now_fresh.xid"
        " from listener.fresh('enroll', looked::pg_snapshot, most) as now_fresh);"
        " seq := listener.write_ahead('enroll', read_after_seq, taken_xids, changes);",
        "behind an import, two come, a leader stops between its look and what it writes ahead",
    ),
    _close(
        fault="the end of what is ahead takes its snapshot in another statement",
        old="""    with closed as (
        insert into listener.checkpoint (consumer, seq, handled)
        select consumer_name, last_checkpoint.seq + 1, listener.seen(pg_current_snapshot())
        from listener.ahead_of_all(consumer_name) as last_checkpoint(seq)""",
        new="""    perform from listener.ahead_of_all(consumer_name);
    if not found then
        return;
    end if;
    perform proof.stop('close');
    with closed as (
        insert into listener.checkpoint (consumer, seq, handled)
        select consumer_name, last_checkpoint.seq + 1, listener.seen(pg_current_snapshot())
        from listener.last_checkpoint
        where last_checkpoint.consumer = consumer_name""",
        program=LEFT,
    ),
    _close(
        fault="the end of what is ahead forgets who is in flight",
        old=SEEN,
        new="listener.snapshot_of(pg_snapshot_xmax(pg_current_snapshot()), '{}')",
        program=LEFT,
    ),
    _fresh(
        fault="a transaction that was cut is handled ahead, too",
        old="and candidate.found_xid is distinct from last_checkpoint.partial_xid",
        new="",
        program=OWN_REACTION,
    ),
    _fresh(
        fault="enrolling goes on ahead of its turn while it is paused",
        old="and not exists (select from listener.pause where pause.consumer = consumer_name)",
        new="",
        program="behind an import, enrolling is paused",
    ),
    Mutant(
        "what is ahead counts as noted still",
        "listener.unhandled",
        ">= last_checkpoint.first_ahead) is not true",
        "> '0'::xid8) is true",
        COUNTS,
    ),
    Mutant(
        "passing over forgets what is ahead before its end",
        "listener.pass_over",
        "passed_over.first_ahead is not null and passed_over.first_left is null\n    )",
        "passed_over.first_ahead is not null\n    )",
        "behind a class, the newest count is moved ahead, and others are passed over",
        is_quick=False,
    ),
    Mutant(
        "passing over handles once more what was handled ahead",
        "listener.pass_over",
        "count(*) filter (where not note.is_ahead) as notes_handled",
        "count(*) as notes_handled",
        "behind a class, counts are moved ahead, and passed over",
    ),
)

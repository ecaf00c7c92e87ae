"""Notes of the feed, as tests need them."""

BY_ANOTHER = """
update listener.change
set xid = (change.xid::text::bigint + 1)::text::xid8
where change.xid = pg_current_xact_id_if_assigned()
"""
"""What this transaction has noted looks as if another had noted it: no batch holds notes of its own transaction. To be
taken back in the end, as there will be a transaction of that number."""

"""Who holds the bell: writers ring only for a daemon that listens."""

HELD = """
select count(*)
from pg_locks
inner join pg_database on pg_database.oid = pg_locks.database and datname = current_database()
where locktype = 'advisory' and objid = 2 and mode = 'ExclusiveLock'
"""
"""How many daemons of this database do."""

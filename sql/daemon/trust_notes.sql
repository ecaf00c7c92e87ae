-- Run while all names are bound to what they should be: records that whatever was noted until now was noted under the
-- right names. After a migration only what came later is looked at again.
select listener.trust_notes()

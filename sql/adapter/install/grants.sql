-- What the daemon needs when it runs under a role of its own: this schema, and nothing of the LMS's. What the owner's
-- functions are made from is not its to write.
grant usage on schema listener to {{grantees}};
grant select, insert, update, delete on all tables in schema listener to {{grantees}};
revoke insert, update, delete on listener.installation, listener.adapter, listener.binding, listener.bound_in,
    listener.reaction
from {{grantees}};
revoke insert, update, delete on listener.student, listener.enrollment, listener.course, listener.due_blind_note
from {{grantees}};
grant execute on all functions in schema listener to {{grantees}};
revoke execute on function
    listener.bind(text), listener.lock_without_waiting(oid, text), listener.move_triggers(),
    listener.note_since_trusted(text)
from {{grantees}};

-- What the daemon needs when it runs under a role of its own: this schema, and nothing of the LMS's.
grant usage on schema listener to {{grantees}};
grant select, insert, update, delete on all tables in schema listener to {{grantees}};
revoke insert, update, delete on listener.installation from {{grantees}};
revoke insert, delete on listener.course, listener.student, listener.enrollment from {{grantees}};
revoke update on listener.student, listener.enrollment from {{grantees}};
grant execute on all functions in schema listener to {{grantees}};

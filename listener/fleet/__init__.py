"""Many schools, a database each, served by one process; and commands for all of them.

`process` is what `listener run --fleet` comes to: `folder` says which files came, changed or went, `files` makes a
school's settings of one, `fleet` begins and ends the schools, and `school` is the life of one: a daemon like any other,
with instruments of its own. `web` and `exposition` show them all at the port. `commands` runs `listener fleet …`, a
school each in the processes of `workers`. May import the common modules, `database`, `instruments`, `http`, `daemon`
and `commands`. Begin with `fleet`.
"""

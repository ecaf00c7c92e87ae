"""What is not as it should be, told and put right: by the commands, and by the leader's audit.

`diagnosis` looks, and `sync` mends rows. `keys` says which keys and indexes the enrollments have, `structure` what
could be added, and `restructure` adds it. `auditor` looks again every few minutes while a daemon leads; `restored`
starts the feed over in a database that is a copy.

May import everything but `daemon`, `demo` and the command line. Begin with `diagnosis` and `sync`.
"""

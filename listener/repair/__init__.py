"""What is not as it should be, told and put right: by the commands, and by the leader's audit.

`diagnosis` looks, `sync` mends rows, `structure` and `restructure` see to keys and indexes, `auditor` looks again every
few minutes while a daemon leads, `restored` starts the feed again in a database that is a copy.

May import everything but `daemon`, `demo` and the command line. Begin with `diagnosis` and `sync`.
"""

"""Repair: by the commands, and by the leader's audit.

`sync` mends rows, and `restructure` adds keys and indexes. `auditor` looks every few minutes while a daemon leads;
`restored` restarts the feed in a database that is a copy. May import the common modules, `database`, `feed`, `mapping`,
`catalogue`, `instruments`, `inspection` and `reactions`. Begin with `sync` and `auditor`.
"""

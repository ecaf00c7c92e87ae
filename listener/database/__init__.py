"""Connections to Postgres, and ways to run statements.

`connection` opens, tunes and closes a session, `session` sets names and rights. `executors` add time limits, `fence`
fewer rights, `patience` repetition while a table is locked, `lock_watch` an end as soon as another session waits.
`driver_errors` tells the meanings of the driver's errors. May import the common modules. Begin with `connection`.
"""

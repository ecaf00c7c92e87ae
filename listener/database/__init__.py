"""Connections to Postgres, and ways to run statements on them.

`connection` opens, tunes and closes a session, `transport` judges the way to it, `session` says by which names and with
whose rights it runs. `executors` add time limits, `fence` fewer rights, `patience` repetition while a table is locked,
`lock_watch` an end as soon as somebody waits. `driver_errors` tells what an error of the driver's means. May import the
common modules. Begin with `connection`.
"""

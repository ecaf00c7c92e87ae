"""Figures of a daemon and of the database.

`state` has the daemon's own figures, `sample` the database's; `metrics` has every metric; `log_report` sums up events
that are too many for a log line each. `instruments` carries all. May import the common modules, `database` and `feed`.
Begin with `state` and `sample`.
"""

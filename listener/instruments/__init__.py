"""Figures of a daemon and of its database.

`state` is a daemon's own, and `sample` the database's; `metrics` has every metric; `log_report` sums up what is too
much for a line each. `instruments` passes them around. May import the common modules, `database` and `feed`. Begin with
`state` and `sample`.
"""

"""What people and their tools see: metrics, the HTTP side, `listener status` and `explain`, and the log's summaries.

`state` is what a daemon says of itself, `sample` what the database says; `metrics`, `page` and `web` show both.
`status` asks the database alone, and `explanation` asks it about one profile; `log_report` sums up in the log what
is too much for a line each.

May import the common modules, `feed` and `adapter`. Begin with `state` and `sample`.
"""

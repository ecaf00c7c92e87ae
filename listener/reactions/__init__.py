"""What is done about changes: students are enrolled, counts are moved. Knows nothing of connections.

`runner` runs each reaction when it is due, and copes with what is refused. `reaction` is one of them, with the size of
its batches; `enrolling` and `counting` are what came of theirs, and `retry` says when to try again what was set aside.
The statements are in `sql/reactions/`. Reactions that somebody installed are text in the database, and run beside them.

May import the common modules (but not `connection`), `feed` and `monitor`. Begin with `runner`.
"""

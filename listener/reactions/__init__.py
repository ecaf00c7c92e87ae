"""Reactions to changes: students are enrolled, counts are moved.

Knows nothing of connections. `runner` runs each reaction when due. `reaction` is the base of all: when due, batch size,
refusals; `enrolling` and `counting` are built in, and call `listener.enroll` and `listener.count`
(`sql/schema/functions/`); `installed` reactions are text in the database. `retry` says when to retry set-aside work.
May import the common modules, `database` (but not its `connection`), `feed` and `instruments`. Begin with `runner`.
"""

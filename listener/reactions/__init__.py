"""Reactions to changes: students are enrolled, counts are moved.

Knows nothing of connections. `runner` runs each reaction when it is due. `reaction` is the base of all: when it is due,
how much it takes, how it treats a refusal; `enrolling` and `counting` are built in, and call `listener.enroll` and
`listener.count` (`sql/schema/functions/`); `installed` ones are text in the database. `retry` says when to try again
what was set aside. May import the common modules, `database` (but not its `connection`), `feed` and
`instruments`. Begin with `runner`.
"""

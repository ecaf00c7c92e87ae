"""Who reads the feed: the names of all consumers. The statement of each is `sql/reactions/NAME.sql`."""

ENROLL = "enroll"
COUNT = "count"

FURTHER: tuple[str, ...] = ()
"""Reactions besides enrolling and counting; CONTRIBUTING.md shows how to add one."""

CONSUMERS = [ENROLL, COUNT, *FURTHER]

"""The change feed: its consumers, their checkpoints, who may read it, and the purge. Knows nothing of students.

`consumer` runs the one statement that reads a batch and writes the checkpoint; `registry` names all consumers;
`leadership` makes sure that one daemon reads at a time; `pausing` lets a consumer wait; `purge` deletes what every
consumer has handled; `replaying` has one handle again what is still there.

May import the common modules only. Begin with `consumer`.
"""

"""The change feed: its consumers, their checkpoints, its leader, and the purge.

Knows nothing of students. `consumer` runs the one statement that reads a batch, reacts and writes the checkpoint;
`registry` names all consumers; `leadership` makes sure that one daemon reads at a time; `pausing` lets a consumer wait;
`purge` deletes handled notes; `replaying` lets a consumer handle notes again. May import the common modules
and `database`. Begin with `consumer`.
"""

"""The change feed: consumers, checkpoints, leader, and purge.

Knows nothing of students. `consumer` runs a single statement that reads a batch, reacts and writes the checkpoint;
`registry` names all consumers; `leadership` makes sure that one daemon reads at a time; `pausing` lets a consumer wait;
`purge` deletes handled notes; `replaying` lets a consumer handle notes again. May import the common modules and
`database`. Begin with `consumer`.
"""

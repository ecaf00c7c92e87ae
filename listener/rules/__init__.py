"""Rules by query: students and their courses in one query, of a person's making.

`wanted_rule` makes it a part of a mapping, `wanted_query` understands it, and `routing` finds how a change in its
tables leads to profiles.

May import the common modules, `database`, `mapping` and `catalogue`. Begin with `wanted_rule`.
"""

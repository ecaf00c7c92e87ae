"""Rules by query: students and courses in a query of a person's making.

`wanted_rule` adds the query to a mapping, `wanted_query` parses the query, and `watch` says which tables are
watched, and how a change in each leads to profiles.

May import the common modules, `database`, `mapping`, `catalogue` and `routes`. Begin with `wanted_rule`.
"""

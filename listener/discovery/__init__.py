"""Finding an LMS's tables, columns and rules by names, keys, values and settings.

`discovery` makes a mapping. `tables`, `enrollments` and `references` find tables, and `conditions` and `students_rule`
find conditions on rows. `vocabulary` has the words, and `evidence` the scores. May import the common modules,
`database`, `mapping`, `catalogue` and `rules`. Begin with `discovery`.
"""

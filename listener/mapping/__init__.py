"""The names and meanings that SQL is rendered with.

A `mapping` holds tables, columns and rules of one LMS; `rendering` fills them into SQL; `binding` notes the numbers
that the catalogue has for them, and `renaming` follows a rename by those. `description` is for people, `pinning` for
the next `install`. `sql/mapping/` holds the parts that several functions are made of. May import the common modules and
`database`. Begin with `mapping`, then `rendering`.
"""

"""The names and meanings that SQL is rendered with.

A `mapping` holds tables, columns and rules of an LMS; `rendering` fills a mapping into SQL; `binding` notes the
catalogue's numbers of tables and columns, and `renaming` follows renames by number. `description` is for people,
`pinning` for the next `install`. `sql/mapping/` holds the parts that several functions are made of. May import the
common modules and `database`. Begin with `mapping`, then `rendering`.
"""

"""`listener try`: loads another party's schema into a temporary Postgres, and shows what would be found and done.

May import all that `commands` may, `commands` (to print) and `demo` (for the Postgres). Begin with `trial`; `loading`
loads the schema, `rows` makes people and courses that satisfy the constraints.
"""

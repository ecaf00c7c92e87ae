"""`listener try`: a schema of others, in a Postgres of its own: what would be found there, and what would happen.

May import all that `commands` may, `commands` (to print) and `demo` (whose Postgres it runs on). Begin with `trial`;
`loading` brings the schema in, `rows` makes people and courses as its constraints want them.
"""

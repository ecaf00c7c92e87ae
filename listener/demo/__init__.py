"""`listener demo`: a Postgres of its own, a sample school with sign-ups, and the real commands run on it.

May import the common modules, `database` and `commands` (to print): it runs the rest as a user would. Begin
with `demo`.
"""

"""`listener demo`: a temporary Postgres, a sample school with sign-ups, and the real commands run there.

May import the common modules, `database` and `commands` (to print): the demo runs the rest as a user would. Begin with
`demo`.
"""

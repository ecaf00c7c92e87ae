"""What Postgres knows: tables, keys, triggers, owners, rights, and the installation.

`catalogue` reads the tables of an LMS, and `expressions` has the server parse a person's SQL. `installation` reads what
is installed, and `problems` what has become of it. May import the common modules, `database` and `mapping`. Begin with
`catalogue` and `installation`.
"""

"""Postgres's knowledge: tables, keys, triggers, owners, rights, and the installation.

`catalogue` reads the tables of an LMS, and `expressions` has the server parse a person's SQL. `installation` reads the
record of the installation, and `problems` finds lost parts. May import the common modules, `database` and `mapping`.
Begin with `catalogue` and `installation`.
"""

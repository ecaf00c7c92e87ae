"""The installed objects: schema `listener`, functions and triggers.

`install` plans and runs a single script, with functions and triggers from `pieces`. The files are in `sql/schema/`:
`tables/`, `functions/`, `adapter/` (functions and triggers that name the LMS's columns, bound late) and `script/` (the
statements around). `own_reactions` installs a folder of reactions, which `reaction_files` reads. May import the common
modules, `database`, `feed`, `mapping`, `catalogue`, `rules` and `discovery`. Begin with `install`, then `pieces`.
"""

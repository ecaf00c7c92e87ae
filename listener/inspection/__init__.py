"""Looking without changing: status, explanation, diagnosis, preview.

`status` has the database's figures, `explanation` the verdict about a profile, `diagnosis` looks at every row, and
`preview` foretells a rule's effects. `structure` says which keys and indexes could be added. May import the common
modules, `database`, `feed`, `mapping`, `catalogue` and `instruments`. Begin with `status` and `diagnosis`.
"""

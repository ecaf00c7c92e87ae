"""Looking without changing: status, explanation, diagnosis, preview.

`status` asks the database how everything is, `explanation` asks about one profile, `diagnosis` looks at every row, and
`preview` tells what a rule would do. `structure` says what keys and indexes could be added. May import the common
modules, `database`, `feed`, `mapping`, `catalogue` and `instruments`. Begin with `status` and `diagnosis`.
"""

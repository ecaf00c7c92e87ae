"""How a changed row leads to profiles: by what the rule's query itself says, as Postgres has understood it.

`nodes` reads Postgres's parse trees, `facts` asks the catalogue, `scenario` and `select` make blocks of them, and
occurrences of tables; `steps` finds which equality leads from one occurrence to another, `ways` which of these lead to
the key, and `routes` takes all scenarios of a query together. `by_key` says whether it can be asked about one profile
by indexes.

May import the common modules, `database`, `mapping` and `catalogue`. Begin with `routes`.
"""

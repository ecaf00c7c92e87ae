"""How a changed row leads to profiles: by what the rule's query itself says, as Postgres has understood it.

`nodes` reads Postgres's parse trees, `facts` asks the catalogue, `scenario` makes blocks and occurrences of tables of
them, `steps` finds which equality leads from one occurrence to another, and `routes` which of these lead to the key.
`by_key` says whether the query can be asked about one profile by indexes.

May import the common modules, `database`, `mapping` and `catalogue`. Begin with `routes`.
"""

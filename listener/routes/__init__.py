"""How a changed row leads to profiles: by the joins of the rule's query, as Postgres has parsed the query.

`nodes` reads Postgres's parse trees, `facts` asks the catalogue, `scenario` and `select` make blocks and occurrences of
tables; `steps` finds equalities that lead from an occurrence to another, `ways` finds steps that lead to the key, and
`routes` takes all scenarios of a query together. `by_key` says whether indexes suffice to ask the query about a single
profile.

May import the common modules, `database`, `mapping` and `catalogue`. Begin with `routes`.
"""

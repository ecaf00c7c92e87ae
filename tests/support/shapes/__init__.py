"""A school in which a row about one profile may decide on another, and queries of every shape over it.

`tables` has the tables and what is done to them at random, `queries` the queries that are followed, and those that are
refused, with the words that say why.
"""

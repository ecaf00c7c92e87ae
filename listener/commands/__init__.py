"""The commands: what they are asked, what they print, how they end.

A module each for those that look (`status_view`, `explanation_view`), install (`schema`), repair (`repair`) and steer
a daemon (`daemon`). `flags` reads arguments, and `printing` writes. May import every room but `daemon`, `http` and
`demo`. Begin with `listener/cli.py`, which lists them.
"""

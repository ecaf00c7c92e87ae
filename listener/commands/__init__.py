"""The commands: arguments, output, and exit status.

A module each for commands that look (`status_view`, `explanation_view`), install (`schema`), repair (`repair`) and
steer a daemon (`daemon`). `flags` reads arguments, and `printing` writes. May import every room but `daemon`, `http`
and `demo`. Begin with `listener/cli.py`, the list of commands.
"""

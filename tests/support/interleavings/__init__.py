"""Every interleaving of small programs of the real statements, each run on a real server.

Begin with `programs.py`: what the sessions do. `steps.py` has the steps, `commuting.py` says which of them commute,
`explorer.py` goes through all schedules, `sessions.py` takes one step, `ground.py` makes the server and the databases,
and `checks.sql`, `school.sql` and `paying.sql` say what must hold. `story.py` prints a schedule so that it can be run
by hand, and `mutants.py` has the deliberate faults.
"""

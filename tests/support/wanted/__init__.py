"""Schools where a query says who should be where: what happens in them at random, and what must be true in the end.

`tables` has the tables and the rules, `doings` what the application does at random (the same seed does the same things
again), `diary` what a trigger on enrollments wrote down of who did what, `verdict` what must be true in the end.
The verdict rests on the tables, with the query as it is written, and on the diary; the listener is not asked.
"""

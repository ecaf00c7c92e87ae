"""What an LMS looks like, and how this project is bound to it.

Finds the tables and columns (`discovery`), writes down what each of them means (`mapping`), renders the SQL under
those names (`rendering`, `pieces`), installs it (`install`) and follows the LMS's renames (`binding`).

May import the common modules and `feed`. Begin with `mapping`, then `discovery` and `install`.
"""

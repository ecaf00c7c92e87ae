"""A large backlog: statements, and two databases that have much of everything."""

"""Reacts to changes in an LMS's Postgres: enrolls new students, keeps course counts exact."""

__version__ = "1.0.0"

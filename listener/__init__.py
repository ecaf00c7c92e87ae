"""Reacts to changes in an LMS's Postgres: enrolls new students, keeps course counts exact."""

__version__ = "0.1.0"

"""Reacts to changes in an LMS's Postgres: enrolls new students, keeps course counts exact."""

from importlib.metadata import version

__version__ = version("enrollment-listener")

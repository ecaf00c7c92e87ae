"""A server for one test's settings."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.conftest import Database, install_script
from tests.support import lms
from tests.support.postgres import Server


@contextmanager
def server_with_lms(version: int, **settings: str) -> Iterator[Database]:
    """The plain LMS, installed, on a server of its own with these settings."""
    server = Server(version, settings=settings)
    server.create()
    server.start()
    try:
        server.psql("postgres", "create database lms")
        server.psql("lms", lms.schema())
        server.psql("lms", install_script(server.url("lms")))
        yield Database(server, "lms")
    finally:
        server.destroy()

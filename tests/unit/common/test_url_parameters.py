"""What is made of the parameters that other programs' database URLs have."""

import pytest

from listener.settings import load
from listener.transport import as_the_driver_reads_it, for_the_driver
from listener.url_parameters import connect_timeout, passed_over

NEON = "postgresql://me@ep-1.eu.aws.neon.tech/lms?sslmode=require&channel_binding=require"
PRISMA = "postgresql://me@127.0.0.1:6543/lms?pgbouncer=true&connection_limit=1&schema=lms&pool_timeout=0"
LIBPQ = (
    "postgresql://me@127.0.0.1/lms?application_name=x&keepalives=1&keepalives_idle=30&gssencmode=disable"
    "&connect_timeout=3&load_balance_hosts=random&client_encoding=utf8&options=-c%20geqo%3Doff"
)
DJANGO = "postgres://me@127.0.0.1/lms?conn_max_age=600&conn_health_checks=true&ssl=true"


@pytest.mark.parametrize("url", [NEON, PRISMA, LIBPQ, DJANGO], ids=["neon", "prisma", "libpq", "django"])
def test_urls_that_are_written_for_other_programs_are_taken(url: str) -> None:
    assert load({"database_url": url}).url() == url
    assert passed_over(url)
    _, parameters = as_the_driver_reads_it(for_the_driver(url))
    assert set(parameters.server_settings or {}) <= {"options"}, "nothing is sent to the server as a setting of its"


def test_what_means_something_is_kept() -> None:
    assert for_the_driver(NEON) == "postgresql://me@ep-1.eu.aws.neon.tech/lms?sslmode=require"
    assert for_the_driver("postgresql:///lms?host=/tmp&pgbouncer=true") == "postgresql:///lms?host=%2Ftmp"
    assert for_the_driver(f"{PRISMA}&ssl=true") == "postgresql://me@127.0.0.1:6543/lms?sslmode=require"
    assert for_the_driver("postgresql://h/lms?ssl=verify_full") == "postgresql://h/lms?sslmode=verify-full"
    assert for_the_driver("postgresql://h/lms?ssl=true&sslmode=verify-ca") == "postgresql://h/lms?sslmode=verify-ca"
    assert [connect_timeout(url) for url in (LIBPQ, "postgresql://h/lms?connect_timeout=0", NEON)] == [3.0, None, None]


@pytest.mark.parametrize("url", ["postgresql://h/lms", "postgresql:///lms?host=/run/postgresql&sslmode=disable", None])
def test_a_url_without_any_of_them_is_left_as_it_is(url: str | None) -> None:
    assert for_the_driver(url) == url
    assert passed_over(url) == []

"""The LMS under measurement, with our daemon at work, and whether everything came out right."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import variants
from benchmarks.measure import wait_for
from tests.support.postgres import Server
from tests.support.process import DaemonProcess

COURSE = "00000000-0000-0000-0000-000000000001"
INSTALLED = variants.STOPPED
PLAIN = variants.NONE

BUSY = "select exists (select from unnest('{enroll,count}'::text[]) as name, listener.unhandled(name, 1))"

WRONG = """
select
    (
        select count(*)
        from profiles
        left join (
            select user_id, count(*) as times from enrollments group by user_id
        ) as enrolled on enrolled.user_id = profiles.id
        where profiles.role = 'student' and enrolled.times is distinct from 1
    ) as not_enrolled_once,
    (
        select count(*) from courses
        where
            enrollments <> (
                select count(*) from enrollments where course_id = courses.id and status = 'active'
            )
            or students <> enrollments
    ) as wrong_counts,
    (select count(*) from listener.pending_enrollment) as pending,
    (select count(*) from listener.pending_count) as parked
"""


@contextmanager
def daemon(url: str, **settings: object) -> Iterator[DaemonProcess]:
    """While our daemon leads."""
    process = DaemonProcess(url, settings)
    try:
        yield process.wait_ready("leading")
    finally:
        process.clean_up()


def is_busy(server: Server, database: str) -> bool:
    """Whether anything waits to be handled. Looks at one note of the feed."""
    return server.psql(database, BUSY).strip() == "t"


def problems(server: Server, database: str, where: str) -> list[str]:
    """What is wrong, if anything: every student must be enrolled once, every count must be exact."""
    names = ("students not enrolled once", "wrong counts", "students set aside", "counts parked")
    found = server.psql(database, WRONG).strip().split("|")
    return [f"{where}: {number} {name}" for number, name in zip(found, names, strict=True) if number != "0"]


def daemon_problems(process: DaemonProcess, where: str) -> list[str]:
    """Whether the daemon has lived, and without an error."""
    if process.process.poll() is not None:
        return [f"{where}: the daemon has exited with {process.process.returncode}"]
    kinds = ("connection", "heartbeat", "reaction", "fenced", "sample", "audit")
    counted = {kind: process.metric(f'listener_errors_total{{kind="{kind}"}}') for kind in kinds}
    return [f"{where}: {number:g} errors of kind {kind}" for kind, number in counted.items() if number]


def wait_idle(server: Server, database: str, seconds: float = 60) -> bool:
    """Wait until everything noted is handled; False if that takes longer."""
    return wait_for(lambda: not is_busy(server, database), f"{database}: everything is handled", seconds)

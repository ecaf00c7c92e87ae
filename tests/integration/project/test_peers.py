"""The job queues of the benchmark do the work, and what they leave undone is seen."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from benchmarks.latency import PGQUE_AT_EVERY_TICK, TRACKED, of_queues
from benchmarks.losses import interrupted
from benchmarks.queues import PEERS, PEERS_FOLDER, PGQUE, Queue
from benchmarks.signups import left_out, prepared, sign_ups
from benchmarks.variants import LEAST, LEAST_LOOKED_UP, NAIVE, SQL, STOPPED
from benchmarks.writers import Load
from tests.conftest import NEWEST
from tests.support.postgres import Server

LOAD = Load(seconds=1, clients=4, rate=50)


@pytest.fixture(params=PEERS, ids=[peer.name for peer in PEERS])
def peer(request: pytest.FixtureRequest, servers: Callable[[int], Server]) -> Queue:
    """A job queue with its database."""
    wanted: Queue = request.param
    ready, skipped = prepared(servers(NEWEST), [wanted])
    if not ready:
        pytest.skip(skipped[wanted.name]["skipped"])
    return wanted


@pytest.fixture
def tracking_server() -> Iterator[Server]:
    """A server that remembers when each transaction committed."""
    server = Server(NEWEST, settings=TRACKED)
    server.create()
    server.start()
    yield server
    server.destroy()


def test_a_peer_enrolls_and_counts_and_without_its_worker_it_does_not(
    servers: Callable[[int], Server], peer: Queue
) -> None:
    server = servers(NEWEST)

    done = sign_ups(server, peer, LOAD, catch_up=15)
    assert done.outcome.profiles > 0
    assert done.outcome.enrolled == done.outcome.counted == done.outcome.profiles
    assert done.caught_up_seconds is not None
    assert (done.failed, done.errors, done.exited) == (0, 0, False)

    died = replace(peer, command=(sys.executable, "-c", "print('ready')"), arguments=())
    lost = sign_ups(server, died, LOAD, catch_up=0)
    assert lost.outcome.missing == lost.outcome.profiles > 0
    assert lost.outcome.counted == 0
    assert lost.caught_up_seconds is None
    assert lost.exited


def test_what_a_naive_listener_misses_while_it_is_down_is_seen(servers: Callable[[int], Server]) -> None:
    server = servers(NEWEST)
    NAIVE.create(server)
    told = interrupted(server, NAIVE, Load(seconds=2, clients=4, rate=50), catch_up=0.5)
    assert told["missing"] > 0
    assert told["profiles"] == told["enrolled"] + told["missing"]
    assert told["caught_up_seconds"] is None


def test_a_peer_whose_worker_will_not_start_breaks_and_says_why(servers: Callable[[int], Server]) -> None:
    server = servers(NEWEST)
    server.psql("postgres", "create database broken")
    server.psql("broken", (SQL / "lms.sql").read_text())
    broken = replace(
        PEERS[0], name="broken", tables="enrollments", command=(sys.executable, "-c", "raise SystemExit('no way')")
    )
    with pytest.raises(RuntimeError) as told:
        sign_ups(server, broken, LOAD, catch_up=0)
    assert left_out(broken, told.value)["broken"]["skipped"] == "pgqueuer broke: the worker does not start: no way"


def test_a_peer_that_is_not_installed_is_skipped_with_a_reason(servers: Callable[[int], Server]) -> None:
    absent = replace(PEERS[0], name="absent", label="absent", package="not-installed-here")
    assert prepared(servers(NEWEST), [absent]) == (
        [],
        {
            "absent": {
                "label": "absent",
                "skipped": "not-installed-here is not installed: pip install -e '.[benchmarks]'",
            }
        },
    )


def test_a_peer_that_will_not_install_itself_is_skipped_with_a_reason(servers: Callable[[int], Server]) -> None:
    failing = replace(
        PEERS[0],
        name="failing",
        label="failing",
        package="pytest",
        command=(sys.executable, "-c", "raise SystemExit('too old')"),
    )
    ready, skipped = prepared(servers(NEWEST), [failing])
    assert ready == []
    assert skipped["failing"]["skipped"] == "failing would not install itself: too old"


def test_pgque_that_is_not_there_is_skipped_and_the_reason_says_how_to_get_it(servers: Callable[[int], Server]) -> None:
    absent = replace(PGQUE, name="absent", clone=PEERS_FOLDER / "absent")
    how = "git clone --branch v0.2.0 --depth 1 https://github.com/NikolayS/pgque benchmarks/peers/absent"
    assert prepared(servers(NEWEST), [absent]) == (
        [],
        {"absent": {"label": "PgQue", "skipped": f"pgque is not there: {how}"}},
    )


def test_what_is_left_in_the_log_of_pgque_is_not_taken_in_the_next_run(servers: Callable[[int], Server]) -> None:
    server = servers(NEWEST)
    again = replace(PGQUE, name="pgque_again")
    if again.missing():
        pytest.skip(str(again.missing()))
    again.create(server)
    idle = replace(again, command=(sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"))
    assert sign_ups(server, idle, LOAD, catch_up=0).outcome.enrolled == 0
    server.psql(again.name, "select pgque.force_next_tick('sign_ups');\nselect pgque.ticker();\n" * 50)
    done = sign_ups(server, again, LOAD, catch_up=15)
    assert done.outcome.enrolled == done.outcome.counted == done.outcome.profiles > 0
    assert done.errors == 0


def test_how_long_students_wait_with_a_queue_is_told_or_why_it_is_not(tracking_server: Server) -> None:
    absent = replace(PGQUE, name="absent", clone=PEERS_FOLDER / "absent")
    dies = replace(PGQUE_AT_EVERY_TICK, name="dies", label="dies", command=(sys.executable, "-c", "exit('no way')"))
    if reason := dies.missing():
        pytest.skip(reason)
    figures, notes = of_queues(tracking_server, (absent, dies, PGQUE_AT_EVERY_TICK), seconds=2)
    assert [(figure.key, figure.unit, figure.goal) for figure in figures] == [
        ("p50_at_5_pgque_at_every_tick", "ms", None)
    ]
    assert figures[0].measured.median > 0
    assert notes == ["dies broke: the worker does not start: no way", absent.missing()]


def test_who_looks_the_course_up_lands_where_ours_would_put_them(servers: Callable[[int], Server]) -> None:
    server = servers(NEWEST)
    for variant in (STOPPED, LEAST, LEAST_LOOKED_UP):
        variant.create(server)
    ours = server.psql(STOPPED.name, "select listener.default_course_id()")
    for variant in (LEAST, LEAST_LOOKED_UP):
        done = sign_ups(server, variant, LOAD, catch_up=0)
        assert done.outcome.enrolled == done.outcome.profiles > 0
        assert server.psql(variant.name, "select distinct course_id from enrollments") == ours

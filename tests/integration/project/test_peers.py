"""The job queues of the benchmark do the work, and what they leave undone is seen."""

import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from benchmarks.losses import interrupted
from benchmarks.queues import PEERS, Queue
from benchmarks.signups import left_out, prepared, sign_ups
from benchmarks.variants import NAIVE, SQL
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

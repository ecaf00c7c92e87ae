"""Schools whose names nobody looks up: their name server takes the question, and never answers."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.support.fleet import QUICK, SIGN_UP, FleetProcess, wait_exact, write

MANY = 30
ADDRESS = "127.9.9.9"
QUESTIONS = 2
"""For each name: its addresses of either kind."""


@pytest.fixture
def name_server(tmp_path: Path) -> Iterator[tuple[Path, socket.socket]]:
    """A resolver's file that leads to such a server, and what it hears."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root may give a process another /etc/resolv.conf")
    file = tmp_path / "resolv.conf"
    file.write_text(f"nameserver {ADDRESS}\noptions timeout:20 attempts:3\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((ADDRESS, 53))
        server.settimeout(20)
        yield file, server


def test_schools_whose_names_are_looked_up_in_vain_keep_no_other_from_its_server(
    folder: Path, make_school: Callable[[], Database], name_server: tuple[Path, socket.socket]
) -> None:
    file, server = name_server
    for number in range(MANY):
        write(folder, f"lost-{number:02}", f"postgresql://me@school-{number}.example.com/lms")
    good = make_school()
    change = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    fleet = FleetProcess(
        settings=dict(QUICK),
        folder=folder,
        prefix=("unshare", "-m", "sh", "-c", change, str(file)),
    )
    try:
        for _ in range(QUESTIONS * MANY + 1):  # once whether each is on this machine; and then to connect
            server.recv(1000)
        write(folder, "good", good.url.replace("127.0.0.1", "localhost"))
        fleet.wait_for_role("good", "leading")
        good.server.psql(good.name, SIGN_UP)
        wait_exact(good, 1)
        assert fleet.events("connection_lost") == [], "all others still wait"
    finally:
        fleet.clean_up()

"""Runs `listener explain`, and says what it answered."""

import json
import re
import subprocess
import sys
from typing import Any

from listener.database.connection import Connection
from tests.support.process import environment, listener

COURSE = "insert into courses (title, price) values ('default', 0) returning id"
NUMBER = re.compile(r"\d+")
MADE_GOOD = "select not exists (select from listener.blind_note where horizon is null)"


async def person(connection: Connection, role: str = "student") -> str:
    """The key of a new profile."""
    return str(await connection.fetchval("insert into profiles (role) values ($1) returning id", role))


async def unnoted(connection: Connection, role: str = "student") -> str:
    """The key of a new profile, written while triggers are switched off."""
    async with connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        return await person(connection, role)


def ask(url: str, profile: str, status: int = 0) -> dict[str, Any]:
    """What `--json` says of a profile."""
    done = listener(url, "explain", profile, "--json", check=False)
    assert done.returncode == status, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def read(url: str, profile: str, status: int = 0) -> str:
    """What a person reads of a profile: the verdict in one line, and the rest without the table's white space."""
    done = listener(url, "explain", profile, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    # Digits apart: a daemon may have tried again between the two answers, and says when next.
    assert NUMBER.sub("0", done.stdout.splitlines()[0]) == NUMBER.sub("0", ask(url, profile, status)["says"])
    return " ".join(done.stdout.split())


def verdict(url: str, profile: str, status: int = 0) -> tuple[str, str | None]:
    """The verdict and the word that says what for."""
    answer = ask(url, profile, status)
    return answer["verdict"], answer["reason"]


def refused(url: str, profile: str) -> str:
    """The one line that says why there is no answer."""
    done = listener(url, "explain", profile, "--json", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def explaining(url: str, profile: str) -> "subprocess.Popen[str]":
    """The command, while it is at work."""
    return subprocess.Popen(
        [sys.executable, "-m", "listener", "explain", profile],
        env=environment(url),
        stdout=subprocess.PIPE,
        text=True,
    )

"""The doorbell's own code, with a server that is a few fields: `Leader.main_loop` and `Doorbell` wait where the script
lets them, and so do writers, whose steps are as the server orders them: a writer's note is visible before its locks are
released, and its notification is delivered after that.
"""

import inspect
import textwrap
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from listener.daemon import doorbell, leader
from listener.daemon.doorbell import Doorbell
from listener.daemon.leader import Leader
from tests.support.interleavings.scripted import Point, Script, Task


@dataclass
class Writer:
    """One transaction: notes, tries the bell, commits."""

    at: int = 0
    shares: bool = False
    rings: bool = False


class Event:
    """In the place of anyio's."""

    def __init__(self) -> None:
        self.is_set = False

    def set(self) -> None:
        self.is_set = True

    async def wait(self) -> None:
        while not self.is_set:
            await Point(lambda: self.is_set)


@contextmanager
def no_limit(_seconds: float) -> Iterator[None]:
    """No heartbeat ends a wait: only a ring does."""
    yield


async def sleep(_seconds: float) -> None:
    await Point()


WAITS = SimpleNamespace(Event=Event, move_on_after=no_limit, sleep=sleep)
CLOCK = SimpleNamespace(monotonic=lambda: 0.0)

IN_ORDER = ("note", "bell", "visible", "release", "deliver")
"""What a writer does, and its server at the commit."""


@dataclass
class World:
    """The server, its writers, and a leader."""

    script: Script
    order: tuple[str, ...] = IN_ORDER
    writers: list[Writer] = field(default_factory=list)
    held: bool = False
    visible: set[int] = field(default_factory=set)
    handled: set[int] = field(default_factory=set)
    due: bool = True

    def __post_init__(self) -> None:
        connection: Any = self
        self.bell = Doorbell(connection, 1)
        self.leader = Leader.__new__(Leader)
        vars(self.leader).update(
            _doorbell=self.bell,
            _connection=self,
            _state=SimpleNamespace(progressed=lambda: None, paused_now=dict),
            _reactions=self,
            _chores=SimpleNamespace(
                run_due=self._nothing,
                wait=lambda: float("inf"),
                look_soon=lambda: None,
                rows_have_changed=lambda: None,
            ),
            _pace=self,
            _ringing=True,
            _strangers_at=float("-inf"),
            _rung=False,
        )
        self.task = Task(self.leader.main_loop(lambda: False))

    # The leader's connection.

    async def fetchval(self, query: str, *_arguments: object) -> object:
        """The server's work, and the way to it and back."""
        await Point()
        answer = self._answer(query)
        await Point()
        return answer

    def _answer(self, query: str) -> object:
        if "pg_try_advisory_lock" in query:
            self.held = not any(writer.shares for writer in self.writers)
            return self.held
        if "pg_advisory_unlock" in query:
            self.held = False
        return "arm_bell" in query

    async def fetchrow(self, query: str) -> tuple[bool, str]:
        """Of the session: that writers may ring."""
        await self.fetchval(query)
        return True, "origin"

    def get_settings(self) -> object:
        return SimpleNamespace(application_name="listener")

    def is_in_transaction(self) -> bool:
        return False

    # Its reactions: one look at the feed, if news are due.

    def news(self) -> None:
        self.due = True

    async def run_due(self) -> bool:
        if not self.due:
            return False
        await Point()
        found = self.visible - self.handled
        self.handled |= found
        await Point()
        self.due = False
        return bool(found)

    def take_courses_changed(self) -> bool:
        return False

    def wait(self) -> float:
        return float("inf")

    waited = round_trip = look_pause = 0.0

    async def _nothing(self) -> None:
        pass

    # Its pace: whether it is quiet, and whether rings crowd, is as the script says.

    def is_quiet(self, _now: float) -> bool:
        return not self.script.choose(2)

    def rang(self, _now: float) -> bool:
        return bool(self.script.choose(2))

    def suspects_line(self, _now: float) -> bool:
        return False

    def changed(self, *_times: float) -> None:
        pass

    def bell_refused(self) -> None:
        pass

    # Writers.

    def write(self, number: int) -> None:
        """A writer's next step."""
        writer = self.writers[number]
        step = self.order[writer.at]
        writer.at += 1
        match step:
            case "bell":
                if self.script.choose(2):
                    writer.at = len(self.order)  # it rolls back
                else:
                    writer.shares, writer.rings = not self.held, self.held
            case "visible":
                self.visible.add(number)
            case "release":
                writer.shares = False
            case "deliver" if writer.rings:
                self.bell._hear(None, 2, "listener", "")

    @property
    def state(self) -> Hashable:
        bell = self.bell
        return (
            tuple((writer.at, writer.shares, writer.rings) for writer in self.writers),
            (self.held, frozenset(self.visible), frozenset(self.handled), self.due),
            (bell.held, bell._rung, bell._armed, bell._event.is_set, self.leader._rung),
            self.task.place,
        )

    def run(self, seen: set[Hashable]) -> bool:
        """Until nobody can move, or everything was so before; false if a note is left then, and nobody will move."""
        try:
            while True:
                movers = [number for number, writer in enumerate(self.writers) if writer.at < len(self.order)]
                movers += [-1] if self.task.is_ready else []
                if not movers:
                    return self.visible <= self.handled
                if self.script.is_beyond:
                    if self.state in seen:
                        return True
                    seen.add(self.state)
                mover = movers[self.script.choose(len(movers))]
                if mover < 0:
                    self.task.go_on()
                else:
                    self.write(mover)
        finally:
            self.task.close()


@contextmanager
def waits_by_script() -> Iterator[None]:
    """The doorbell's and the leader's code waits as the script says, and no time passes."""
    with (
        patch.object(doorbell, "anyio", WAITS),
        patch.object(leader, "anyio", WAITS),
        patch.object(leader, "time", CLOCK),
    ):
        yield


@contextmanager
def with_fault(owner: type, method: str, old: str, new: str) -> Iterator[None]:
    """Another text in a method. Fails if the text is not in it."""
    source = textwrap.dedent(inspect.getsource(getattr(owner, method)))
    assert old in source, f"{owner.__name__}.{method} has no longer {old!r} in it"
    names: dict[str, Any] = {}
    module = inspect.getmodule(owner)
    exec(source.replace(old, new), vars(module), names)
    with patch.object(owner, method, names[method]):
        yield

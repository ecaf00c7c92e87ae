"""Coroutines and choices in every order, in this process: code that waits is resumed when the script says so.

A run follows a script of choices, and goes on beyond its end with the first of each; the other ones are scripts for
later runs. A state that was reached before is not gone through again.
"""

from collections.abc import Callable, Coroutine, Generator, Hashable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Point:
    """A place where code waits: for its turn, once `is_ready`."""

    is_ready: Callable[[], bool] = lambda: True

    def __await__(self) -> Generator["Point", None, None]:
        yield self


@dataclass
class Script:
    """Choices that are given, those that were made, and the ways that were left."""

    given: list[int]
    made: list[int] = field(default_factory=list)
    left: list[list[int]] = field(default_factory=list)

    @property
    def is_beyond(self) -> bool:
        return len(self.made) >= len(self.given)

    def choose(self, count: int) -> int:
        """One of so many."""
        if self.is_beyond:
            self.left += [[*self.made, other] for other in range(1, count)]
            chosen = 0
        else:
            chosen = self.given[len(self.made)]
        self.made.append(chosen)
        return chosen


class Task:
    """A coroutine that goes on when it is told to."""

    def __init__(self, coroutine: Coroutine[Point, None, None]) -> None:
        self._coroutine = coroutine
        self._point: Point | None = coroutine.send(None)

    @property
    def is_ready(self) -> bool:
        return self._point is not None and self._point.is_ready()

    def go_on(self) -> None:
        try:
            self._point = self._coroutine.send(None)
        except StopIteration:
            self._point = None

    @property
    def place(self) -> tuple[str, ...]:
        """Where it waits: the lines of all that wait for each other."""
        found = []
        inner: Any = self._coroutine
        while inner is not None:
            frame = getattr(inner, "cr_frame", None)
            if frame is not None:
                found.append(f"{frame.f_code.co_name}:{frame.f_lineno}")
            inner = getattr(inner, "cr_await", None)
        return tuple(found)

    def close(self) -> None:
        self._coroutine.close()


def explore(run: Callable[[Script, set[Hashable]], bool], most: int | None = None) -> tuple[int, int, list[list[int]]]:
    """Run every script; how many states and runs there are, and the scripts of runs that came out false."""
    seen: set[Hashable] = set()
    waiting: list[list[int]] = [[]]
    runs, bad = 0, list[list[int]]()
    while waiting and (most is None or len(bad) < most):
        script = Script(waiting.pop())
        runs += 1
        if not run(script, seen):
            bad.append(script.made)
        waiting += script.left
    return len(seen), runs, bad

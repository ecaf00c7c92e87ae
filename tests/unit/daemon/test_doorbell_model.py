"""The doorbell's protocol, in every order in which its steps can happen: no wake-up is lost.

A model of `sql/mapping/ring.sql` with `listener.ring`, and of `Leader._wait`, step by step as the server orders them: a
writer's note is visible before its locks are released, and its notification is delivered after that. All states that
any interleaving can reach are visited; one in which nobody can move any more, and a note is unhandled, is a lost
wake-up.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

WRITERS = 3


@dataclass(frozen=True)
class Writer:
    """One transaction: notes, tries the bell, commits."""

    at: str = "note"
    shares: bool = False
    rings: bool = False


@dataclass(frozen=True)
class World:
    """One state of everybody."""

    writers: tuple[Writer, ...]
    at: str = "react"
    held: bool = False
    rung: bool = False
    visible: frozenset[int] = frozenset()
    handled: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Protocol:
    """The protocol, and ways to break it."""

    last_look: bool = True
    ring_when_visible: bool = True
    share_until_visible: bool = True
    hold_waits_for_sharers: bool = True
    ring_is_kept: bool = True
    reacts_when_rung: bool = True
    look_after_letting_go: bool = True


def moves(world: World, protocol: Protocol) -> Iterator[World]:
    """Every step that somebody can take now."""
    for number, writer in enumerate(world.writers):
        yield from writer_moves(world, number, writer, protocol)
    yield from daemon_moves(world, protocol)


def writer_moves(world: World, number: int, writer: Writer, protocol: Protocol) -> Iterator[World]:
    def becomes(changed: Writer, **others: object) -> World:
        writers = (*world.writers[:number], changed, *world.writers[number + 1 :])
        return replace(world, writers=writers, **others)  # type: ignore[arg-type]

    commit = ["visible", "release"] if protocol.share_until_visible else ["release", "visible"]
    commit = [*commit, "deliver"] if protocol.ring_when_visible else ["deliver", *commit]
    order = ["note", "bell", *commit, "done"]
    following = {step: order[place + 1] for place, step in enumerate(order[:-1])}
    match writer.at:
        case "note":
            yield becomes(replace(writer, at="bell"))
        case "bell":
            yield becomes(replace(writer, at=following["bell"], shares=not world.held, rings=world.held))
            yield becomes(replace(writer, at="done"))  # rolled back
        case "visible":
            yield becomes(replace(writer, at=following["visible"]), visible=world.visible | {number})
        case "release":
            yield becomes(replace(writer, at=following["release"], shares=False))
        case "deliver":
            # a ring wakes a waiting task, and is kept for one that does not wait yet
            rung = writer.rings and (protocol.ring_is_kept or world.at == "wait")
            yield becomes(replace(writer, at=following["deliver"]), rung=world.rung or rung)


def daemon_moves(world: World, protocol: Protocol) -> Iterator[World]:
    shared = any(writer.shares for writer in world.writers)
    reacted = replace(world, handled=world.handled | world.visible)
    match world.at:
        case "react":  # the feed, read in one snapshot; then `_wait`: it may be quiet, or not yet
            if world.held:
                yield replace(reacted, at="reacted")
            else:
                yield replace(reacted, at="hold")
                if reacted.handled != world.handled:
                    yield replace(reacted, at="react")
        case "hold":
            if shared and protocol.hold_waits_for_sharers:
                yield replace(world, at="react")  # refused: look again
            else:
                yield replace(world, held=True, at="react" if protocol.last_look else "wait")
        case "reacted":
            yield replace(world, at="wait")
        case "wait":
            if world.rung:
                after = replace(world, rung=False)
                yield replace(after, at="react" if protocol.reacts_when_rung else "wait")
                yield replace(after, at="react and let go")  # rings crowd
        case "react and let go":
            yield replace(reacted, at="let go")
        case "let go":
            yield replace(world, held=False, at="react" if protocol.look_after_letting_go else "gone to sleep")


def lost_wake_ups(protocol: Protocol, writers: int = WRITERS) -> tuple[int, list[World]]:
    """How many states can be reached, and those in which a note is left and nobody will ever move."""
    start = World((Writer(),) * writers)
    reached, waiting, lost = {start}, [start], []
    while waiting:
        world = waiting.pop()
        following = [move for move in moves(world, protocol) if move != world]
        if not following and not world.visible <= world.handled:
            lost.append(world)
        for move in following:
            if move not in reached:
                reached.add(move)
                waiting.append(move)
    return len(reached), lost


def test_no_interleaving_loses_a_wake_up() -> None:
    states, lost = lost_wake_ups(Protocol())
    assert lost == []
    assert states > 5_000


@pytest.mark.parametrize(
    "broken",
    [
        Protocol(last_look=False),
        Protocol(ring_when_visible=False),
        Protocol(share_until_visible=False),
        Protocol(hold_waits_for_sharers=False),
        Protocol(ring_is_kept=False),
        Protocol(reacts_when_rung=False),
        Protocol(look_after_letting_go=False),
    ],
    ids=str,
)
@pytest.mark.half
def test_a_broken_protocol_loses_one(broken: Protocol) -> None:
    _, lost = lost_wake_ups(broken)
    assert lost

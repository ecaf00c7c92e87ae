"""Turns at the HTTP port: singly, so no flood of requests keeps reactions waiting.

HTTP and reactions share a thread. A turn is a piece of work (bytes of a connection, a TLS handshake); between two turns
the thread belongs to reactions. Addresses take turns, too: a flood from one address does not keep a probe from another
waiting.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import NamedTuple

import anyio

from listener.transport import ip_address

GAP_SECONDS = 0.003
"""From turn to turn: some 300 requests a second, of 0.3 to 1 ms each."""
AT_ONCE = 8
"""Turns without a pause, on a machine so busy that pauses take too long."""


class Turn(NamedTuple):
    work: Callable[[], None]
    is_wanted: Callable[[], bool]


class Turns:
    def __init__(self) -> None:
        self._waiting: dict[str, deque[Turn]] = {}
        self._arrived = anyio.Event()

    def ask(self, address: str, work: Callable[[], None], is_wanted: Callable[[], bool]) -> None:
        """Do `work` in turn, if still wanted by then."""
        self._waiting.setdefault(address, deque()).append(Turn(work, is_wanted))
        self._arrived.set()

    async def give(self) -> None:
        loop = asyncio.get_running_loop()
        due = anyio.current_time()
        while True:
            await self._arrived.wait()
            turn = self._next()
            if not turn.is_wanted():
                continue
            loop.call_soon(turn.work)  # the loop logs exceptions; the connection has a time limit
            now = anyio.current_time()
            due = max(due + GAP_SECONDS, now - AT_ONCE * GAP_SECONDS)
            await anyio.sleep(max(0.0, due - now))

    def _next(self) -> Turn:
        address, turns = next(iter(self._waiting.items()))
        turn = turns.popleft()
        del self._waiting[address]
        if turns:
            self._waiting[address] = turns  # now the last of all
        elif not self._waiting:
            self._arrived = anyio.Event()
        return turn


def client(address: str) -> str:
    """The client of an address: all of an IPv6 /64 is a single client."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed or address)

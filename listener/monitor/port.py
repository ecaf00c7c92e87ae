"""The HTTP port: few connections at a time, each for a short time.

So a probe always gets through, and whoever opens thousands takes no descriptor from the database's connections.
"""

import asyncio
import contextlib
import math
import resource
import socket
import ssl
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
from uvicorn.protocols.http.h11_impl import H11Protocol

from listener.errors import WrongSetting

MOST_CONNECTIONS = 256
"""At a time; of a small number of descriptors at most a quarter."""
REQUEST_SECONDS = 10.0
"""From a connection's first moment, or from the first byte of a further request, to the end of the answer."""
NO_DESCRIPTOR_SECONDS = 0.1
"""Pause before the next attempt to accept, where no descriptor is left."""
BACKLOG = 2048
"""Connections that may wait to be accepted: without a descriptor. Whoever finds no place tries again a second later."""


def bind(host: str, port: int) -> socket.socket:
    """The socket to serve on, listening: until then another process may bind the same port.

    Raises WrongSetting if the port is taken or the address not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise WrongSetting(
            name="LISTENER_HTTP_PORT", problem=f"cannot listen on {host}:{port}: {error.strerror}"
        ) from error
    listening.setblocking(False)
    return listening


class Exchange(H11Protocol):
    """One connection's requests and answers, with a time limit for each."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.time_limit = anyio.CancelScope()
        self.is_over = anyio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        super().connection_lost(exc)
        self.is_over.set()

    def data_received(self, data: bytes) -> None:
        """A request begins, or goes on."""
        if self.time_limit.deadline == math.inf:
            self.begin()
        super().data_received(data)

    def begin(self) -> None:
        """Let the time for a request run."""
        self.time_limit.deadline = anyio.current_time() + REQUEST_SECONDS

    def on_response_complete(self) -> None:
        """Uvicorn waits a few seconds for a further request."""
        self.time_limit.deadline = math.inf
        super().on_response_complete()


class Port:
    """Accepts connections; if there are too many, the one that was accepted first has to go."""

    def __init__(self, listening: socket.socket, tls: ssl.SSLContext | None, make: Callable[[], Exchange]) -> None:
        self._listening, self._tls, self._make = listening, tls, make
        self._open: dict[Exchange, None] = {}
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._most = min(MOST_CONNECTIONS, descriptors // 4) if descriptors > 0 else MOST_CONNECTIONS

    async def serve(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        async with anyio.create_task_group() as tasks:
            while True:
                try:
                    accepted, _ = await loop.sock_accept(self._listening)
                except OSError:  # no descriptor is left, or whoever came has gone again
                    self._make_room()
                    await anyio.sleep(NO_DESCRIPTOR_SECONDS)
                    continue
                if len(self._open) >= self._most:
                    self._make_room()
                exchange = self._make()
                self._open[exchange] = None
                tasks.start_soon(self._attend, accepted, exchange)
                await anyio.lowlevel.checkpoint()  # however many come, those who are here are served

    def _make_room(self) -> None:
        for exchange in self._open:
            if not exchange.time_limit.cancel_called:
                exchange.time_limit.cancel()
                return

    async def _attend(self, accepted: socket.socket, exchange: Exchange) -> None:
        loop = asyncio.get_running_loop()
        transport: asyncio.WriteTransport | None = None
        exchange.begin()
        try:
            with contextlib.suppress(OSError), exchange.time_limit:
                transport, _ = await loop.connect_accepted_socket(lambda: exchange, accepted, ssl=self._tls)
                await exchange.is_over.wait()
        finally:
            del self._open[exchange]
            if transport is not None:
                transport.abort()
            accepted.close()

"""The HTTP port: few connections at a time, each for a short time, and served in turns.

So a probe always gets through, reactions do not wait for a flood of requests, and thousands of connections take no
descriptor from the database's.
"""

import asyncio
import contextlib
import errno
import math
import resource
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
from uvicorn.protocols.http.h11_impl import H11Protocol

from listener.errors import PortTaken, WrongSetting
from listener.http.turns import Turns, client

TAKEN = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)
"""That may be over soon."""

MOST_CONNECTIONS = 256
"""Connections at a time; with few descriptors a quarter of the descriptors."""
REQUEST_SECONDS = 10.0
"""From the beginning of a connection, or of a further request, to the end of the answer."""
NO_DESCRIPTOR_SECONDS = 0.1
"""Pause before the next attempt to accept, while no descriptor is left."""
BUFFER_BYTES = 32_768
"""Of a connection in the kernel, each way (the kernel doubles the size)."""
BACKLOG = 2048
"""Connections that wait to be accepted, without a descriptor. A client that finds no place tries again a second later.
"""


def bind(host: str, port: int) -> socket.socket:
    """The socket to serve on, listening: until then another process may bind the same port. Raises PortTaken if the
    port is taken or the address not ours, as before the network is up; WrongSetting if the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):  # of each connection that is accepted
            listening.setsockopt(socket.SOL_SOCKET, buffer, BUFFER_BYTES)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno in TAKEN:
            raise PortTaken(address=f"{host}:{port}", reason=error.strerror) from error
        raise WrongSetting(
            name="LISTENER_HTTP_PORT", problem=f"cannot listen on {host}:{port}: {error.strerror}"
        ) from error
    listening.setblocking(False)
    return listening


class Exchange(H11Protocol):
    """A connection's requests and answers, with a time limit for each. Bytes are read in turns. A request before the
    last answer (pipelining) ends the connection after that answer: no client of this port needs more, and a thousand
    answers would fill our memory."""

    def __init__(self, *arguments: Any, turns: Turns, address: str, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._turns = turns
        self.address = address
        self.time_limit = anyio.CancelScope()
        self.is_over = anyio.Event()
        self._is_answered = True
        self._is_unread = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """An unread answer is noticed at once."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=1)  # with 0 a TLS transport says so of nothing, too

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.is_over.set()

    def data_received(self, data: bytes) -> None:
        if self.time_limit.deadline == math.inf:
            self.begin()
        self._unset_keepalive_if_required()
        self.transport.pause_reading()
        self._turns.ask(self.address, partial(self._read, data), lambda: not self.transport.is_closing())

    def _read(self, data: bytes) -> None:
        self._is_answered = False
        self.flow.read_paused = False
        self.transport.resume_reading()
        super().data_received(data)

    def begin(self) -> None:
        """Start the time limit of a request."""
        self.time_limit.deadline = anyio.current_time() + REQUEST_SECONDS

    def on_response_complete(self) -> None:
        """Uvicorn waits a few seconds for a further request."""
        self._is_answered = True
        if self.conn.trailing_data[0]:
            self.transport.close()
        self._end_if_read()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Bytes wait in our memory until the client reads."""
        self._is_unread = True
        super().pause_writing()

    def resume_writing(self) -> None:
        self._is_unread = False
        super().resume_writing()
        self._end_if_read()

    def _end_if_read(self) -> None:
        if self._is_answered and not self._is_unread:
            self.time_limit.deadline = math.inf


class Port:
    """Accepts connections. Beyond the limit, closes the oldest connection of the address with the most."""

    def __init__(self, listening: socket.socket, tls: ssl.SSLContext | None, make: Callable[..., Exchange]) -> None:
        self._listening, self._tls, self._make = listening, tls, make
        self._turns = Turns()
        self._open: dict[Exchange, None] = {}
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._most = min(MOST_CONNECTIONS, descriptors // 4) if descriptors > 0 else MOST_CONNECTIONS

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._turns.give)
            while True:
                try:
                    accepted, peer = await loop.sock_accept(self._listening)
                except OSError:  # no descriptor is left, or the client has gone again
                    self._make_room()
                    await anyio.sleep(NO_DESCRIPTOR_SECONDS)
                    continue
                if len(self._open) >= self._most:
                    self._make_room()
                exchange = self._make(turns=self._turns, address=client(peer[0]))
                self._open[exchange] = None
                tasks.start_soon(self._attend, accepted, exchange)
                await anyio.lowlevel.checkpoint()  # a flood of new connections does not starve the open ones

    def _make_room(self) -> None:
        staying = [exchange for exchange in self._open if not exchange.time_limit.cancel_called]
        crowd = Counter(exchange.address for exchange in staying).most_common(1)
        for exchange in staying:
            if exchange.address == crowd[0][0]:
                exchange.time_limit.cancel()
                return

    async def _attend(self, accepted: socket.socket, exchange: Exchange) -> None:
        loop = asyncio.get_running_loop()
        transport: asyncio.WriteTransport | None = None
        exchange.begin()
        try:
            with contextlib.suppress(OSError), exchange.time_limit:
                if self._tls is not None:  # a handshake costs more than a request
                    await anyio.wait_readable(accepted)  # a silent client takes no turn
                    turn = anyio.Event()
                    self._turns.ask(exchange.address, turn.set, lambda: not exchange.time_limit.cancel_called)
                    await turn.wait()
                transport, _ = await loop.connect_accepted_socket(lambda: exchange, accepted, ssl=self._tls)
                await exchange.is_over.wait()
        finally:
            del self._open[exchange]
            if transport is not None:
                transport.abort()
            accepted.close()

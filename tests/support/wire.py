"""A proxy that understands Postgres's protocol: it answers one statement in the server's place, with an error, by
hanging up, or not at all; or it keeps notifications to itself."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

CANCEL = 80877102
NO_TLS = (80877103, 80877104)
"""Requests for TLS or GSSAPI: this proxy offers neither."""

ASKS = (b"Q", b"S", b"H")
"""Messages after which a client waits."""


@dataclass(frozen=True)
class Fault:
    """What becomes of one statement, counted from 1 over all connections."""

    at: int
    what: str
    """An SQLSTATE, `cut` or `silent`."""


class Wire:
    """Forwards to the server on a port, on threads of its own."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.fault: Fault | None = None
        self.asked: list[bytes] = []
        """How each statement begins."""
        self.struck: list[int] = []
        """Numbers of the connections that met the fault."""
        self.swallows_notifications = False
        self._connections = 0
        self._sockets: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def begin(self, fault: Fault | None) -> None:
        """Count statements and connections from 1 again, with this fault."""
        self.fault = None
        self._connections = 0
        self.asked.clear()
        self.struck.clear()
        self.fault = fault

    def stop(self) -> None:
        """Close everything."""
        for each in (self._listening, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self._sockets.append(client)
                self._connections += 1
                threading.Thread(target=self._serve, args=(client, self._connections), daemon=True).start()

    def _serve(self, client: socket.socket, number: int) -> None:
        server = socket.socket()
        self._sockets.append(server)
        with client, server, suppress(OSError, EOFError):
            server.connect(("127.0.0.1", self.target_port))
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                _Session(self, number, client, server).run()
            finally:  # a thread that waits for the other end keeps it open otherwise
                for each in (client, server):
                    with suppress(OSError):
                        each.shutdown(socket.SHUT_RDWR)


@dataclass
class _Session:
    wire: Wire
    number: int
    client: socket.socket
    server: socket.socket
    state: bytes = b"I"
    _held: bytes = field(default=b"")

    def run(self) -> None:
        while True:
            head = _exactly(self.client, 8)
            length, code = struct.unpack("!ii", head)
            rest = _exactly(self.client, length - 8)
            if code not in NO_TLS:
                break
            self.client.sendall(b"N")
        self.server.sendall(head + rest)
        if code == CANCEL:
            self.server.recv(1)
            return
        threading.Thread(target=self._answer, daemon=True).start()
        skips = False  # what the client sends up to its Sync, after an error
        for kind, message in _messages(self.client):
            if skips:
                if kind == b"S":
                    skips = False
                    self.client.sendall(self._ready())
                continue
            self._held += message
            if kind not in ASKS and kind not in (b"p", b"X"):  # a password, the end
                continue
            asked, self._held = self._held, b""
            if kind in ASKS and asked[:1] != b"S" and self._meets_the_fault(asked):
                assert self.wire.fault is not None
                what = self.wire.fault.what
                if what == "cut":
                    return
                if what == "silent":
                    while self.client.recv(4096):  # until the client gives up: the server has room for so many sessions
                        pass
                    return
                skips = kind == b"H"
                self.client.sendall(_refusal(what) + (b"" if skips else self._ready()))
            else:
                self.server.sendall(asked)

    def _meets_the_fault(self, asked: bytes) -> bool:
        wire = self.wire
        wire.asked.append(asked[:200])
        if wire.fault is None or len(wire.asked) != wire.fault.at:
            return False
        wire.struck.append(self.number)
        return True

    def _answer(self) -> None:
        with suppress(OSError, EOFError):
            for kind, message in _messages(self.server):
                if kind == b"A" and self.wire.swallows_notifications:
                    continue
                if kind == b"Z":
                    self.state = message[5:6]
                self.client.sendall(message)
        with suppress(OSError):
            self.client.shutdown(socket.SHUT_RDWR)

    def _ready(self) -> bytes:
        return b"Z" + struct.pack("!i", 5) + (b"I" if self.state == b"I" else b"E")


def _refusal(code: str) -> bytes:
    fields = {b"S": "ERROR", b"V": "ERROR", b"C": code, b"M": f"a fault of class {code[:2]}"}
    body = b"".join(name + value.encode() + b"\0" for name, value in fields.items()) + b"\0"
    return b"E" + struct.pack("!i", len(body) + 4) + body


def _messages(stream: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    while True:
        head = _exactly(stream, 5)
        (length,) = struct.unpack("!i", head[1:])
        yield head[:1], head + _exactly(stream, length - 4)


def _exactly(stream: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = stream.recv(count - len(found))
        if not more:
            raise EOFError
        found += more
    return found

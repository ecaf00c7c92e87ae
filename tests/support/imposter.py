"""Somebody on the way to the database who answers in its place, and asks for the password in clear."""

import asyncio
import ssl
import struct
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
CLEARTEXT = b"R" + struct.pack("!ii", 8, 3)


class Trick(StrEnum):
    """What is answered to a client that asks for TLS."""

    REFUSED = "no TLS here"
    MADE_UP = "a certificate of one's own"
    ANOTHER_HOST_S = "a certificate that the same authority gave to another host"


class Imposter:
    """Listens on a free port, and keeps the passwords that it is told."""

    def __init__(self, trick: Trick, folder: Path) -> None:
        """`folder` has `made-up` and `another`, each with certificate and key."""
        self._context = None
        if trick is not Trick.REFUSED:
            name = folder / ("made-up" if trick is Trick.MADE_UP else "another")
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(f"{name}.crt", f"{name}.key")
        self.passwords: list[str] = []
        self.port = 0

    async def __aenter__(self) -> "Imposter":
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while await self._request(reader) in (SSL_REQUEST, GSS_REQUEST):
                writer.write(b"N" if self._context is None else b"S")
                await writer.drain()
                if self._context is not None:
                    await writer.start_tls(self._context)
            writer.write(CLEARTEXT)
            await writer.drain()
            kind = await reader.readexactly(1)
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            if kind == b"p":
                self.passwords.append((await reader.readexactly(length - 4)).rstrip(b"\0").decode())
        writer.transport.abort()

    async def _request(self, reader: asyncio.StreamReader) -> int:
        """The code of what a client asks for first, or the version of its protocol."""
        length, code = struct.unpack("!ii", await reader.readexactly(8))
        await reader.readexactly(length - 8)
        return int(code)

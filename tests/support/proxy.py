"""A TCP proxy that can stop forwarding without closing anything: a cut network, as both ends see it. Or it hangs up."""

import asyncio
from contextlib import suppress


class Proxy:
    """Forwards a free port to a server's, until it is cut."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.hangs_up = False
        """On who connects from now on."""

    async def start(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close everything."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Hold back what comes, in either direction; new connections are accepted and never answered."""
        self._open.clear()

    def mend(self) -> None:
        """Forward again, what was held back included."""
        self._open.set()

    def hang_up(self) -> None:
        """On who is connected."""
        for client in self._clients:
            client.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        await self._open.wait()
        if self.hangs_up:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        pipes = [
            asyncio.create_task(self._pipe(reader, server_writer)),
            asyncio.create_task(self._pipe(server_reader, writer)),
        ]
        self._clients.add(writer)
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._clients.remove(writer)
            for pipe in pipes:
                pipe.cancel()
            await asyncio.gather(*pipes, return_exceptions=True)
            for end in (writer, server_writer):
                end.transport.abort()

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._open.wait()
                writer.write(data)
                await writer.drain()

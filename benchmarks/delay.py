"""A network that takes its time: forwards a free port to a server's, each direction so many seconds late.

Run as `python -m benchmarks.delay PORT SECONDS`; prints the port that it listens on. What is on its way at the same
time travels at the same time, as on a real line; only what is answered costs a round trip.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Forward one direction."""
    clock = asyncio.get_running_loop().time
    on_its_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def arrive() -> None:
        while True:
            at, data = await on_its_way.get()
            await asyncio.sleep(at - clock())
            if not data:
                writer.close()
                return
            writer.write(data)

    arriving = asyncio.create_task(arrive())
    with suppress(OSError):
        while data := await reader.read(65536):
            on_its_way.put_nowait((clock() + seconds, data))
    on_its_way.put_nowait((clock() + seconds, b""))
    await arriving


async def serve(port: int, seconds: float) -> None:
    """Forward until killed."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(late(reader, server_writer, seconds), late(server_reader, writer, seconds))

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def delayed(port: int, seconds: float) -> Iterator[int]:
    """A port that leads to `port`, `seconds` late in each direction."""
    arguments = [sys.executable, "-m", "benchmarks.delay", str(port), str(seconds)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))

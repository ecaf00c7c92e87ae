"""Each address of a host gets a time of its own: an address that swallows packets leaves time for the rest."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from listener.transport import UNREADABLE, as_the_driver_reads_it

Host = str | tuple[str, int]
"""A socket's path, or host and port."""


@dataclass(frozen=True)
class Target:
    """An address to try."""

    host: Host
    address: Any = None
    """Where the host's name leads to, if there are several."""

    def arguments(self) -> dict[str, Any]:
        """For the driver."""
        if isinstance(self.host, str):
            path, _, number = self.host.rpartition("/.s.PGSQL.")
            return {"host": path, "port": int(number)}
        name, port = self.host
        given: dict[str, Any] = {"host": name, "port": port}
        if self.address is not None:
            given["loop"] = LeadsTo(asyncio.get_running_loop(), self.address)
        return given


class LeadsTo:
    """A loop whose connections all lead to a single address, even connections that cancel a statement. (The driver lets
    the loop look a name up, and try the addresses, but needs the name for the certificate.)"""

    def __init__(self, loop: asyncio.AbstractEventLoop, address: Any) -> None:
        self._loop = loop
        self._address = address

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def __eq__(self, other: object) -> bool:
        """asyncio finds the running task by the loop."""
        return other is self or other is self._loop

    def __hash__(self) -> int:
        return hash(self._loop)

    async def create_connection(
        self, factory: Any, host: str | None = None, port: int | None = None, **how: Any
    ) -> Any:
        """As the loop's."""
        if host is None:
            return await self._loop.create_connection(factory, **how)
        if how.get("ssl") is not None:
            how.setdefault("server_hostname", host)
        return await self._loop.create_connection(factory, self._address[0], port, **how)


async def targets(url: str | None) -> list[Target]:
    """Targets in the order of trial; empty if the choice is left to the driver."""
    try:
        hosts, _ = as_the_driver_reads_it(url)
    except UNREADABLE:
        return []
    found = [target for host in dict.fromkeys(hosts) for target in await _targets_of(host)]
    return found if len(found) > 1 else []


async def _targets_of(host: Host) -> list[Target]:
    if isinstance(host, str):
        return [Target(host)]
    try:
        addresses = list(_distinct(await look_up(*host)))
    except (OSError, UnicodeError):
        addresses = []  # the driver reports the error
    return [Target(host, each) for each in addresses] if len(addresses) > 1 else [Target(host)]


async def look_up(host: str, port: int) -> list[Any]:
    """The addresses of a host's name."""
    loop = asyncio.get_running_loop()
    return [each[4] for each in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _distinct(addresses: list[Any]) -> Iterator[Any]:
    yield from dict.fromkeys(addresses)

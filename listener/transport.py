"""The safety of the way to the database: the hosts of a connection, and whether a host must prove its identity before
it gets the password."""

import inspect
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit
from weakref import WeakValueDictionary

import anyio
import anyio.to_thread
from asyncpg import connect_utils

from listener import url_parameters

SYSTEM = "system"
"""libpq's name for the operating system's authorities; the driver knows only files."""

FULL = "verify-full"
"""The only mode in which a host must prove its name."""

BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Files with the system's authorities on common systems, if OpenSSL's own place is empty."""

OWN_AUTHORITIES = {
    ".supabase.co": "prod-ca-2021.crt",
    ".supabase.com": "prod-ca-2021.crt",
    ".rds.amazonaws.com": "global-bundle.pem",
}
"""Services with an authority of their own, and the file."""

SHOWN = (
    "host", "port", "dbname", "database", "service", "target_session_attrs",
    "sslrootcert", "sslcert", "sslkey", "sslcrl",
)  # fmt: skip
"""Parameters shown with the value: none is a secret."""

FILES = ("sslrootcert", "sslcrl", "sslcert", "sslkey")
FILES_OF_HOME = ("root.crl", "postgresql.crt", "postgresql.key")

_contexts: "WeakValueDictionary[object, ssl.SSLContext]" = WeakValueDictionary()
"""Each as long as a connection has it."""

LOOKUP_SECONDS = 2.0
"""Time to look up hosts' names; an unknown name counts as another machine's."""

UNREADABLE = (ValueError, OSError, LookupError, ImportError, AttributeError, TypeError)
"""Errors of the driver for an unusable address: connecting reports the error. (The last two are for a driver that reads
addresses elsewhere: a warning is not worth a daemon that does not start.)"""

GETS_IT = "gets the password and every row"

PROBLEMS = {
    "disable": f"nothing is encrypted: who listens on the way {GETS_IT}",
    "allow": f"TLS is there only if the server asks for it, and nobody checks who answers: who is on the way {GETS_IT}",
    "prefer": f"TLS is there only if the server offers it, and nobody checks who answers: who is on the way {GETS_IT}",
    "require": f"any certificate is taken: who is on the way answers with one of their own, and {GETS_IT}",
    "verify-ca": f"any host's certificate from that authority is taken: who has one and is on the way {GETS_IT}",
}
"""By mode, the powers of an attacker on the way."""


@dataclass(frozen=True)
class Weakness:
    """A way to the database on which strangers may listen, or answer."""

    hosts: tuple[str, ...]
    """Not this machine."""
    sslmode: str
    mend: str
    """The line that mends the weakness, without the password."""

    @property
    def problem(self) -> str:
        """The powers of an attacker on the way."""
        return PROBLEMS[self.sslmode]


async def weakness(url: str | None) -> Weakness | None:
    """None if the way is safe, or if no connection can be made."""
    try:
        url_of_driver = for_the_driver(url)
        addresses, tls = as_the_driver_reads_it(url_of_driver, **shared_context(url_of_driver))
    except UNREADABLE:
        return None
    context = tls.ssl
    if isinstance(context, ssl.SSLContext) and context.check_hostname:
        return None
    remote = [each for each in dict.fromkeys(addresses) if not isinstance(each, str)]
    hosts = [each for each in remote if not await _is_this_machine(each)]
    if not hosts:
        return None
    mode = tls.sslmode.name.replace("_", "-")
    checks_authority = isinstance(context, ssl.SSLContext) and context.verify_mode is ssl.CERT_REQUIRED
    names = tuple(host for host, _ in hosts)
    mend = _line(url, _missing(names, knows_authority=checks_authority or _names_authority(url)))
    return Weakness(names, "verify-ca" if checks_authority else mode, mend)


def for_the_driver(url: str | None) -> str | None:
    """The address with the driver's parameters alone."""
    return with_system_authorities(url_parameters.for_the_driver(url))


def with_system_authorities(url: str | None) -> str | None:
    """The address for the driver: with the file of the system's authorities in place of `sslrootcert=system`. The
    authorities vouch for every public host, so this is safe only with `verify-full`."""
    if mode_with_system_authorities(url) is None:
        return url
    return _with_parameters(url or "postgresql://", {"sslmode": FULL, "sslrootcert": system_authorities() or SYSTEM})


def mode_with_system_authorities(url: str | None) -> str | None:
    """The mode beside `sslrootcert=system`, by default `verify-full`; None without that."""
    query = dict(parse_qsl(urlsplit(url).query)) if url else {}
    mode = (query.get("sslmode") or os.environ.get("PGSSLMODE") or FULL).replace("_", "-")
    if "sslrootcert" in query or "service" in query:
        return mode if query.get("sslrootcert") == SYSTEM else None
    is_read = mode not in ("disable", "allow", "prefer")
    return mode if is_read and os.environ.get("PGSSLROOTCERT") == SYSTEM else None


def system_authorities() -> str | None:
    """The file of the operating system's authorities; None if missing."""
    files = (ssl.get_default_verify_paths().cafile, *BUNDLES)
    return next((file for file in files if file and Path(file).is_file()), None)


def _with_parameters(url: str, parameters: dict[str, str]) -> str:
    parts = urlsplit(url)
    kept = [each for each in parts.query.split("&") if each and each.partition("=")[0] not in parameters]
    query = "&".join([*kept, urlencode(parameters, safe="/:…")])
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{query}"


def as_the_driver_reads_it(url: str | None, **arguments: object) -> tuple[list[str | tuple[str, int]], Any]:
    """The sockets, and hosts with ports, that the driver would connect to, and its TLS settings: from the address,
    libpq's variables, and files of the user and of services. `arguments` of the driver's win over these."""
    parse: Any = connect_utils._parse_connect_dsn_and_args  # type: ignore[attr-defined]  # the driver itself must read it
    nothing = dict.fromkeys(inspect.signature(parse).parameters)
    addresses, parameters = parse(**nothing | {"dsn": url} | arguments)
    return addresses, parameters


def shared_context(url: str | None) -> dict[str, Any]:
    """For the driver, beside the address: the context that the driver made for the same parameters and files. To read
    the system's authorities takes 30 ms of processor and .8 MiB, and a fleet has a connection for each school. Empty
    where no authority is named. Raises UNREADABLE."""
    parameters = dict(each for each in parse_qsl(urlsplit(url or "").query) if each[0].startswith("ssl"))
    if "sslrootcert" not in parameters:
        return {}
    key = (frozenset(parameters.items()), frozenset(_marks(parameters)))
    context = _contexts.get(key)
    if context is None:
        _, tls = as_the_driver_reads_it(url)
        if tls.sslmode < tls.sslmode.require:
            return {}
        context = _contexts[key] = tls.ssl
    return {"ssl": context}


def _marks(parameters: dict[str, str]) -> "Iterator[tuple[str, int, int, int]]":
    """Of the content of files that the driver reads: those that are named, and those that it looks for in the home."""
    named = [Path(value) for name, value in parameters.items() if name in FILES]
    for file in (*named, *(Path.home() / ".postgresql" / name for name in FILES_OF_HOME)):
        with suppress(OSError):
            status = file.stat()
            yield str(file), status.st_mtime_ns, status.st_size, status.st_ino


async def _is_this_machine(address: tuple[str, int]) -> bool:
    """Whether data sent to the address stays on this machine."""
    host, port = address
    literal = host.partition("%")[0]
    if host.lower().rstrip(".") == "localhost" or _are_loopback([literal]):
        return True
    with anyio.move_on_after(LOOKUP_SECONDS):
        return await anyio.to_thread.run_sync(_resolves_to_this_machine, host, port, abandon_on_cancel=True)
    return False


def _resolves_to_this_machine(host: str, port: int) -> bool:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return _are_loopback(str(each[4][0]).partition("%")[0] for each in found)


def _are_loopback(addresses: Iterable[str]) -> bool:
    return all(map(_is_loopback, addresses))


def _is_loopback(text: str) -> bool:
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    # To connect to 0.0.0.0 is to connect to oneself.
    return address is not None and (address.is_loopback or address.is_unspecified)


def ip_address(text: str) -> IPv4Address | IPv6Address | None:
    """None if the text is no address."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _names_authority(url: str | None) -> bool:
    """Whether an authority is named, though not checked."""
    named = dict(parse_qsl(urlsplit(url).query)).get("sslrootcert") if url else None
    return bool(named or os.environ.get("PGSSLROOTCERT"))


def _missing(hosts: tuple[str, ...], *, knows_authority: bool) -> dict[str, str]:
    """Parameters that make a host prove its identity."""
    return {"sslmode": FULL} | ({} if knows_authority else {"sslrootcert": _authority(hosts)})


def _authority(hosts: tuple[str, ...]) -> str:
    for ending, file in OWN_AUTHORITIES.items():
        if any(host.endswith(ending) for host in hosts):
            return file
    is_public = all("." in host and ip_address(host) is None for host in hosts)
    return SYSTEM if is_public else "/path/to/ca.pem"


def _line(url: str | None, parameters: dict[str, str]) -> str:
    """The setting with `parameters`, without user and password: for the log."""
    if not url:
        return " ".join(f"PG{name.upper()}={value}" for name, value in parameters.items())
    parts = urlsplit(url)
    user, at, location = parts.netloc.rpartition("@")
    netloc = f"{'…' if user else ''}{at}{location}"
    shown = f"{parts.scheme}://{netloc}{parts.path}?{'&'.join(_shown(parts.query))}"
    return f"LISTENER_DATABASE_URL='{_with_parameters(shown, parameters)}'"


def _shown(query: str) -> Iterator[str]:
    for each in filter(None, query.split("&")):
        name, _, _ = each.partition("=")
        yield each if unquote(name) in SHOWN else f"{name}=…"

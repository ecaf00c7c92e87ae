"""Checks requests by the Host header, and adds security headers to every answer.

A page on the Internet can have its own name resolve to the daemon's address (DNS rebinding): then the reader's browser
lets that page read every path here, as if the page came from this server. The name is in the Host header, so only names
that a page on the Internet cannot have are answered:

- IP addresses, which are not looked up. Kubernetes' probes, PodMonitor and Prometheus' service discovery use IP
addresses.
- `localhost` and names below, which browsers do not look up.
- The machine's own name, and the name in LISTENER_HTTP_HOST.
- Names without a dot: of Compose's and Kubernetes' services. No domain of the Internet is without a dot.
- Names that LISTENER_HTTP_ALLOWED_HOSTS lists.

A request without a Host header (HTTP/1.0) comes from no browser, and is answered. The check holds for every path:
`/livez` says little, but there is no reason to tell a stranger's page.
"""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from listener.errors import WrongSetting
from listener.settings import Settings
from listener.transport import ip_address

NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
SETTING = "LISTENER_HTTP_ALLOWED_HOSTS"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer, unless the answer sets its own: nothing is cached, framed, run, or taken for another type."""


class Hosts:
    def __init__(self, names: Iterable[str]) -> None:
        given = {name.lower().rstrip(".") for name in names}
        self._any = "*" in given
        self._names = frozenset(given)
        self._below = tuple(name[1:] for name in given if name.startswith("*."))

    @classmethod
    def load(cls, settings: Settings) -> "Hosts":
        """The machine's names, and the names in the settings. Raises WrongSetting."""
        listed = [name.strip() for name in (settings.http_allowed_hosts or "").split(",") if name.strip()]
        for name in listed:
            if name != "*" and not NAME.fullmatch(name.lower().removeprefix("*.").rstrip(".")):
                raise WrongSetting(
                    name=SETTING,
                    problem=f"{name} is no name: write names such as listener.example.com or *.example.com, "
                    "separated by commas, without https:// and port",
                )
        return cls([*listed, socket.gethostname(), settings.http_host])

    def expects(self, host: str) -> bool:
        """Whether a Host header names this port."""
        if host.startswith("["):
            address, bracket, port = host[1:].partition("]")
            return bool(bracket) and _is_port(port) and isinstance(ip_address(address), IPv6Address)
        name, colon, number = host.lower().partition(":")
        if not _is_port(colon + number):
            return False
        if ip_address(name) is not None:
            return True
        name = name.removesuffix(".")
        return NAME.fullmatch(name) is not None and (
            self._any or "." not in name or name in self._names or name.endswith((".localhost", *self._below))
        )


def _is_port(text: str) -> bool:
    return re.fullmatch(r"(:[0-9]{0,5})?", text) is not None


@dataclass(frozen=True)
class Doorman:
    """Refuses requests for an unexpected host, or with a body: no path reads a body, and two servers in a row can
    disagree about the body's end (request smuggling)."""

    app: ASGIApp
    hosts: Hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if not all(self.hosts.expects(host.decode("latin-1")) for host in hosts):
            return PlainTextResponse(
                f"this name is not expected here: if it is yours, add it to {SETTING}\n", 421, {"Connection": "close"}
            )
        if any(
            name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
            for name, value in scope["headers"]
        ):
            return PlainTextResponse("no path here takes a body\n", 413, {"Connection": "close"})
        return None

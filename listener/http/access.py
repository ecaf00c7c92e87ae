"""Access to the HTTP port: basic auth and TLS, both optional."""

import base64
import binascii
import hashlib
import hmac
import math
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from listener.errors import WrongSetting
from listener.http.guesses import Guesses
from listener.http.hosts import Hosts
from listener.http.turns import client
from listener.settings import Settings

OPEN = frozenset({"/livez", "/readyz"})
"""Paths without a password: they tell only whether the daemon is well, and in general terms why not."""


@dataclass(frozen=True)
class Access:
    """A certificate with its key, and a user with a password; either pair may be missing."""

    certificate: Path | None = None
    key: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    contexts: list[ssl.SSLContext] = field(default_factory=list, repr=False, compare=False)
    """Contexts that serve HTTPS now."""
    served: list["Guard"] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def load(cls, settings: Settings) -> "Access":
        """Access from the settings. Raises WrongSetting if half of a pair is missing, or a file cannot be used."""
        Hosts.load(settings)  # a wrong name is reported before anything is started
        access = cls(settings.http_tls_cert, settings.http_tls_key, settings.http_user, settings.password_for_http())
        if (access.certificate is None) is not (access.key is None):
            missing = "LISTENER_HTTP_TLS_KEY" if access.key is None else "LISTENER_HTTP_TLS_CERT"
            raise WrongSetting(name=missing, problem="is needed too: a certificate and its key go together")
        if (access.user is None) is not (access.password is None):
            missing = "LISTENER_HTTP_PASSWORD" if access.password is None else "LISTENER_HTTP_USER"
            raise WrongSetting(name=missing, problem="is needed too: user and password go together")
        if access.user is not None and (not access.user.strip() or ":" in access.user):
            raise WrongSetting(name="LISTENER_HTTP_USER", problem="is a name, not blank and without a colon")
        if access.certificate is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                    access.certificate, access.key, password=lambda: ""
                )
            except (OSError, ValueError) as error:
                raise WrongSetting(
                    name="LISTENER_HTTP_TLS_CERT",
                    problem=f"{access.certificate} and {access.key} cannot be used: {error}",
                ) from error
        return access

    def read_again(self, settings: Settings) -> None:
        """From now on serve the files' present contents. Raises WrongSetting, and goes on as before."""
        now = Access.load(settings)
        for context in self.contexts:
            if now.certificate is not None:
                context.load_cert_chain(now.certificate, now.key, password=lambda: "")
        for guard in self.served:
            guard.asks_for(f"{now.user}:{now.password}".encode())

    @property
    def scheme(self) -> str:
        return "http" if self.certificate is None else "https"

    @property
    def asks(self) -> bool:
        """Whether a password is needed: only then are keys shown."""
        return self.user is not None and self.password is not None

    @property
    def guards(self) -> list[Middleware]:
        """Middleware that asks for the password."""
        if self.user is None or self.password is None:
            return []
        credentials = f"{self.user}:{self.password}".encode()
        return [Middleware(Guard, credentials=credentials, guesses=Guesses(), told=self.served.append)]


class Guard:
    """Asks for user and password, except on the open paths."""

    def __init__(
        self, app: ASGIApp, credentials: bytes, guesses: Guesses, told: Callable[["Guard"], None] = lambda _guard: None
    ) -> None:
        """`told` is called with the new guard: Starlette makes the guard later."""
        self._app = app
        self.asks_for(credentials)
        self._guesses = guesses
        told(self)

    def asks_for(self, credentials: bytes) -> None:
        self._credentials = hashlib.sha256(credentials).digest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        given = _credentials(scope)
        address = client(scope["client"][0]) if scope.get("client") else ""
        if given is not None:
            wait = self._guesses.wait(address)
            if wait:
                refused = PlainTextResponse(
                    "too many wrong passwords: try again later\n", 429, {"Retry-After": str(math.ceil(wait))}
                )
                await refused(scope, receive, send)
                return
            # Hashes have equal length, so the time says nothing of the password's length either.
            if hmac.compare_digest(hashlib.sha256(given).digest(), self._credentials):
                self._guesses.was_right(address)
                await self._app(scope, receive, send)
                return
            self._guesses.was_wrong(address)
        answer = PlainTextResponse(
            "user name and password, please\n", 401, {"WWW-Authenticate": 'Basic realm="listener", charset="UTF-8"'}
        )
        await answer(scope, receive, send)


def _credentials(scope: Scope) -> bytes | None:
    """`user:password` of the request; None if missing or unreadable."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    kind, _, encoded = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True) if kind.lower() == b"basic" else b""
    except (binascii.Error, ValueError):
        return None
    return decoded if b":" in decoded else None

"""Who may look at the HTTP side, and how it is encrypted: basic auth and TLS, both optional."""

import base64
import binascii
import hmac
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from listener.errors import WrongSetting
from listener.settings import Settings

OPEN = frozenset({"/livez", "/readyz"})
"""Probes carry no password; these two paths say nothing but whether the daemon is well, and why not."""


@dataclass(frozen=True)
class Access:
    """A certificate with its key, and a user with a password; either may be missing."""

    certificate: Path | None = None
    key: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def load(cls, settings: Settings) -> "Access":
        """What the settings ask for. Raises WrongSetting if one of a pair is missing, or a file is no good."""
        access = cls(settings.http_tls_cert, settings.http_tls_key, settings.http_user, settings.password_for_http())
        if (access.certificate is None) is not (access.key is None):
            missing = "LISTENER_HTTP_TLS_KEY" if access.key is None else "LISTENER_HTTP_TLS_CERT"
            raise WrongSetting(name=missing, problem="is needed too: a certificate and its key go together")
        if (access.user is None) is not (access.password is None):
            missing = "LISTENER_HTTP_PASSWORD" if access.password is None else "LISTENER_HTTP_USER"
            raise WrongSetting(name=missing, problem="is needed too: user and password go together")
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

    @property
    def scheme(self) -> str:
        """http or https."""
        return "http" if self.certificate is None else "https"

    @property
    def asks(self) -> bool:
        """Whether it asks for a password: only then does anything but the open paths show keys."""
        return self.user is not None and self.password is not None

    def guard(self, app: ASGIApp) -> ASGIApp:
        """`app`, behind the password if there is one."""
        if self.user is None or self.password is None:
            return app
        return Guard(app, f"{self.user}:{self.password}".encode())


class Guard:
    """Asks for the user's name and password, but not on the paths that probes use."""

    def __init__(self, app: ASGIApp, credentials: bytes) -> None:
        self._app = app
        self._credentials = credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401."""
        if scope["type"] != "http" or scope["path"] in OPEN or self._knows(scope):
            await self._app(scope, receive, send)
            return
        answer = PlainTextResponse(
            "user name and password, please\n", 401, {"WWW-Authenticate": 'Basic realm="listener", charset="UTF-8"'}
        )
        await answer(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        for name, value in scope["headers"]:
            if name == b"authorization":
                kind, _, encoded = value.partition(b" ")
                try:
                    given = base64.b64decode(encoded.strip(), validate=True)
                except (binascii.Error, ValueError):
                    return False
                return kind.lower() == b"basic" and hmac.compare_digest(given, self._credentials)
        return False

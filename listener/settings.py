"""Every setting, in one class: from the environment, `.env`, a file of secrets, or the flag of the same name."""

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from listener.errors import UnknownSetting, WrongSetting

PREFIX = "LISTENER_"
SECRETS = Path("/run/secrets")
ENV_FILE = Path(".env")

# What Kubernetes adds to every pod's environment when a Service happens to be called `listener`.
SERVICE_LINK = re.compile(r"LISTENER_(SERVICE_(HOST|PORT)|PORT)(_\w+)?$")


class Settings(BaseSettings):
    """The daemon's and the commands' settings. Durations are in seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True)

    database_url: SecretStr | None = Field(
        None,
        description="postgresql:// address, several hosts allowed; without it libpq's PG* variables are used",
    )
    database_url_file: Path | None = Field(None, description="a file that holds the database URL")
    http_host: str = Field("127.0.0.1", description="address that /livez, /readyz and /metrics listen on")
    http_port: int = Field(9432, ge=0, le=65535, description="their port; 0 takes any free one")
    http_tls_cert: Path | None = Field(None, description="PEM file: serve HTTPS with this certificate (chain)")
    http_tls_key: Path | None = Field(None, description="PEM file: the certificate's key")
    http_user: str | None = Field(
        None, description="user that / and /metrics ask for (basic auth); /livez and /readyz stay open for probes"
    )
    http_password: SecretStr | None = Field(None, description="that user's password")
    http_password_file: Path | None = Field(None, description="a file that holds that password")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")
    log_format: Literal["json", "console"] | None = Field(
        None, description="json, or console; by default console if stderr is a terminal"
    )
    batch_size: int = Field(2000, ge=1, le=100_000, description="most changes handled in one transaction")
    heartbeat_seconds: float = Field(5.0, gt=0, le=300, description="time between heartbeats while idle")
    shutdown_seconds: float = Field(10.0, gt=0, le=600, description="time a clean stop may take")
    statement_seconds: float = Field(60.0, gt=0, le=3600, description="time one statement may take")
    retention_seconds: float = Field(3600.0, ge=0, description="time that handled changes are kept to look at")
    sample_seconds: float = Field(15.0, gt=0, le=3600, description="time between samples of the database's figures")

    def url(self) -> str | None:
        """The database URL in clear, wherever it was set; None leaves it to libpq's variables."""
        return self._secret("database_url")

    def password_for_http(self) -> str | None:
        """The password that `/` and `/metrics` ask for, wherever it was set. Raises WrongSetting."""
        return self._secret("http_password")

    def _secret(self, name: str) -> str | None:
        file: Path | None = getattr(self, f"{name}_file")
        if file is None:
            given: SecretStr | None = getattr(self, name)
            return None if given is None else given.get_secret_value()
        try:
            return file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise WrongSetting(
                name=f"{PREFIX}{name}_file".upper(), problem=f"cannot be read: {error.strerror}"
            ) from error


def load(flags: dict[str, Any] | None = None) -> Settings:
    """The settings in force; `flags` (those that are not None) win over the environment.

    Raises UnknownSetting for a `LISTENER_*` name that does not exist, WrongSetting for a value that cannot be.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    for name in [f"{name}_file" for name in given]:
        if name in Settings.model_fields:
            given.setdefault(name, None)  # a file that the environment names does not win over a flag
    check_names([*os.environ, *dotenv_values(ENV_FILE)])
    try:
        return Settings(
            _env_file=ENV_FILE,  # type: ignore[call-arg]
            _secrets_dir=SECRETS if SECRETS.is_dir() else None,
            **given,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        raise WrongSetting(name=name, problem=first["msg"][:1].lower() + first["msg"][1:]) from None


def check_names(names: Iterable[str]) -> None:
    """Raise UnknownSetting for the first of `names` that looks like a setting and is none."""
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in known and not SERVICE_LINK.match(name):
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            raise UnknownSetting(name=name, hint=f"; did you mean {nearest[0]}?" if nearest else "")

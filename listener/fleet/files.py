"""A school's settings, from its file.

A file says what it says: nothing in it is replaced, and what the process's environment says of one database is not for
all of them. What else the process is told, such as LISTENER_AUDIT_SECONDS, holds for each school whose file is silent.
"""

import io
import re
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream

from listener.errors import WrongFile, WrongSetting
from listener.settings import ADMIN, OF_PROCESS, PREFIX, Settings, check_names, checked

SUFFIX = ".env"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""It stands in paths, labels and log lines."""

MOST_BYTES = 262_144
"""A longer file is the wrong one."""

OF_ONE = ("database_url", "database_url_file", *ADMIN)


class SchoolSettings(Settings):
    """Of what is given alone: not of the environment, `.env` or Docker's secrets."""

    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, init_settings: Any, **_others: Any) -> tuple[Any, ...]:  # type: ignore[override]
        """As pydantic's."""
        del settings_cls
        return (init_settings,)


def read(file: Path, process: Settings) -> Settings:
    """Raises WrongFile, UnknownSetting, WrongSetting."""
    if not NAME.fullmatch(file.stem):
        raise WrongFile(
            file=file.name, problem="a school's name is letters, digits, dots, dashes and underscores, 63 at most"
        )
    said = _values(file)
    check_names(said)
    given = {name.removeprefix(PREFIX).lower(): value for name, value in said.items() if name.startswith(PREFIX)}
    for name in given:
        if name in OF_PROCESS:
            raise WrongSetting(name=_setting(name), problem="is the process's: say it in its environment")
    for name, value in given.items():
        if name.endswith("_file"):
            given[name] = str(file.parent / value)
    settings = checked(lambda: SchoolSettings(**_handed_down(process) | given))
    if not settings.url():
        raise WrongSetting(name=_setting("database_url"), problem="is missing: each school has its own")
    return settings


def check_process(process: Settings) -> None:
    """Raises WrongSetting if it names one database for all."""
    for name in OF_ONE:
        if getattr(process, name) is not None:
            raise WrongSetting(name=_setting(name), problem="is a school's: say it in the school's file")


def _values(file: Path) -> dict[str, str]:
    """Raises WrongFile, WrongSetting."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise WrongFile(file=file.name, problem=f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise WrongFile(file=file.name, problem="is not text in UTF-8") from None
    if len(data) > MOST_BYTES:
        raise WrongFile(file=file.name, problem="is too long for a school's settings")
    found: dict[str, str] = {}
    for line in parse_stream(io.StringIO(text)):
        if line.error:
            raise WrongFile(file=file.name, problem=f"line {line.original.line} is no NAME=value")
        if line.key is None:
            continue
        if line.key.startswith("PG"):
            raise WrongSetting(name=line.key, problem="would be the whole process's: use LISTENER_DATABASE_URL")
        found[line.key] = line.value or ""
    return found


def _handed_down(process: Settings) -> dict[str, Any]:
    return {
        name: getattr(process, name)
        for name in process.model_fields_set
        if name not in OF_PROCESS and name not in OF_ONE
    }


def _setting(name: str) -> str:
    return f"{PREFIX}{name}".upper()

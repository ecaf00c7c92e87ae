"""Whether a database URL, and libpq's variables, can be used: checked before any connection, and named in the error."""

import os
import re
from configparser import ConfigParser, Error
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from listener import url_parameters
from listener.errors import WrongSetting
from listener.transport import FULL, mode_with_system_authorities, system_authorities

SETTING = "LISTENER_DATABASE_URL"

NOT_ENCODED = (
    "it cannot be read as postgresql://user:password@host:port/database. In user and password write @ : / ? # [ ] % "
    "as %40 %3A %2F %3F %23 %5B %5D %25"
)

PORTS = "a port is a number from 1 to 65535"
"""The driver takes higher ones for the port that is left of them in 16 bits."""

TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

TLS_FILES = {"sslrootcert": "require", "sslcert": "allow", "sslkey": "allow"}
"""The first mode in which each file is read."""


def check_url(url: str, name: str = SETTING) -> None:
    """Raise WrongSetting, without any secret, unless this is a URL of Postgres."""
    problem = ""
    try:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise WrongSetting(name=name, problem=NOT_ENCODED) from None
    ports = [_port(host) for host in parts.netloc.rpartition("@")[2].split(",")]
    if parts.scheme not in ("postgresql", "postgres"):
        problem = "it must begin with postgresql://" + (", not with a quote" if url[:1] in ("'", '"') else "")
    elif parts.fragment or "@" in parts.path or None in ports:
        problem = NOT_ENCODED
    elif not all(map(_is_port, (*filter(None, ports), *query.get("port", "").split(",")))):
        problem = PORTS
    if "sslmode" in query and _tls_mode(query["sslmode"]) not in TLS_MODES:
        problem = f"sslmode is one of {', '.join(TLS_MODES)}, not {query['sslmode']}"
    for parameter in TLS_FILES:
        file = query.get(parameter, "system")
        if file != "system" and (not Path(file).exists() or Path(file).is_dir()):
            problem = f"{parameter} names a file that is not there: {file}"
    problem = problem or url_parameters.problem(url) or _problem_of_service(query.get("service")) or ""
    if problem:
        raise WrongSetting(name=name, problem=problem)


def url_of_service() -> str | None:
    """The URL that means libpq's PGSERVICE, of which the driver knows nothing; None without it. Raises WrongSetting."""
    service = os.environ.get("PGSERVICE")
    problem = _problem_of_service(service)
    if problem:
        raise WrongSetting(name="PGSERVICE", problem=problem)
    return f"postgresql://?{urlencode({'service': service})}" if service else None


def _problem_of_service(name: str | None) -> str | None:
    """What is wrong with a service: the driver would pass over one that it does not find, and take libpq's defaults."""
    if not name:
        return None
    file, services = Path(os.environ.get("PGSERVICEFILE") or "~/.pg_service.conf"), ConfigParser()  # the driver's
    try:
        services.read(file.expanduser())
        return None if services.has_section(name) and dict(services[name]) else f"there is no service {name} in {file}"
    except (OSError, RuntimeError, UnicodeDecodeError):
        return f"{file} cannot be read"
    except Error as error:  # with the line, which may hold a password
        return f"{file} is no file of services that can be read ({type(error).__name__})"


def check_environment(url: str) -> None:
    """Raise WrongSetting for libpq's variables that allow no connection; `url` may override those of TLS."""
    ports = os.environ.get("PGPORT", "")
    if not all(map(_is_port, ports.split(","))):
        raise WrongSetting(name="PGPORT", problem=f"{PORTS}, not {ports}")
    query = dict(parse_qsl(urlsplit(url).query))
    given = os.environ.get("PGSSLMODE", "")
    if given and "sslmode" not in query and _tls_mode(given) not in TLS_MODES:
        raise WrongSetting(name="PGSSLMODE", problem=f"is one of {', '.join(TLS_MODES)}, not {given}")
    mode = _tls_mode(query.get("sslmode", given))
    for parameter, least in TLS_FILES.items():
        name = f"PG{parameter.upper()}"
        file = "" if parameter in query else os.environ.get(name, "")
        used = mode in TLS_MODES[TLS_MODES.index(least) :]
        if file not in ("", "system") and used and not Path(file).exists():
            raise WrongSetting(name=name, problem=f"names a file that is not there: {file}")


def check_system_authorities(url: str | None, name: str = SETTING) -> None:
    """Raise WrongSetting if the system's authorities are asked for and cannot be found, or without `verify-full`: the
    authorities vouch for every public host, so the host's name must be checked."""
    mode = mode_with_system_authorities(url)
    problem = None
    if mode not in (None, FULL):
        problem = f"sslrootcert=system goes with sslmode={FULL} alone, not with {mode}"
    elif mode is not None and system_authorities() is None:
        problem = "sslrootcert=system: this machine has no file of authorities; install ca-certificates, or name a file"
    if problem is not None:
        is_in_url = "sslrootcert" in dict(parse_qsl(urlsplit(url or "").query))
        raise WrongSetting(name=name if is_in_url else "PGSSLROOTCERT", problem=problem)


def _tls_mode(text: str) -> str:
    return text.replace("_", "-")


def _port(text: str) -> str | None:
    """The port of a host, empty without one; None if the text is no host."""
    port = text.partition("]")[2] if text.startswith("[") else "".join(text.partition(":")[1:])
    return port[1:] if re.fullmatch(r"(:\d*)?", port) is not None else None


def _is_port(text: str) -> bool:
    """Whether a connection can be made to it; libpq's own is meant by an empty text."""
    return text == "" or (re.fullmatch(r"\d{1,5}", text) is not None and 0 < int(text) < 2**16)

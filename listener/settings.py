"""Every setting, in one class: from the environment, `.env`, a file of secrets, or the flag of the same name."""

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from listener.errors import UnknownSetting, WrongSetting

PREFIX = "LISTENER_"
SECRETS = Path("/run/secrets")
ENV_FILE = Path(".env")

# What Kubernetes adds to every pod's environment when a Service happens to be called `listener`.
SERVICE_LINK = re.compile(r"LISTENER_(SERVICE_(HOST|PORT)|PORT)(_\w+)?$")

NOT_ENCODED = (
    "it cannot be read as postgresql://user:password@host:port/database. In user and password write @ : / ? # [ ] % "
    "as %40 %3A %2F %3F %23 %5B %5D %25"
)

TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

TLS_FILES = {"sslrootcert": "require", "sslcert": "allow", "sslkey": "allow"}
"""The first mode in which each is read."""

MAPPING = (
    "profile_table", "profile_key", "student_table", "student_key", "student_column", "student_values",
    "student_predicate", "student_view", "enrollment_table", "enrollment_profile", "enrollment_course",
    "enrollment_status",
    "active_values", "enrollment_values", "course_table", "course_key", "course_price", "publish_predicate",
    "course_order", "default_course", "default_course_view", "count_columns", "count_rows", "actions",
    "statistics", "wanted_query", "watch", "wanted_plan", "on_leave", "inactive_value", "course_seats",
)  # fmt: skip
"""The settings that say what means what in the LMS's schema; `install` takes and remembers them."""


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
    batch_size: int = Field(10_000, ge=1, le=100_000, description="most changes handled in one transaction")
    durable: bool = Field(
        False,
        description="true: nobody sees what a batch did before the server has it on the disk, for who acts on what "
        "it has only read, outside the database",
    )
    heartbeat_seconds: float = Field(5.0, gt=0, le=300, description="time between heartbeats while idle")
    shutdown_seconds: float = Field(10.0, gt=0, le=600, description="time a clean stop may take")
    statement_seconds: float = Field(60.0, gt=0, le=3600, description="time one statement may take")
    retention_seconds: float = Field(3600.0, ge=0, description="time that handled changes are kept to look at")
    audit_seconds: float = Field(
        300.0,
        gt=0,
        le=86_400,
        description="time between audits of the tables as a whole; the timer, too, if the query of who should be where "
        "depends on time, or reads tables that are not watched",
    )
    sample_seconds: float = Field(15.0, gt=0, le=3600, description="time between samples of the database's figures")

    # Which of the LMS's tables and columns mean what, where `install` cannot tell.
    profile_table: str | None = Field(None, description="table of the people, with its schema unless it is public")
    profile_key: str | None = Field(None, description="its column that enrollments refer to")
    student_table: str | None = Field(
        None, description="table that says who is a student, if that is not the profiles'"
    )
    student_key: str | None = Field(None, description="its column that refers to the profile")
    student_column: str | None = Field(None, description="column that says who is a student")
    student_values: str | None = Field(None, description="its values that mean a student, separated by commas")
    student_predicate: str | None = Field(
        None, description="SQL condition on one row of that table, in place of column and values; `true` is everyone"
    )
    student_view: str | None = Field(
        None,
        description="query of one column, written by hand: the keys of all who are students now, in place of what the "
        "rule would select; the rule still says which rows are looked at",
    )
    enrollment_table: str | None = Field(None, description="table of the enrollments")
    enrollment_profile: str | None = Field(None, description="its column that refers to the profile")
    enrollment_course: str | None = Field(None, description="its column that refers to the course")
    enrollment_status: str | None = Field(None, description="its column that says whether it is active, or `none`")
    active_values: str | None = Field(
        None, description="values that mean an active enrollment, separated by commas; new ones get the first"
    )
    enrollment_values: str | None = Field(
        None,
        description="what other columns of a new enrollment get: `column=expression` over the profile's row, "
        "separated by semicolons",
    )
    course_table: str | None = Field(None, description="table of the courses")
    course_key: str | None = Field(None, description="its column that enrollments refer to")
    course_price: str | None = Field(
        None, description="its price column, or `none`; the cheapest course is the default"
    )
    publish_predicate: str | None = Field(
        None, description="SQL condition on one row of courses: students may land in it; `true` is all of them"
    )
    course_order: str | None = Field(None, description="SQL to order courses by, in place of price and age")
    default_course: str | None = Field(None, description="key of the one course that new students land in")
    default_course_view: str | None = Field(
        None,
        description="query of one row and column, written by hand: the key of the course that new students land in",
    )
    count_columns: str | None = Field(
        None, description="columns of courses that hold the count, separated by commas, or `none`"
    )
    count_rows: Literal["active", "all"] = Field("active", description="which enrollments count: active or all")
    actions: Literal["both", "enroll", "count", "observe"] = Field(
        "both", description="what is done: both, enroll, count, or observe (say what would be done, write nothing)"
    )
    statistics: Literal["lms", "none"] = Field(
        "lms",
        description="where profile_enrollment_sync_status and get_enrollment_statistics() stand: in the enrollments' "
        "schema (lms), or nowhere (none)",
    )

    wanted_query: str | None = Field(
        None,
        description="query of two columns, the keys of a profile and of a course: who should be where, in place of "
        "students in the default course; `none` goes back to these",
    )
    watch: str | None = Field(
        None,
        description="for tables that the query reads and `install` cannot route: `table(column)`, which holds a "
        "profile's key; `table(column=other.column)`, where it leads; `table(everyone)`; or `table(audit)`, to let the "
        "audit find what changes; separated by semicolons",
    )
    wanted_plan: Literal["by_key", "any"] = Field(
        "by_key",
        description="whether the query must find one profile's courses by key, or may read whole tables for it",
    )
    on_leave: Literal["keep", "suspend", "remove"] = Field(
        "keep",
        description="what becomes of an enrollment that the listener made and the query does not want any more",
    )
    inactive_value: str | None = Field(
        None, description="what `suspend` writes into the status of an enrollment; one of its values that is not active"
    )

    course_seats: str | None = Field(
        None,
        description="column of courses, or SQL over one row of them: how many may be enrolled at once; the rest wait, "
        "in order of arrival",
    )

    def url(self) -> str | None:
        """The database URL in clear, wherever it was set; None leaves it to libpq's variables. Raises WrongSetting."""
        url = self._secret("database_url")
        if url:
            check_url(url)
        check_tls_environment(url or "")
        return url

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


def check_url(url: str) -> None:
    """Raise WrongSetting, which shows nothing of the password, unless this reads as a URL of Postgres."""
    name, problem = f"{PREFIX}DATABASE_URL", ""
    try:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise WrongSetting(name=name, problem=NOT_ENCODED) from None
    if parts.scheme not in ("postgresql", "postgres"):
        problem = "it begins with postgresql://"
    elif parts.fragment or "@" in parts.path or not all(map(_is_host, parts.netloc.rpartition("@")[2].split(","))):
        problem = NOT_ENCODED
    if "sslmode" in query and _tls_mode(query["sslmode"]) not in TLS_MODES:
        problem = f"sslmode is one of {', '.join(TLS_MODES)}, not {query['sslmode']}"
    for parameter in TLS_FILES:
        file = query.get(parameter, "system")
        if file != "system" and not Path(file).exists():
            problem = f"{parameter} names a file that is not there: {file}"
    if problem:
        raise WrongSetting(name=name, problem=problem)


def check_tls_environment(url: str) -> None:
    """Raise WrongSetting for libpq's variables of TLS that no connection can be made with; `url` may override them."""
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


def _tls_mode(text: str) -> str:
    return text.replace("_", "-")


def _is_host(text: str) -> bool:
    """Whether it is a host, with or without a port."""
    port = text.partition("]")[2] if text.startswith("[") else "".join(text.partition(":")[1:])
    return re.fullmatch(r"(:\d*)?", port) is not None


def check_names(names: Iterable[str]) -> None:
    """Raise UnknownSetting for the first of `names` that looks like a setting and is none."""
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in known and not SERVICE_LINK.match(name):
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            raise UnknownSetting(name=name, hint=f"; did you mean {nearest[0]}?" if nearest else "")

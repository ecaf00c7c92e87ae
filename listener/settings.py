"""All settings, in a single class: from the environment, `.env`, a file of secrets, or the flag of the same name."""

import difflib
import os
import re
from collections.abc import Callable, Iterable
from itertools import dropwhile
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from listener import env_file
from listener.database_url import check_environment, check_system_authorities, check_url, url_of_service
from listener.errors import UnknownSetting, WrongSetting

PREFIX = "LISTENER_"
SECRETS = Path("/run/secrets")
ENV_FILE = Path(".env")

# Variables that Kubernetes adds to every pod's environment when a Service happens to be called `listener`.
SERVICE_LINK = re.compile(r"LISTENER_(SERVICE_(HOST|PORT)|PORT)(_\w+)?$")

BLANK = "is blank: set it, or take it away"
NO_ADDRESS = "set it to the daemon's own address: LISTENER_ADMIN_URL is for all other commands"
LIBPQ = ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE")
"""Variables that say which database is meant; a service of libpq's says it, too."""

SECRET = ("database_url", "admin_url", "http_password")
"""Settings that are looked at when they are used."""

LONGEST_SECRET = 65_536
"""In characters: a longer file is the wrong file."""


def optional(description: str) -> Any:
    """A setting that may be left out."""
    return Field(None, description=description)


class Settings(BaseSettings):
    """The daemon's and the commands' settings. Durations are in seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True)

    database_url: SecretStr | None = optional(
        "postgresql:// address, several hosts allowed; another machine's ends in "
        "?sslmode=verify-full&sslrootcert=FILE (or system); without it libpq's PG* variables are used"
    )
    database_url_file: Path | None = optional("a file that holds the database URL")
    admin_url: SecretStr | None = optional(
        "the same for the owner of the tables: where it is set, every command but `run` uses it"
    )
    admin_url_file: Path | None = optional("a file that holds that URL")
    http_host: str = Field("127.0.0.1", description="address that /livez, /readyz and /metrics listen on")
    http_port: int = Field(9432, ge=0, le=65535, description="their port; 0 takes any free one")
    http_tls_cert: Path | None = optional("PEM file: serve HTTPS with this certificate (chain)")
    http_tls_key: Path | None = optional("PEM file: the certificate's key")
    http_user: str | None = optional(
        "user that / and /metrics ask for (basic auth); /livez and /readyz stay open for probes"
    )
    http_password: SecretStr | None = optional("that user's password")
    http_password_file: Path | None = optional("a file that holds that password")
    http_allowed_hosts: str | None = optional(
        "names with a dot, separated by commas, under which browsers and scrapers may ask for the port's "
        "paths; `*.example.com` is every name below it, `*` any name at all. IP addresses, `localhost`, this machine's "
        "name and names without a dot need no mention"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")
    log_format: Literal["json", "console"] | None = Field(
        None, description="json, or console; by default console if stderr is a terminal"
    )
    fleet: Path | None = optional(
        "a folder with a file NAME.env for each school, a database each: this one process serves them all"
    )
    fleet_audits: int = Field(4, ge=1, le=100, description="of a fleet: how many schools are audited at a time")
    fleet_share: bool = Field(
        False,
        description="of a fleet that several processes serve, each with this: each leads about as many schools",
    )
    batch_size: int = Field(10_000, ge=1, le=100_000, description="most changes handled in one transaction")
    durable: bool = Field(
        False,
        description="true: nobody sees what a batch did before the server has it on the disk; for programs that only "
        "read, and act outside the database",
    )
    heartbeat_seconds: float = Field(5.0, gt=0, le=300, description="time between heartbeats while idle")
    shutdown_seconds: float = Field(10.0, gt=0, le=600, description="time a clean stop may take")
    statement_seconds: float = Field(60.0, gt=0, le=3600, description="time one statement may take")
    retention_seconds: float = Field(3600.0, ge=0, description="time that handled changes are kept to look at")
    audit_seconds: float = Field(
        300.0,
        gt=0,
        le=86_400,
        description="time between audits of the tables as a whole; also the longest delay where the query of who "
        "should be where depends on time, or reads tables that are not watched",
    )
    sample_seconds: float = Field(15.0, gt=0, le=3600, description="time between samples of the database's figures")

    # The LMS's tables and columns, where `install` cannot tell.
    profile_table: str | None = optional("table of the people, with its schema unless it is public")
    profile_key: str | None = optional("its column that enrollments refer to")
    student_table: str | None = optional("table that says who is a student, if that is not the profiles'")
    student_key: str | None = optional("its column that refers to the profile")
    student_column: str | None = optional("column that says who is a student")
    student_values: str | None = optional("its values that mean a student, separated by commas")
    student_predicate: str | None = optional(
        "SQL condition on one row of that table, in place of column and values; `true` is everyone"
    )
    person_predicate: str | None = optional(
        "SQL condition on one row of profiles: this person counts; in place of columns that say suspended, deleted, "
        "and the like; also beside a table of roles"
    )
    tenant: str | None = optional(
        "where several schools share a database, which columns say the school of a person and of a course: "
        "`profiles.org_id=courses.org_id`; by a table of memberships `members(user_id).org_id=courses.org_id`; or "
        "`none`: all students land in the same course"
    )
    student_view: str | None = optional(
        "query of one column, written by hand: the keys of all who are students now, in place of what the "
        "rule would select; the rule still says which rows are looked at; `none` goes back to the rule"
    )
    enrollment_table: str | None = optional("table of the enrollments")
    enrollment_profile: str | None = optional("its column that refers to the profile")
    enrollment_course: str | None = optional("its column that refers to the course")
    enrollment_status: str | None = optional("its column that says whether it is active, or `none`")
    active_values: str | None = optional(
        "values that mean an active enrollment, separated by commas; new ones get the first"
    )
    active_predicate: str | None = optional(
        "SQL condition on one row of enrollments: it counts; in place of the status and of times at which it ended"
    )
    enrollment_values: str | None = optional(
        "what other columns of a new enrollment get: `column=expression` over the profile's row, or over the course's "
        "(`teacher_id=courses.teacher_id`), separated by semicolons"
    )
    course_table: str | None = optional("table of the courses")
    course_key: str | None = optional("its column that enrollments refer to")
    course_price: str | None = optional("its price column, or `none`; the cheapest course is the default")
    publish_predicate: str | None = optional(
        "SQL condition on one row of courses: students may land in it; `true` is all of them"
    )
    course_order: str | None = optional("SQL to order courses by, in place of price and age")
    default_course: str | None = optional(
        "key of the one course that new students land in; `none` goes back to price and age"
    )
    default_course_view: str | None = optional(
        "query of one row and column, written by hand: the key of the course that new students land in; `none` "
        "goes back"
    )
    count_columns: str | None = optional("columns of courses that hold the count, separated by commas, or `none`")
    count_rows: Literal["active", "all"] = Field("active", description="which enrollments count: active or all")
    actions: Literal["both", "enroll", "count", "observe"] = Field(
        "both", description="what is done: both, enroll, count, or observe (say what would be done, write nothing)"
    )
    statistics: Literal["lms", "none"] = Field(
        "lms",
        description="where profile_enrollment_sync_status and get_enrollment_statistics() stand: in the enrollments' "
        "schema (lms), or nowhere (none)",
    )

    wanted_query: str | None = optional(
        "query of two columns, the keys of a profile and of a course: who should be where, in place of students in "
        "the default course; a third column, a text, may say why; `none` goes back to the default course"
    )
    wanted_query_file: Path | None = optional("a file that holds that query")
    watch: str | None = optional(
        "for tables that the query reads and `install` cannot route: `table(column)`, which holds a "
        "profile's key; `table(column=other.column)`, where it leads; `table(everyone)`; or `table(audit)`, to let the "
        "audit find what changes; separated by semicolons"
    )
    wanted_plan: Literal["by_key", "any"] = Field(
        "by_key",
        description="whether the query must find one profile's courses by key, or may read whole tables for it",
    )
    on_leave: Literal["keep", "suspend", "remove"] = Field(
        "keep",
        description="what becomes of an enrollment that the listener made and the query does not want any more",
    )
    brake: str | None = optional(
        "how many of these enrollments may be taken back within ten minutes; the rest is held, until somebody lets it "
        "go: a number, a percentage of the active enrollments that the listener made (but never fewer than 20), or "
        "`none`; 5% unless set"
    )
    joining_brake: str | None = optional(
        "how many enrollments may be made within ten minutes; the rest is held, until it fits, or somebody lets it go: "
        "a number, a percentage of all active enrollments (but never fewer than 20), or `none`; none unless set"
    )
    inactive_value: str | None = optional(
        "what `suspend` writes into the status of an enrollment; one of its values that is not active"
    )

    course_seats: str | None = optional(
        "column of courses, or SQL over one row of them: how many may be enrolled at once; the rest wait, "
        "in order of arrival"
    )

    history_days: str | None = optional(
        "for how many days `listener history` and `listener undo` know what was done, to whom, by which rule and why; "
        "0 keeps no history; 0 unless set"
    )
    forget_days: str | None = optional(
        "for how many days a deleted profile's key is kept in history, ledger and lists of those who wait; then the "
        "audit forgets it; 0 is the audit after next; `none`, as unless set: it never does"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _is_not_blank(cls, value: Any, info: ValidationInfo) -> Any:
        """A blank setting is a mistake: a variable that was not there, a line that was not filled in."""
        if isinstance(value, str) and not value.strip() and info.field_name not in SECRET:
            raise PydanticCustomError("blank", BLANK)
        return value

    def as_owner(self) -> "Settings":
        """With the owner's address as the database's, where there is one. Raises WrongSetting."""
        url = self._secret("admin_url")
        if url is None:
            return self
        check_url(url, f"{PREFIX}ADMIN_URL")
        return self.model_copy(update={"database_url": SecretStr(url), "database_url_file": None})

    def url(self) -> str | None:
        """The database URL in clear; None: libpq's variables hold. Raises WrongSetting."""
        url = self._secret("database_url")
        name = f"{PREFIX}DATABASE_URL"
        if url:
            name = f"{PREFIX}ADMIN_URL" if url == self._secret("admin_url") else name
            check_url(url, name)
        else:
            url = url_of_service()
            if url is None and self._secret("admin_url") and not any(os.environ.get(name) for name in LIBPQ):
                raise WrongSetting(name=name, problem=NO_ADDRESS)
        check_environment(url or "")
        check_system_authorities(url, name)
        return url

    def password_for_http(self) -> str | None:
        """Raises WrongSetting."""
        return self._secret("http_password")

    def _secret(self, name: str) -> str | None:
        """A blank secret is never the empty secret: the file was not filled in."""
        file: Path | None = getattr(self, f"{name}_file")
        setting = f"{PREFIX}{name}".upper()
        if file is None:
            given: SecretStr | None = getattr(self, name)
            if given is not None and not given.get_secret_value().strip():
                if name in ("database_url", "admin_url") and not (SECRETS / setting.lower()).is_file():
                    return None  # `LISTENER_DATABASE_URL=` in a template: libpq's variables say where
                raise WrongSetting(name=setting, problem=BLANK)
            text = None if given is None else given.get_secret_value()
            return text.strip() if text and name.endswith("_url") else text
        return self._text_of(name)

    def _text_of(self, name: str) -> str:
        """What the setting's file holds."""
        file: Path = getattr(self, f"{name}_file")
        setting = f"{PREFIX}{name}_FILE".upper()
        try:
            with file.open(encoding="utf-8-sig") as opened:
                text = opened.read(LONGEST_SECRET + 1).strip()
        except OSError as error:
            raise WrongSetting(name=setting, problem=f"cannot be read: {error.strerror}") from error
        except UnicodeDecodeError:
            raise WrongSetting(name=setting, problem="is not text in UTF-8") from None
        if not text or "\0" in text:
            raise WrongSetting(name=setting, problem=f"{file} is blank: write it")
        if len(text) > LONGEST_SECRET:
            raise WrongSetting(name=setting, problem=f"{file} is longer than such a text can be")
        return text

    def _with_query(self) -> "Settings":
        """With the query that is in a file."""
        if self.wanted_query_file is None:
            return self
        if self.wanted_query is not None:
            raise WrongSetting(name=f"{PREFIX}WANTED_QUERY_FILE", problem=f"{PREFIX}WANTED_QUERY is set, too")
        return self.model_copy(update={"wanted_query": self._text_of("wanted_query"), "wanted_query_file": None})


MAPPING = tuple(dropwhile(lambda name: name != "profile_table", Settings.model_fields))
"""Settings about the LMS's schema, from `profile_table` on; `install` takes and remembers them."""

ADMIN = ("admin_url", "admin_url_file")
"""The owner's address, for every command but `run`."""


OF_PROCESS = tuple(
    name for name in Settings.model_fields if name.startswith(("http_", "log_", "fleet")) or name == "shutdown_seconds"
)
"""Settings of a process, however many schools it serves."""


def load(flags: dict[str, Any] | None = None) -> Settings:
    """The settings in force; `flags`, if not None, win over the environment. Raises UnknownSetting for an unknown
    `LISTENER_*` name, WrongSetting for a wrong value."""
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    for name in [f"{name}_file" for name in given]:
        if name in Settings.model_fields:
            given.setdefault(name, None)  # a file that the environment names does not win over a flag
    if given.get("wanted_query_file") is not None:
        given.setdefault("wanted_query", None)
    if {"database_url", "database_url_file"} & given.keys() and not set(ADMIN) & given.keys():
        given |= dict.fromkeys(ADMIN)  # the flag says which address
    check_names([*os.environ, *env_file.names(ENV_FILE, PREFIX)])
    secrets = SECRETS if SECRETS.is_dir() else None
    with env_file.without_warnings():
        return checked(lambda: Settings(_env_file=ENV_FILE, _secrets_dir=secrets, **given))  # type: ignore[call-arg]


def checked(make: Callable[[], Settings]) -> Settings:
    """Raises WrongSetting."""
    try:
        return make()._with_query()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        raise WrongSetting(name=name, problem=first["msg"][:1].lower() + first["msg"][1:]) from None


def check_names(names: Iterable[str]) -> None:
    """Raise UnknownSetting for the first unknown name."""
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in known and not SERVICE_LINK.match(name):
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            raise UnknownSetting(name=name, hint=f" (did you mean {nearest[0]}?)" if nearest else "")

"""Settings come from flags, the environment, `.env` and files; what is wrong is told in one line."""

import os
import re
from pathlib import Path

import pytest

from listener import settings
from listener.database.connection import address
from listener.errors import UnknownSetting, WrongFile, WrongSetting
from listener.settings import LIBPQ, Settings, load

URL = "postgresql://daemon:secret@db.example.com/lms"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but this test's own."""
    for name in [name for name in os.environ if name.startswith("LISTENER_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_without_any_setting_libpq_decides_where_to_connect() -> None:
    assert load().url() is None


def test_the_environment_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_DATABASE_URL", URL)
    monkeypatch.setenv("LISTENER_BATCH_SIZE", "7")
    assert load().url() == URL
    assert load().batch_size == 7


def test_durable_is_off_unless_it_is_set_and_takes_yes_or_no(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().durable is False
    monkeypatch.setenv("LISTENER_DURABLE", "true")
    assert load().durable is True
    monkeypatch.setenv("LISTENER_DURABLE", "perhaps")
    with pytest.raises(WrongSetting, match="LISTENER_DURABLE"):
        load()


def test_an_env_file_sets_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LISTENER_BATCH_SIZE=7\nLISTENER_HTTP_PORT=1234\nOTHERS=1\n")
    monkeypatch.setenv("LISTENER_HTTP_PORT", "4321")
    assert (load().batch_size, load().http_port) == (7, 4321)


def test_flags_win_and_those_not_given_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_BATCH_SIZE", "7")
    monkeypatch.setenv("LISTENER_HTTP_PORT", "4321")
    loaded = load({"batch_size": "8", "http_port": None})
    assert (loaded.batch_size, loaded.http_port) == (8, 4321)


def test_a_file_holds_the_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{URL}\n")
    monkeypatch.setenv("LISTENER_DATABASE_URL_FILE", str(file))
    assert load().url() == URL


def test_a_file_of_a_windows_editor_holds_it_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_bytes(b"\xef\xbb\xbf" + URL.encode() + b"\r\n")
    monkeypatch.setenv("LISTENER_DATABASE_URL_FILE", str(file))
    assert load().url() == URL


@pytest.mark.parametrize(
    ("content", "url"),
    [
        ("[school]\nhost=db.example.com\npassword=secret\n", "postgresql://?service=school"),
        ("[other]\nhost=db.example.com\npassword=secret\n", "there is no service school in "),
        ("[school]\nhost=db.example.com\npassword=secret%\n", "is no file of services that can be read"),
        ("password=secret\n", "is no file of services that can be read"),
        (None, "there is no service school in "),
    ],
)
def test_the_service_that_libpq_s_variable_names_is_the_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, url: str
) -> None:
    """The driver knows nothing of the variable, and takes a service that is not there for no address at all."""
    if content is not None:
        (tmp_path / "services").write_text(content)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGSERVICE", "school")
    if url.startswith("postgresql:"):
        assert load().url() == url
        assert address(url) == "service school"
        return
    with pytest.raises(WrongSetting, match=f"^PGSERVICE: .*{url}") as error:
        load().url()
    assert "secret" not in str(error.value)
    with pytest.raises(WrongSetting, match=f"^LISTENER_DATABASE_URL: .*{url}"):
        load({"database_url": "postgresql://?service=school"}).url()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://owner:secret@/lms?host=/run/postgresql&port=5433&password=secret", "/run/postgresql:5433/lms"),
        (None, "/run/postgresql:5433/lms"),
    ],
)
def test_an_address_that_is_not_in_the_url_s_middle_is_shown(
    monkeypatch: pytest.MonkeyPatch, url: str | None, shown: str
) -> None:
    given = {"PGHOST": "/run/postgresql", "PGPORT": "5433", "PGDATABASE": "lms", "PGPASSWORD": "secret"}
    for name, value in given.items():
        monkeypatch.setenv(name, value if url is None else "other")
    assert address(url) == shown


def test_a_url_given_as_a_flag_wins_over_a_file_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LISTENER_DATABASE_URL_FILE", str(tmp_path / "url"))
    assert load({"database_url": URL}).url() == URL


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(WrongSetting, match="LISTENER_DATABASE_URL_FILE: cannot be read: No such file"):
        load({"database_url_file": str(tmp_path / "url")}).url()


def test_secrets_in_the_place_where_containers_find_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "listener_database_url").write_text(URL)
    monkeypatch.setattr(settings, "SECRETS", tmp_path)
    assert load().url() == URL


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"LISTENER_DATABASE_URL='{URL}\n", r"\.env: line 1 is no NAME=value"),
        (f"A=1\nLISTENER_DATABASE_URL: {URL}\n", r"\.env: line 2 is no NAME=value"),
        ("LISTENER_DATABASE_URL\n", r"\.env: line 1 is no NAME=value"),
        ("LISTENER_DATABASE_URL='\xff'\n", r"\.env: is not text in UTF-8"),
    ],
)
def test_a_line_of_the_env_file_that_sets_nothing_is_a_mistake(content: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(content, encoding="latin-1")
    with pytest.raises(WrongFile, match=problem):
        load()


def test_lines_of_others_in_the_env_file_may_be_as_they_like(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / ".env").write_text(f"hello world\n export LISTENER_DATABASE_URL = '{URL}' # the daemon's\nFLAG\n")
    assert load().url() == URL
    assert caplog.messages == []


def test_spaces_around_an_address_are_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_DATABASE_URL", f" {URL} \n")
    assert load().url() == URL
    monkeypatch.setenv("LISTENER_ADMIN_URL", f"{URL}2 ")
    assert load().as_owner().url() == f"{URL}2"
    monkeypatch.setenv("LISTENER_ADMIN_URL", f'"{URL}"')
    with pytest.raises(WrongSetting, match="LISTENER_ADMIN_URL: it must begin with postgresql://, not with a quote"):
        load().as_owner().url()


def test_the_address_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_ADMIN_URL", f"{URL}?sslmode=require&sslrootcert=system")
    with pytest.raises(WrongSetting, match="LISTENER_ADMIN_URL: sslrootcert=system goes with"):
        load().as_owner().url()


def test_a_daemon_that_has_only_the_owner_s_address_asks_for_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LIBPQ:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LISTENER_ADMIN_URL", URL)
    with pytest.raises(WrongSetting, match="LISTENER_DATABASE_URL: set it to the daemon's own address"):
        load().url()
    monkeypatch.setenv("PGHOST", "db.example.com")
    assert load().url() is None, "libpq's variables hold"


@pytest.mark.parametrize("name", ["http_port", "fleet", "student_values", "wanted_query", "wanted_query_file"])
def test_a_setting_that_was_not_filled_in_is_a_mistake(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for blank in ("", " "):
        monkeypatch.setenv(f"LISTENER_{name.upper()}", blank)
        with pytest.raises(WrongSetting, match=f"LISTENER_{name.upper()}: is blank: set it, or take it away"):
            load()
    monkeypatch.setenv(f"LISTENER_{name.upper()}", "1")
    with pytest.raises(WrongSetting, match="is blank"):
        load({name: ""})


def test_an_unknown_name_suggests_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_BATCHSIZE", "7")
    with pytest.raises(
        UnknownSetting, match=r"LISTENER_BATCHSIZE is not a setting \(did you mean LISTENER_BATCH_SIZE\?\)"
    ):
        load()


def test_an_unknown_name_in_the_env_file_is_one_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LISTENER_DATABSE_URL=x\n")
    with pytest.raises(UnknownSetting, match=r"did you mean LISTENER_DATABASE_URL\?"):
        load()


def test_a_name_like_nothing_is_told_of_without_a_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_QQQQQQQQQQQQQQQ", "7")
    with pytest.raises(UnknownSetting, match=r"is not a setting: `listener run --help`"):
        load()


@pytest.mark.parametrize(
    "name",
    [
        "LISTENER_SERVICE_HOST",
        "LISTENER_SERVICE_PORT",
        "LISTENER_SERVICE_PORT_HTTP",
        "LISTENER_PORT",
        "LISTENER_PORT_9432_TCP",
        "LISTENER_PORT_9432_TCP_ADDR",
    ],
)
def test_what_kubernetes_adds_for_a_service_of_our_name_is_no_setting(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.1:9432")
    load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", "0"),
        ("batch_size", "many"),
        ("http_port", "65536"),
        ("log_level", "loud"),
        ("heartbeat_seconds", "0"),
    ],
)
def test_a_value_that_cannot_be_names_its_setting(name: str, value: str) -> None:
    with pytest.raises(WrongSetting, match=f"^LISTENER_{name.upper()}: "):
        load({name: value})


def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_DATABASE_URL", URL)
    assert "secret" not in repr(load())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:se:/@#%cret@host/lms",
        "postgresql://me:se#cret@host/lms",
        "postgresql://me:12/secret@host/lms",
        "postgresql://me:se?cret@host/lms",
        "postgresql://me:se[cret@host/lms",
        "postgresql://me:secret@host:port/lms",
        "postgresql://me:secret@host/lms?sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
        "mysql://me:secret@host/lms",
        "host=localhost user=me password=secret",
    ],
)
def test_a_url_that_cannot_be_is_told_of_without_its_password(url: str) -> None:
    with pytest.raises(WrongSetting, match=r"^LISTENER_DATABASE_URL: ") as raised:
        load({"database_url": url}).url()
    assert "cret" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:se%3A%2F%40%23%25cret@one:1,two:2/lms?target_session_attrs=any",
        "postgresql://me:secret:with:colons@host/lms",
        "postgres://[::1]:5432/lms",
        "postgresql://[::1]/lms",
        "postgresql:///lms?host=/run/postgresql",
        "postgresql://host/lms?user=me&password=secret",
    ],
)
def test_a_url_that_can_be_is_taken_as_it_is_and_shown_without_its_password(url: str) -> None:
    assert load({"database_url": url}).url() == url
    assert "cret" not in address(url)


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ("foo=secret", "this program knows no parameter foo: take it out"),
        ("search_path=secret", "no parameter search_path: take it out (a setting of the server's is written options="),
        ("hostaddr=10.0.0.1", "no parameter hostaddr"),
        ("require_auth=scram-sha-256", "no parameter require_auth"),
        ("gssencmode=require", "gssencmode=require cannot be had"),
        ("ssl=secret", "ssl is true, false, or one of disable, "),
        ("sslnegotiation=secret", "sslnegotiation is one of postgres, direct"),
        ("connect_timeout=secret", "connect_timeout is a whole number of seconds"),
    ],
)
def test_a_parameter_that_means_nothing_is_refused_in_one_line(parameters: str, word: str) -> None:
    with pytest.raises(WrongSetting, match=re.escape(word)) as raised:
        load({"database_url": f"postgresql://me@host/lms?sslmode=require&{parameters}"}).url()
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("url", "environment", "words"),
    [
        ("postgresql://me:secret@host/lms?sslmode=requre", {}, "sslmode is one of disable, allow, prefer, require, "),
        (None, {"PGSSLMODE": "requre"}, "PGSSLMODE: is one of disable, allow, prefer, require, "),
        (None, {"PGSSLMODE": "verify-ca", "PGSSLROOTCERT": "/nowhere/ca.pem"}, "PGSSLROOTCERT: names a file that is "),
        (
            "postgresql://me:secret@host/lms?sslmode=require",
            {"PGSSLROOTCERT": "/nowhere/ca.pem"},
            "PGSSLROOTCERT: names a file that is not there: /nowhere/ca.pem",
        ),
        (None, {"PGSSLMODE": "prefer", "PGSSLKEY": "/nowhere/key.pem"}, "PGSSLKEY: names a file that is not there"),
        ("postgresql://me:secret@host:5432/lms", {"PGPORT": "abc"}, "PGPORT: a port is a number from 1 to 65535, "),
        (None, {"PGPORT": "5432,65536"}, "PGPORT: a port is a number from 1 to 65535, not 5432,65536"),
        ("postgresql://me:secret@[::1]:65536/lms", {}, "a port is a number from 1 to 65535"),
        ("postgresql://me:secret@/lms?host=host&port=abc", {}, "a port is a number from 1 to 65535"),
    ],
)
def test_what_no_connection_can_be_made_with_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, url: str | None, environment: dict[str, str], words: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(WrongSetting, match=re.escape(words)) as caught:
        load({"database_url": url}).url()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        (None, {"PGSSLMODE": "disable", "PGSSLROOTCERT": "/nowhere/ca.pem"}),
        (None, {"PGSSLROOTCERT": "/nowhere/ca.pem"}),
        ("postgresql://host/lms?sslmode=disable", {"PGSSLMODE": "requre", "PGSSLCERT": "/nowhere/cert.pem"}),
        ("postgresql://host/lms?sslmode=verify_full", {}),
        ("postgresql://one:,two:65535/lms", {"PGPORT": "5432,5433"}),
    ],
)
def test_variables_that_do_no_harm_change_nothing(
    monkeypatch: pytest.MonkeyPatch, url: str | None, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load({"database_url": url}).url() == url

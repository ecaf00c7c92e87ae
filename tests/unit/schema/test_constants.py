"""Numbers and names that the SQL writes out, so that it can be read and tried as it stands: they are the program's."""

import re

from listener import sql
from listener.database import locks, patience
from listener.feed.leadership import APPLICATION_NAME
from listener.feed.registry import BUILT_IN

TEXTS = [path.read_text() for room in ("schema", "mapping", "feed") for path in (sql.folder() / room).rglob("*.sql")]
LOCKS = re.compile(r"advisory\w*lock\w*\((\d+), (\w+)\)")
NOTIFIED = re.compile(r"pg_notify\(('\w+'), ('\w*')\)")
NAMES = re.compile(r"(?:array\[|in \()'enroll', 'count'")


def found(pattern: re.Pattern[str]) -> set[str]:
    return {"".join(match.groups()) for text in TEXTS for match in pattern.finditer(text)}


def test_the_locks() -> None:
    assert found(LOCKS) == {f"{locks.LOCK_CLASS}{number}" for number in ("candidate", locks.BELL_LOCK)}
    leading = sql.read("schema/functions/leading")
    assert f"candidate integer := {locks.LEADER_LOCK};" in leading
    assert f"candidate := {locks.FIRST_DEPUTY_LOCK};" in leading
    holders = sql.read("schema/functions/lock_holder")
    assert f"in ({locks.LEADER_LOCK}::oid, {locks.BELL_LOCK}::oid)" in holders
    assert f">= {locks.FIRST_DEPUTY_LOCK}::oid" in holders
    for text in (leading, holders):
        assert f"pg_locks.classid = {locks.LOCK_CLASS}::oid" in text


def test_the_channel() -> None:
    assert found(NOTIFIED) == {f"'{locks.CHANNEL}''{payload}'" for payload in ("", locks.LOOK)}


def test_the_reactions() -> None:
    assert BUILT_IN == ("enroll", "count")
    assert sum(len(NAMES.findall(text)) for text in TEXTS) >= 6


def test_what_a_step_calls_its_session() -> None:
    assert f"set_config('application_name', '{APPLICATION_NAME}', true)" in sql.read("schema/functions/step")


def test_how_long_a_script_waits_for_a_lock() -> None:
    scripts = (f"schema/script/{name}" for name in ("steps", "own_reactions", "uninstall_begin"))
    for file in (*scripts, "feed/replaying"):
        assert f"lock_timeout = '{patience.LOCK_MILLISECONDS}ms'" in sql.read(file), file

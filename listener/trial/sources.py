"""Where the schema comes from: standard input, a file, or a folder of migrations."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from listener.errors import NoSchema
from listener.trial.statements import Statement, statements

STANDARD_INPUT = "-"
ARCHIVE = b"PGDMP"
UP_OR_DOWN = re.compile(r"^--[ \t]*(?:\+goose|migrate:|\+migrate)[ \t]*(up|down)\b.*$", re.IGNORECASE | re.MULTILINE)
"""Marks of goose, dbmate and sql-migrate, which keep both ways in a single file."""
BACK = re.compile(r"(?:^|[._/-])(?:down|undo|rollback|revert)(?:[._/-]|$)", re.IGNORECASE)
"""In the name of a file that takes a migration back."""
NUMBER = re.compile(r"(?<!\d)(\d{1,7})(?!\d)")
"""A short number: timestamps sort as text."""


def read(name: str) -> list[Statement]:
    """Raises NoSchema."""
    if name == STANDARD_INPUT:
        if sys.stdin.isatty():
            raise NoSchema(name="standard input", problem="is a terminal: pipe a dump into it")
        return _statements("standard input", sys.stdin.buffer.read())
    path = Path(name)
    try:
        if path.is_dir():
            found = [each for file in migrations(path) for each in _of_file(file, str(file.relative_to(path)))]
        else:
            found = _of_file(path, path.name)
    except OSError as error:
        raise NoSchema(name=name, problem=f"cannot be read: {error.strerror}") from error
    if not found:
        raise NoSchema(
            name=name, problem="holds no SQL: give what `pg_dump --schema-only` writes, or migrations in SQL"
        )
    return found


def migrations(folder: Path) -> list[Path]:
    """The folder's SQL files by name, numbers in order of size, without files that take a migration back."""
    files = [path for path in folder.rglob("*.sql") if path.is_file()]
    forward = [path for path in files if not BACK.search(str(path.relative_to(folder)))]
    return sorted(forward, key=lambda path: _by_number(str(path.relative_to(folder))))


def _by_number(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in NUMBER.split(name.lower())]


def _of_file(path: Path, name: str) -> list[Statement]:
    return _statements(name, path.read_bytes())


def _statements(name: str, data: bytes) -> list[Statement]:
    if data.startswith(ARCHIVE):
        raise NoSchema(name=name, problem="is an archive of pg_dump: `pg_restore -f - FILE | listener try -`")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return list(statements(_forward(data.decode(encoding, errors="replace")), name))


def _forward(text: str) -> str:
    """The text without the way back; lines keep their numbers."""
    return "".join(_parts(text))


def _parts(text: str) -> Iterator[str]:
    at, goes_forward = 0, True
    for mark in UP_OR_DOWN.finditer(text):
        part = text[at : mark.start()]
        yield part if goes_forward else "\n" * part.count("\n")
        at, goes_forward = mark.start(), mark[1].lower() == "up"
    yield text[at:] if goes_forward else "\n" * text[at:].count("\n")

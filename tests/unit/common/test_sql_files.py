"""Every SQL file is read: by the room that it is in, or by its whole name."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from listener import sql
from tests.support.project import ROOT

PACKAGE = ROOT / "listener"
FILES = sorted(str(path.relative_to(sql.folder()).with_suffix("")) for path in sql.folder().rglob("*.sql"))
SOME_LETTERS = re.compile(r"[a-z]{2}")


def texts(module: Path) -> Iterator[str]:
    """Each text in a module, as an expression that matches what it may be; not one of which anything may come."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.JoinedStr):
            text = "".join(
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = re.escape(node.value)
        else:
            continue
        if SOME_LETTERS.search(text.rpartition("/")[2]):
            yield text


@cache
def named_in(room: str) -> tuple[re.Pattern[str], ...]:
    """What the modules of a room name."""
    folders = {"any": PACKAGE.rglob("*.py")}
    modules = folders.get(room) or (PACKAGE / room).rglob("*.py")
    return tuple(re.compile(text) for text in dict.fromkeys(text for module in modules for text in texts(module)))


@pytest.mark.parametrize("file", [file for file in FILES if not file.startswith("schema/tables/")])
def test_each_is_named_where_it_is_read(file: str) -> None:
    folders = file.split("/")
    names = ["/".join(folders[place:]) for place in range(len(folders))]
    in_its_room = any(text.fullmatch(name) for text in named_in(folders[0]) for name in names)
    assert in_its_room or any(text.fullmatch(file) for text in named_in("any")), "no module reads it"


@pytest.mark.parametrize("file", FILES)
def test_each_condition_ends_in_the_same_text(file: str) -> None:
    for text in (sql.sections(file) or {file: sql.read(file)}).values():
        words = [
            match["word"] or match["other"] for line in text.split("\n") if (match := sql.CONDITION.fullmatch(line))
        ]
        assert sum(word in ("if", "unless") for word in words) == words.count("end"), words
        assert len(re.findall(r"^ *--:", text, re.MULTILINE)) == len(words), "a condition with a typing error"


def test_a_database_of_any_encoding_takes_each() -> None:
    """Not all of them know what is not in ASCII: a statement with that fails as a whole, by a comment in it, too."""
    assert [file for file in FILES if not (sql.folder() / f"{file}.sql").read_text().isascii()] == []

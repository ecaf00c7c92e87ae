"""Imports between the rooms go one way; a room runs the SQL of its own, or of a room that it may import."""

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.support.project import ROOT

COMMON = "common"
CLI = "cli"

MAY_IMPORT: dict[str, set[str]] = {
    COMMON: set(),
    "database": {COMMON},
    "feed": {COMMON, "database"},
    "mapping": {COMMON, "database"},
    "catalogue": {COMMON, "database", "mapping"},
    "routes": {COMMON, "database", "mapping", "catalogue"},
    "rules": {COMMON, "database", "mapping", "catalogue", "routes"},
    "discovery": {COMMON, "database", "mapping", "catalogue", "rules"},
    "schema": {COMMON, "database", "feed", "mapping", "catalogue", "rules", "discovery"},
    "instruments": {COMMON, "database", "feed"},
    "http": {COMMON, "database", "instruments"},
    "reactions": {COMMON, "database", "feed", "instruments"},
    "inspection": {COMMON, "database", "feed", "mapping", "catalogue", "instruments"},
    "repair": {COMMON, "database", "feed", "mapping", "catalogue", "instruments", "inspection", "reactions"},
    "daemon": {COMMON, "database", "feed", "catalogue", "instruments", "http", "reactions", "repair"},
}
MAY_IMPORT["commands"] = set(MAY_IMPORT) - {"daemon", "http"}
MAY_IMPORT["testing"] = MAY_IMPORT["commands"]
MAY_IMPORT["demo"] = {COMMON, "database", "commands"}
MAY_IMPORT["trial"] = {*MAY_IMPORT["commands"], "commands", "demo"}
MAY_IMPORT[CLI] = {COMMON, "database", "discovery", "commands", "daemon", "demo", "trial"}
"""Each room after all that it may import, so that there is no way round; the rooms that a module may import besides its
own."""

FOR_OTHERS = "testing"
"""A room whose names people import."""

STRICTER = {
    "listener.daemon.doorbell": {
        "listener.database.connection",
        "listener.errors",
        "listener.database.executors",
        "listener.database.locks",
        "listener.database.rows",
        "listener.sql",
    },
}
"""What these modules may import, and nothing else of ours: the doorbell knows nothing of what it is rung for."""

NOT_FOR = {"reactions": {"listener.database.connection"}}
"""Modules of the common ones that a room has no use for."""

SQL_OF_COMMON = "session"
SQL_OF_ADAPTER = "migrations"


def modules(package: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(package.rglob("*.py")):
        yield ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__"), path


def room_of(module: str) -> str:
    parts = module.split(".")
    if module in ("listener.cli", "listener.__main__"):
        return CLI
    return parts[1] if len(parts) > 1 and parts[1] in MAY_IMPORT else COMMON


def imported(path: Path, known: set[str]) -> Iterator[tuple[int, str]]:
    """The line and the name of each module of ours that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names if each.name.split(".")[0] == "listener")
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield node.lineno, "." * node.level + (node.module or "")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "listener":
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                yield node.lineno, inner if inner in known else node.module


def wrong_imports(package: Path) -> list[str]:
    files = dict(modules(package))
    found = []
    for module, path in files.items():
        room = room_of(module)
        for line, name in imported(path, set(files)):
            where = f"{path.relative_to(package.parent)}:{line} imports {name}"
            target = room_of(name)
            if name not in files:
                found.append(f"{where}, which is no module by its full name")
            elif name in NOT_FOR.get(room, ()) or name not in STRICTER.get(module, {name}):
                found.append(f"{where}, which it should know nothing of")
            elif target not in (room, *MAY_IMPORT[room]):
                found.append(f"{where}: {room} may not import {target}")
    return found


def sql_read(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the beginning, up to what is computed, of each name given to `sql.read`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "sql.read":
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and "/" in part.value[1:]:
                    yield node.lineno, part.value


def test_imports_go_one_way() -> None:
    assert wrong_imports(ROOT / "listener") == []


def test_the_order_has_no_way_round() -> None:
    seen: set[str] = set()
    for room, others in MAY_IMPORT.items():
        assert others <= seen, room
        seen.add(room)


def test_every_folder_is_a_room_that_says_what_it_is_for() -> None:
    rooms = {path.parent for path in (ROOT / "listener").glob("*/*.py")}
    assert {path.name for path in rooms} == set(MAY_IMPORT) - {COMMON, CLI}
    for room in rooms:
        tree = ast.parse((room / "__init__.py").read_text(encoding="utf-8"))
        assert "May import" in (ast.get_docstring(tree) or ""), room.name
        assert len(tree.body) == 1 or room.name == FOR_OTHERS, f"{room.name}/__init__.py holds more than its docstring"


def test_an_import_turned_around_is_named(tmp_path: Path) -> None:
    package = tmp_path / "listener"
    shutil.copytree(ROOT / "listener", package, ignore=shutil.ignore_patterns("__pycache__"))
    for file, line in (
        ("feed/consumer.py", "from listener.mapping import mapping"),
        ("daemon/doorbell.py", "from listener import logs"),
        ("reactions/retry.py", "import listener.database.connection"),
        ("discovery/conditions.py", "from listener.daemon.leader import Leader"),
    ):
        with (package / file).open("a", encoding="utf-8") as text:
            text.write(f"\n\ndef late() -> None:\n    {line}\n")
    named = [each.partition(" imports ")[::2] for each in wrong_imports(package)]
    assert [(where.partition(":")[0], what) for where, what in named] == [
        ("listener/daemon/doorbell.py", "listener.logs, which it should know nothing of"),
        ("listener/discovery/conditions.py", "listener.daemon.leader: discovery may not import daemon"),
        ("listener/feed/consumer.py", "listener.mapping.mapping: feed may not import mapping"),
        ("listener/reactions/retry.py", "listener.database.connection, which it should know nothing of"),
    ]


def test_the_sql_that_a_room_runs_is_its_own_or_of_a_room_that_it_may_import() -> None:
    for module, path in modules(ROOT / "listener"):
        room = room_of(module)
        for line, name in sql_read(path):
            assert name.split("/")[0] in (room, *MAY_IMPORT[room]), f"{path.relative_to(ROOT)}:{line} reads sql/{name}"


def test_the_rooms_are_the_same_everywhere() -> None:
    rooms = set(MAY_IMPORT) - {COMMON, CLI}
    sql = {path.name for path in (ROOT / "sql").iterdir()}
    assert sql <= rooms
    for level in ("unit", "integration", "chaos"):
        folders = {path.name for path in (ROOT / "tests" / level).iterdir() if path.is_dir()} - {"__pycache__"}
        assert folders <= rooms | {COMMON, "project"}, level


def test_what_the_map_names_is_there() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    page = page[page.index("## Where things are") : page.index("## Tests")]
    folders = ("listener", "sql", "tests", "benchmarks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.*") if path.suffix in (".py", ".sql")]
    for name in re.findall(r"`([a-z_/]+\.(?:py|sql))`", page):
        assert any(f"/{path.relative_to(ROOT)}".endswith(f"/{name}") for path in files), name
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    for owner, name in re.findall(r"`(?:([A-Za-z]+)\.)?([A-Za-z_]+)` \(", page):
        python = rf"\b(def|class) {name}\b|\b{name}:"
        assert re.search(rf"function listener\.{name}\b" if owner == "listener" else python, code), name

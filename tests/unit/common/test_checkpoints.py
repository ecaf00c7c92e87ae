"""No checkpoint is made from a bare snapshot, which may call the transaction that takes it handled."""

import re

import pytest

from listener import sql
from tests.support.project import ROOT

WRITES = re.compile(r"insert into listener\.checkpoint\b")
SNAPSHOT = re.compile(r"(\S*)pg_current_snapshot\(\)")


def writers() -> dict[str, str]:
    """Texts that write a checkpoint, by their file, and by their section where it has some."""
    found = [*sql.folder().rglob("*.sql"), *(ROOT / "listener").rglob("*.py")]
    texts: dict[str, str] = {}
    for path in sorted(set(found)):
        _, *parts = sql.SECTION.split(path.read_text(encoding="utf-8"))
        name = str(path.relative_to(ROOT))
        sections = {f"{name}, {section}": text for section, text in zip(parts[::2], parts[1::2], strict=True)}
        texts |= sections or {name: path.read_text(encoding="utf-8")}
    return {name: text for name, text in texts.items() if WRITES.search(text)}


def test_there_are_some() -> None:
    assert len(writers()) >= 5


@pytest.mark.parametrize("name", writers())
def test_the_writer_of_a_checkpoint_leaves_its_own_transaction_out(name: str) -> None:
    assert {before for before in SNAPSHOT.findall(writers()[name]) if not before.endswith("listener.seen(")} == set()

"""The references in docs say what the code says."""

import re

import pytest

from listener.logs import Event
from tests.support.project import ROOT
from tests.support.reference import DOCS, REFERENCES

CODE = ROOT / "listener"


@pytest.mark.parametrize("name", REFERENCES)
def test_it_is_current(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert text == REFERENCES[name](), f"docs/{name} is out of date: run python -m tests.support.reference"


def test_nothing_is_logged_that_is_not_in_the_catalogue() -> None:
    for file in CODE.rglob("*.py"):
        for call in re.findall(r"\blog\.(?:debug|info|warning|error)\)?\((.*)", file.read_text(encoding="utf-8")):
            assert call.startswith(("Event.", "_event(", "tally.")) or call == "", f"{file.name}: {call}"


def test_every_event_of_the_catalogue_can_happen() -> None:
    code = "\n".join(file.read_text(encoding="utf-8") for file in CODE.rglob("*.py"))
    unused = {event.name for event in Event if f"Event.{event.name}" not in code}
    assert unused == set()

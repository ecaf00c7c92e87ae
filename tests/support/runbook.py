"""The runbook's commands, word for word."""

import re
import shlex

import anyio.to_thread

from listener.database.connection import Connection
from tests.support.process import listener
from tests.support.project import ROOT

RUNBOOK = ROOT / "docs" / "runbook.md"


def section(alert: str) -> str:
    """What the runbook says to an alert."""
    page = RUNBOOK.read_text(encoding="utf-8")
    found = re.search(rf"^## {alert}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found is not None, f"the runbook has no section {alert}"
    return found[1]


def says(alert: str, words: str) -> None:
    """Fails unless an alert's section does: where there is no command for it."""
    assert words in " ".join(section(alert).split()), f"{alert} does not say {words!r}"


def command(alert: str, text: str, **values: object) -> str:
    """A command that an alert's section gives, with `values` for its words in capitals. Fails if that is not there."""
    told = section(alert)
    inline = re.findall(r"`([^`]+)`", re.sub(r"^ *```.*?```", "", told, flags=re.MULTILINE | re.DOTALL))
    blocks = re.findall(r"^ *```\w*\n(.*?)```", told, re.MULTILINE | re.DOTALL)
    given = {" ".join(each.split()) for each in [*inline, *"\n".join(blocks).splitlines()]}
    assert text in given, f"{alert} says nothing of `{text}`, but {sorted(given)}"
    for name, value in values.items():
        assert name in text
        text = text.replace(name, str(value))
    assert not re.search(r"\b[A-Z]{3,}\b", text), f"a value is missing in {text}"
    return text


async def follow(url: str, app: Connection, alert: str, text: str, **values: object) -> None:
    """Do what an alert's section says: a command of ours, or a statement."""
    words = command(alert, text, **values)
    if words.startswith("listener "):
        await anyio.to_thread.run_sync(lambda: listener(url, *shlex.split(words)[1:]))
    else:
        await app.execute(words)

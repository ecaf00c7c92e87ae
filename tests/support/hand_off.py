"""A real job queue beside the LMS, and the trigger of the how-to that puts a job into it for each enrollment."""

import re
from importlib.util import find_spec
from pathlib import Path

from tests.support.project import ROOT

PAGE = ROOT / "docs" / "how-to" / "hand-off.md"
QUEUE = "procrastinate"
NOT_INSTALLED = f"{QUEUE} is not installed: pip install -e '.[test]'"
CLOSING = re.compile(r"^```sql\n(do \$\$.*?)^```$", re.MULTILINE | re.DOTALL)
TRIGGER = re.compile(r"^```sql\n(create function queue_welcomes.*?)^```$", re.MULTILINE | re.DOTALL)


def is_installed() -> bool:
    """Whether there is a queue to hand off to."""
    return find_spec(QUEUE) is not None


def schema() -> str:
    """SQL that makes the queue's tables and functions, as its package has it."""
    spec = find_spec(QUEUE)
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "sql" / "schema.sql").read_text(encoding="utf-8")


def trigger() -> str:
    """SQL of the trigger, as the how-to has it."""
    (found,) = TRIGGER.findall(PAGE.read_text(encoding="utf-8"))
    return str(found)


def closing() -> str:
    """SQL that closes the queue to the API's roles, as the how-to has it."""
    (found,) = CLOSING.findall(PAGE.read_text(encoding="utf-8"))
    return str(found)

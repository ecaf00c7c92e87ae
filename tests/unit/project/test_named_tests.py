"""Pages that name the test of what they say: each of these tests exists."""

import re

import pytest

from tests.support.project import ROOT

PAGES = ("faults", "promises", "security")
DEFINED = re.compile(r"def (test_\w+)\(")


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_the_page_names_exists(page: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(named) > 10
    assert named - {test for source in sources for test in DEFINED.findall(source)} == set()


def test_each_promise_names_a_test() -> None:
    promises = re.split(r"^\d\. ", (ROOT / "docs" / "promises.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(promises) == 9
    for promise in promises:
        assert "`test_" in promise, promise

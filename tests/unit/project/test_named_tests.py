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
    text = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8").partition("\n## ")[0]
    promises = re.split(r"^\d\. ", text, flags=re.MULTILINE)[1:]
    assert len(promises) == 9
    for promise in promises:
        assert "`test_" in promise, promise


def claims() -> list[tuple[str, str]]:
    """What the README says, and what is said to show it."""
    table = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8").partition("| the README says |")[2]
    return re.findall(r"^\| (.+) \| (.+) \|$", table, re.MULTILINE)


def said_by_the_readme() -> list[str]:
    """Its paragraphs, items and blocks of commands, each on a line, links as their texts; no pictures, no headings."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Further")[0]
    text = re.sub(r"```mermaid.*?```|<!--.*?-->|!\[.*?\]\(.*?\)", "", text, flags=re.DOTALL)
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)
    parts = re.split(r"\n\n|\n(?=- )", text)
    return [" ".join(part.split()) for part in parts if part.strip() and not part.lstrip().startswith("#")]


def test_each_claim_of_the_readme_is_listed_with_what_shows_it() -> None:
    said = said_by_the_readme()
    measured = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").lower()
    for claim, shown_by in claims():
        assert any(claim in part for part in said), claim
        assert re.search(r"`test_\w+`|\]\(benchmarks\.md\)", shown_by), claim
        for line in re.findall(r"\]\(benchmarks\.md\): ([^;|]+)", shown_by):
            assert line in measured, claim
    (advice,) = (part for part in said if not any(claim in part for claim, _ in claims()))
    assert advice.startswith("- **A handful of sign-ups a day.**")

"""A release is told of as what it is: in the changelog, and wherever its version is named."""

import re
from datetime import date

from listener import __version__
from tests.support.project import ROOT

READABLE_IN_TWO_MINUTES = 500
"""Words."""

SECTION = re.compile(r"^## \[(.+?)\](?: - (\S+))?\n(.*?)(?=^## \[|\Z)", re.MULTILINE | re.DOTALL)


def test_the_changelog_begins_with_what_is_not_released_and_then_this_version() -> None:
    (unreleased, none, _), (version, day, text), *_ = SECTION.findall(
        (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    )
    assert (unreleased, none) == ("Unreleased", "")
    assert version == __version__
    assert date.fromisoformat(day).isoformat() == day
    assert len(re.sub(r"\]\(.*?\)", "", text).split()) <= READABLE_IN_TWO_MINUTES


def test_each_image_that_a_page_or_a_manifest_names_is_of_this_version() -> None:
    texts = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.yaml")]
    named = {
        version
        for path in texts
        for version in re.findall(r"(?:enrollment-listener:|newTag: \")(\d[^\s\"]*)", path.read_text(encoding="utf-8"))
    }
    assert named == {__version__}

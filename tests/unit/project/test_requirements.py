"""The pinned requirements are complete, checked by hash, and record no download address."""

import re
import tomllib

import pytest

from tests.support.project import ROOT

PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==[^\s]+(?P<rest>(?:.*\\\n)+.*$)", re.MULTILINE)
NAME = re.compile(r"^[A-Za-z0-9._-]+")


def pinned(file: str) -> set[str]:
    """Names of the packages that a file pins with at least one hash."""
    text = (ROOT / file).read_text(encoding="utf-8")
    pins = {match["name"] for match in PIN.finditer(text) if "--hash=sha256:" in match["rest"]}
    assert pins == {line.partition("==")[0] for line in re.findall(r"^[^\s#].*", text, re.MULTILINE)}
    return pins


def names(requirements: list[str]) -> set[str]:
    """Names of the packages required, normalized; not this project's own extras."""
    found = {NAME.match(each) for each in requirements}
    return {match[0].lower().replace("_", "-") for match in found if match} - {"enrollment-listener"}


@pytest.mark.parametrize(
    ("file", "extras"),
    [("requirements.txt", []), ("requirements-dev.txt", ["demo", "test", "docs", "dev"])],
)
def test_every_dependency_is_pinned_with_hashes(file: str, extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = names(project["dependencies"])
    for extra in extras:
        needed |= names(project["optional-dependencies"][extra])
    assert needed <= pinned(file)


def test_build_backend_is_pinned_with_hashes() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]
    assert names(build["requires"]) <= pinned("requirements-build.txt")


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt", "requirements-build.txt"])
def test_no_download_address_is_recorded(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--(extra-)?index-url|--find-links)\b", text, re.MULTILINE)


def test_what_makes_a_release_is_pinned_with_hashes() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    assert names(groups["build"]) <= pinned("requirements-build.txt")

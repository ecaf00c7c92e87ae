"""Every address that somebody may copy has the server prove who it is, unless it is on the same machine."""

import re

from tests.support.project import ROOT

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "deploy").rglob("*.yaml")),
    *sorted((ROOT / "deploy").rglob("*.service")),
    ROOT / "listener" / "cli.py",
]
ADDRESS = re.compile(r"postgres(?:ql)?://[^\s'\"`)<]*[^\s'\"`)<,;.]")
SCHEMATIC = {"postgresql:/", "postgresql://…"}
"""Where an address goes, not one."""
LOCAL = re.compile(r"//([^/?]*@)?(localhost|127\.0\.0\.1)?([:/?]|$)")


def test_addresses_in_the_docs_are_verified() -> None:
    found = [
        (path.name, address)
        for path in PAGES
        for address in ADDRESS.findall(path.read_text(encoding="utf-8"))
        if address not in SCHEMATIC and LOCAL.search(address) is None
    ]
    assert len(found) > 8
    assert [each for each in found if "sslmode=verify-full" not in each[1]] == []

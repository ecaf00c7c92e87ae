"""The version of this build, with the commit, so that a rolling upgrade can be seen."""

import re
from pathlib import Path

from listener import __version__

SHORT = 12
"""Digits of a commit that are told."""

REVISION = Path(__file__).parent / "REVISION"
"""Written when an image or a release is built; there is none in a checkout."""

COMMIT = re.compile(r"[0-9a-f]{40,64}")


def version(revision_file: Path = REVISION) -> str:
    """`1.0.0+gCOMMIT`; without the commit if unknown."""
    commit = _text(revision_file) or _of_checkout(revision_file.parent.parent)
    return f"{__version__}+g{commit[:SHORT]}" if COMMIT.fullmatch(commit) else __version__


def _of_checkout(folder: Path) -> str:
    """Git's current commit, read from Git's files: `git` itself need not be installed."""
    git = folder / ".git"
    if git.is_file():  # of a second working tree
        git = folder / _text(git).removeprefix("gitdir: ")
    head = _text(git / "HEAD")
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    common = git / (_text(git / "commondir") or ".")
    packed = re.search(rf"^([0-9a-f]+) {re.escape(name)}$", _text(common / "packed-refs"), re.MULTILINE)
    return _text(git / name) or _text(common / name) or (packed[1] if packed else "")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


VERSION = version()

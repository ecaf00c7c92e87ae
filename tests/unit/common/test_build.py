"""Every build says which commit it was made from."""

import shutil
import subprocess
from pathlib import Path

import pytest

from listener import __version__
from listener.build import version

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PACKAGE = "listener/REVISION"


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def test_an_image_or_a_release_has_the_commit_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "listener").mkdir()
    (tmp_path / PACKAGE).write_text(f"{COMMIT}\n")
    assert version(tmp_path / PACKAGE) == f"{__version__}+g0123456789ab"


def test_a_checkout_has_the_commit_that_is_checked_out_however_git_keeps_it(checkout: Path) -> None:
    first = f"{__version__}+g{git(checkout, 'rev-parse', 'HEAD')[:12]}"
    assert version(checkout / PACKAGE) == first
    git(checkout, "pack-refs", "--all")
    assert version(checkout / PACKAGE) == first
    git(checkout, "checkout", "-q", "--detach")
    assert version(checkout / PACKAGE) == first
    git(checkout, "worktree", "add", "-q", "-b", "other", "../other")
    git(checkout.parent / "other", "commit", "-q", "--allow-empty", "-m", "second")
    second = git(checkout.parent / "other", "rev-parse", "HEAD")
    assert version(checkout.parent / "other" / PACKAGE) == f"{__version__}+g{second[:12]}"


def test_without_either_it_is_the_plain_version(tmp_path: Path) -> None:
    assert version(tmp_path / PACKAGE) == __version__

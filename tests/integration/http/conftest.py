"""What the tests of this room share."""

from pathlib import Path

import pytest

from tests.support.certificates import make_certificate


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, signed by itself, and its key."""
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    make_certificate(*files)
    return files

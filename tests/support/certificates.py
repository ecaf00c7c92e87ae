"""Certificates for servers of TLS, made by openssl."""

import shutil
import subprocess
from pathlib import Path

import pytest

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def signed(folder: Path, name: str, *options: str) -> None:
    """Make `NAME.crt` and `NAME.key` in a folder, signed as the options say."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    files = ["-keyout", f"{folder / name}.key", "-out", f"{folder / name}.crt"]
    subprocess.run([*command, *files, *options], check=True, capture_output=True)


def by_authority(folder: Path, host: str) -> tuple[str, ...]:
    """The options for a certificate that `ca` of the same folder gives to a host, by its number or name."""
    kind = "IP" if host.replace(".", "").isdigit() else "DNS"
    return ("-CA", f"{folder}/ca.crt", "-CAkey", f"{folder}/ca.key", "-addext", f"subjectAltName={kind}:{host}")


def make_certificate(certificate: Path, key: Path) -> None:
    """Make one for 127.0.0.1, signed by itself, and its key."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-out", str(certificate), "-keyout", str(key)),
        ],
        check=True,
        capture_output=True,
    )

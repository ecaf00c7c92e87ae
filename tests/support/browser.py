"""A real browser, without a screen."""

import shutil
import subprocess
import tempfile
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)


def browse(url: str, *flags: str, milliseconds: int = 3000) -> subprocess.CompletedProcess[str]:
    """Open `url` and let its scripts run for so long, of the page's time. The page's console comes out on stderr."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(prefix="listener-browser-", ignore_cleanup_errors=True) as profile:
        return subprocess.run(
            [CHROMIUM, *QUIET, f"--user-data-dir={profile}", f"--virtual-time-budget={milliseconds}", *flags, url],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )


def dom(url: str) -> tuple[str, str]:
    """(the page as its scripts left it, what the console said)."""
    done = browse(url, "--dump-dom")
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def screenshot(url: str, path: Path, *, width: int = 1000, height: int = 760, dark: bool = False) -> None:
    """Take a picture of the page."""
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    browse(url, f"--screenshot={path}", f"--window-size={width},{height}", scheme)

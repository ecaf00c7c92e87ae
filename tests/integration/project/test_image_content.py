"""What the image holds, made here as the Dockerfile makes it: less than what was installed, and enough to run anywhere.

It runs where a container engine would put it: the root file system cannot be written to, no capabilities, a user whom
nobody knows, without a home.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.support.process import DaemonProcess, environment
from tests.support.project import ROOT

INSTALLED = "/opt/listener"
"""Where the image has its virtual environment."""
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LESS = re.search(rf"^RUN (cd {INSTALLED}(?:.*\\\n)+.*)$", DOCKERFILE, re.MULTILINE)
"""The step that takes away what is never read."""
NAMES = re.findall(
    r"^([a-z][\w-]*)==(?!.*== 'win32')", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE
)

AS_IN_A_CONTAINER = """
base=$1 python=$2
shift 2
mount --make-rprivate /
mount --bind "$base" "$python"
findmnt --noheadings --raw --output TARGET | sort --unique | while read -r mounted; do
    case $mounted in /proc* | /sys* | /dev*) ;; *) mount -o remount,bind,ro "$mounted" ;; esac
done
if touch /tmp/written 2> /dev/null; then echo "the root file system can be written to" >&2; exit 99; fi
exec setpriv --reuid 12345 --regid 12345 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
    env -u HOME -u USER -u LOGNAME PYTHONSAFEPATH=1 "$@"
"""
"""Runs a command. Python itself may be where only root may look: it is seen in a folder that anybody may enter."""

pytestmark = pytest.mark.skipif(shutil.which("strip") is None, reason="strip is not installed (Debian: binutils)")


def there_can_be_containers() -> bool:
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv", "findmnt"))):
        return False
    return subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0


needs_container = pytest.mark.skipif(
    not there_can_be_containers(), reason="a read-only root needs root, util-linux and a mount namespace"
)


@dataclass(frozen=True)
class Image:
    """What stands in for the image's virtual environment."""

    home: Path
    bytes_before: int

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.home / "bin" / "python")

    @property
    def packages(self) -> Path:
        """Where its packages are."""
        return packages(self.home)

    @property
    def container(self) -> tuple[str, ...]:
        """What runs a command as a container engine would, but for `PYTHONPATH` in the place of the environment."""
        script = ("unshare", "--mount", "sh", "-euc", AS_IN_A_CONTAINER, "container")
        base = self.home / "base"
        return (*script, sys.base_prefix, str(base), f"LD_LIBRARY_PATH={base}/lib", f"PYTHONPATH={self.packages}")

    @property
    def python_inside(self) -> str:
        """The interpreter in there."""
        return str(self.home / "base" / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")

    def run(self, *command: str, url: str = "") -> subprocess.CompletedProcess[str]:
        """Run its Python, away from the checkout."""
        surroundings = {name: value for name, value in environment(url).items() if name != "PYTHONPATH"}
        return subprocess.run(
            [self.python, "-P", *command], env=surroundings, cwd="/", capture_output=True, text=True, check=False
        )

    def run_inside(self, *command: str, url: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the listener's in a container."""
        inside = [*self.container, self.python_inside, "-m", "listener", *command]
        return subprocess.run(
            inside, env=environment(url), cwd="/", capture_output=True, text=True, check=False, timeout=60
        )


def packages(home: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)}))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The packages of `requirements.txt` and this project, then the Dockerfile's step."""
    home = Path(tempfile.mkdtemp(prefix="listener-image-"))
    home.chmod(0o755)
    (home / "base").mkdir()
    venv.create(home, with_pip=False, symlinks=True)
    wanted, into = {name.replace("_", "-").lower() for name in NAMES}, packages(home)
    for distribution in distributions():
        if distribution.name.replace("_", "-").lower() in wanted:
            for file in distribution.files or []:
                source, target = Path(str(distribution.locate_file(file))), into / file
                if ".." not in file.parts and source.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(source, target)
    shutil.copytree(ROOT / "listener", into / "listener")
    shutil.copytree(ROOT / "sql", into / "listener" / "sql")
    before = size(into)
    assert LESS is not None
    subprocess.run(["sh", "-euc", LESS[1].replace(INSTALLED, str(home))], check=True)
    yield Image(home, before)
    shutil.rmtree(home)


def test_half_of_what_is_installed_is_not_needed(image: Image) -> None:
    assert size(image.packages) < 0.6 * image.bytes_before


def test_every_package_is_there_with_its_record_of_itself_and_no_other(image: Image) -> None:
    found = {each.name.replace("_", "-").lower() for each in distributions(path=[str(image.packages)])}
    assert found == {name.replace("_", "-") for name in NAMES}
    for each in distributions(path=[str(image.packages)]):
        assert each.metadata["Version"]


def test_every_module_can_be_imported(image: Image) -> None:
    script = """
import importlib, pkgutil, listener
for module in pkgutil.walk_packages(listener.__path__, "listener."):
    if module.name != "listener.testing.plugin":  # a plugin for who has pytest
        importlib.import_module(module.name)
print(listener.__file__)
"""
    done = image.run("-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(image.packages))


def test_an_error_of_the_program_s_own_is_still_shown_with_its_source(image: Image) -> None:
    script = """
from rich.console import Console
try:
    raise KeyError("why")
except KeyError:
    Console().print_exception()
"""
    done = image.run("-c", script)
    assert "KeyError" in done.stdout, done.stderr


@needs_container
def test_it_runs_with_a_read_only_root_as_a_user_whom_nobody_knows_and_without_a_home(
    image: Image, make_database: Callable[..., Database]
) -> None:
    database = make_database(installed=False)
    for command in (["install", "--print"], ["install"], ["sync"], ["diagnose"]):
        done = image.run_inside(*command, url=database.url)
        assert done.returncode == 0, done.stderr
    daemon = DaemonProcess(database.url, prefix=image.container, interpreter=image.python_inside)
    try:
        daemon.wait_ready("leading")
        status = Path(f"/proc/{daemon.process.pid}/status").read_text()
        assert re.search(r"^Uid:\t12345\t12345\t12345\t12345$", status, re.MULTILINE)
        assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
        assert daemon.get("/metrics")[0] == 200
        assert image.run_inside("status", url=database.url).returncode == 0
        assert daemon.stop() == 0
    finally:
        daemon.clean_up()

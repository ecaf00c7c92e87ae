"""The built wheel works on its own, away from the checkout: the SQL is inside. Each build is the same."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from listener import __version__
from tests.conftest import Database
from tests.support.process import environment, listener
from tests.support.project import ROOT

CHECKOUT = ROOT


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment with the wheel installed. (The dependencies are this one's.)"""
    wheels, home = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("venv")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(wheels), str(CHECKOUT)], check=True, timeout=110)
    (wheel,) = wheels.glob("enrollment_listener-*.whl")
    venv.create(home, with_pip=False, symlinks=True)
    paths = {"base": str(home), "platbase": str(home)}
    packages = sysconfig.get_path("purelib", "venv", paths)
    subprocess.run([*pip, "install", "--no-deps", "--target", packages, str(wheel)], check=True, timeout=110)
    # The packages alone, not the .pth file beside them that makes the checkout importable.
    ours = sysconfig.get_path("purelib")
    dependencies = Path(packages, "dependencies.pth")
    dependencies.write_text(f"import sys; sys.path.append({ours!r})\n")
    return home / "bin" / "python"


def run(python: Path, url: str, *arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [str(python), "-I", *arguments],  # nothing of the person who runs the tests makes another package importable
        env=environment(url),
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


@pytest.fixture
def plain(make_database: Callable[..., Database]) -> Database:
    """The plain LMS schema, nothing installed."""
    return make_database(installed=False)


def test_the_wheel_installs_the_schema(python: Path, plain: Database, tmp_path: Path) -> None:
    where = run(python, plain.url, "-c", "import listener; print(listener.__file__)", folder=tmp_path).strip()
    assert Path(where).is_relative_to(python.parents[1])
    printed = run(python, plain.url, "-m", "listener", "install", "--print", folder=tmp_path)
    assert printed == listener(plain.url, "install", "--print").stdout
    run(python, plain.url, "-m", "listener", "install", folder=tmp_path)
    installed = "select to_regclass('listener.change') is not null"
    assert plain.server.psql(plain.name, installed) == "t\n"


def test_the_wheel_brings_the_status_page(python: Path, plain: Database, tmp_path: Path) -> None:
    script = "from listener.http.page import Headline, Page; print(Page().render(Headline('good', 'Leading')))"
    assert "Leading" in run(python, plain.url, "-c", script, folder=tmp_path)


def built(folder: Path) -> dict[str, bytes]:
    """What `python -m build` makes of the checkout's files, in a folder of its own."""
    left_out = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "dist", "build", "node_modules", "REVISION")
    shutil.copytree(CHECKOUT, folder, ignore=left_out, copy_function=shutil.copyfile)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=110)
    return {path.name: path.read_bytes() for path in (folder / "dist").iterdir()}


def test_a_release_that_is_built_twice_is_the_same_to_the_byte(tmp_path: Path) -> None:
    first, second = built(tmp_path / "first"), built(tmp_path / "elsewhere" / "second")
    names = (f"enrollment_listener-{__version__}-py3-none-any.whl", f"enrollment_listener-{__version__}.tar.gz")
    assert tuple(sorted(first)) == names
    assert [name for name in names if first[name] != second[name]] == []

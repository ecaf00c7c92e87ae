"""The README's commands are the ones that work, and that CI runs."""

import re
import subprocess
import tomllib

from tests.support.project import ROOT

BASH = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIRST_SCREEN_LINES = 24


def blocks() -> list[str]:
    """The README's command blocks."""
    return [block.strip() for block in BASH.findall((ROOT / "README.md").read_text(encoding="utf-8"))]


def test_first_screen_has_two_commands_of_one_line_each() -> None:
    demo, tests = blocks()[:2]
    screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:FIRST_SCREEN_LINES])
    for command in (demo, tests):
        assert "\n" not in command
        assert command in screen
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert demo.endswith("/listener demo")
    assert tests.endswith("/pytest")


def test_an_older_python_is_refused_before_anything_is_fetched_for_it() -> None:
    """Of a package with extras alone, pip before 24 tries all versions of all dependencies first."""
    for command in blocks()[:2]:
        first, second = re.findall(r"(?<= )'?\.(?:\[\w+\]')?(?= |$)", command)
        assert first == "."
        assert second.startswith("'.[")


def test_ci_runs_the_test_command_as_the_readme_writes_it() -> None:
    printed = subprocess.run([ROOT / ".ci" / "run", "--print"], check=True, capture_output=True, text=True)
    assert printed.stdout.strip() == blocks()[1]


def test_extras_that_the_commands_install_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = re.findall(r"'\.\[(\w+)\]'", "\n".join(blocks()))
    assert asked == ["demo", "dev"]
    assert set(asked) <= set(project["optional-dependencies"])

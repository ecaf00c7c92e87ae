"""A `listener` command in this process, for tests that run many of them."""

from typing import Any

from click.testing import CliRunner

from listener.cli import command as parsed
from listener.errors import ListenerError
from tests.support.process import environment


def command(url: str, *arguments: str, status: int = 0, settings: dict[str, str] | None = None) -> str:
    """What the command prints; it must end with this exit status. Not for a test that has an event loop."""
    parser: Any = parsed()
    done = CliRunner().invoke(parser, arguments, env=environment(url, **(settings or {})))
    code = done.exception.exit_status if isinstance(done.exception, ListenerError) else done.exit_code
    assert code == status, f"{done.output}{done.exception!r}"
    return done.stdout_bytes.decode()  # `stdout` would make one end of a line of another

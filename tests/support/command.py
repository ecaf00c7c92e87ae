"""A `listener` command in this process, for tests that run many of them."""

from typer.testing import CliRunner

from listener.cli import app
from listener.errors import ListenerError
from tests.support.process import environment


def command(url: str, *arguments: str, status: int = 0, settings: dict[str, str] | None = None) -> str:
    """What the command prints; it must end with this exit status. Not for a test that has an event loop."""
    done = CliRunner().invoke(app, arguments, env=environment(url, **(settings or {})))
    code = done.exception.exit_status if isinstance(done.exception, ListenerError) else done.exit_code
    assert code == status, f"{done.output}{done.exception!r}"
    return done.stdout_bytes.decode()  # `stdout` would make one end of a line of another

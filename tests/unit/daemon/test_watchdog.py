"""The watchdog goes on, whatever it meets as it asks about a statement that takes long."""

from pathlib import Path

import anyio

from listener.daemon.watchdog import Watchdog
from listener.instruments.state import State
from listener.settings import Settings


class Terminated:
    """A connection of which only the end matters here."""

    is_over = False

    def terminate(self) -> None:
        self.is_over = True


async def test_while_the_file_of_the_url_is_away_it_waits(tmp_path: Path) -> None:
    settings = Settings.model_validate({"database_url_file": tmp_path / "url", "heartbeat_seconds": 0.1})
    watchdog, connection = Watchdog(settings, State(0.1)), Terminated()
    watchdog.watch(connection, 1)  # type: ignore[arg-type]
    with anyio.move_on_after(3) as waited:
        await watchdog.run()
    assert waited.cancelled_caught
    assert not connection.is_over

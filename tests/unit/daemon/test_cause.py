"""Where the driver does not say why a connection was lost, another look does, whatever that look meets."""

from pathlib import Path

import asyncpg
import pytest

from listener.daemon.cause import OF_THE_DRIVER, cause
from listener.errors import WrongSetting
from listener.settings import Settings


@pytest.mark.parametrize("error", [kind("closed") for kind in OF_THE_DRIVER], ids=lambda error: type(error).__name__)
async def test_a_file_of_the_url_that_is_away_is_the_cause_and_not_the_end(error: Exception, tmp_path: Path) -> None:
    found = await cause(error, Settings.model_validate({"database_url_file": tmp_path / "url"}), 1)
    assert isinstance(found, WrongSetting)
    assert "LISTENER_DATABASE_URL_FILE" in str(found)


async def test_what_the_server_says_is_the_cause(tmp_path: Path) -> None:
    ended = asyncpg.AdminShutdownError("terminating connection due to administrator command")
    assert await cause(ended, Settings.model_validate({"database_url_file": tmp_path / "url"}), 1) is ended

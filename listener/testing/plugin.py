"""The plugin for pytest: `pytest_plugins = ["listener.testing.plugin"]` in the suite's conftest.py."""

from typing import Any

import pytest

from listener.errors import WrongSetting
from listener.settings import load
from listener.testing.installing import install


@pytest.fixture(scope="session")
def listener_url() -> str:
    """The address of the suite's database, as the tables' owner: LISTENER_ADMIN_URL or LISTENER_DATABASE_URL, unless
    the suite has a fixture of this name."""
    url = load().as_owner().url()
    if url is None:
        raise WrongSetting(name="LISTENER_DATABASE_URL", problem="is not set, nor is there a fixture listener_url")
    return url


@pytest.fixture(scope="session")
def listener_settings() -> dict[str, Any]:
    """What `listener install` is told, by the names of its flags: `{"wanted_query": …}`."""
    return {}


@pytest.fixture(scope="session")
def listener_installed(listener_url: str, listener_settings: dict[str, Any]) -> None:
    """Installs once for the suite, after what makes its tables."""
    install(listener_url, **listener_settings)

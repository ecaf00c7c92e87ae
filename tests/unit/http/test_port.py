"""The daemon's HTTP port."""

import pytest

from listener.errors import PortTaken, WrongSetting
from listener.http.port import bind
from tests.support.project import ROOT


def test_a_port_belongs_to_one_daemon_from_the_moment_it_is_bound() -> None:
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(PortTaken, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            bind("127.0.0.1", port)


def test_a_port_that_is_taken_is_worth_another_start() -> None:
    """The unit has systemd start it again, but not after a wrong setting."""
    unit = (ROOT / "deploy" / "systemd" / "listener.service").read_text()
    assert f"RestartPreventExitStatus={WrongSetting.exit_status}\n" in unit
    assert PortTaken.exit_status not in (0, WrongSetting.exit_status)

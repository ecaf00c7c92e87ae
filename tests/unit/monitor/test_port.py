"""The daemon's HTTP port."""

import pytest

from listener.errors import WrongSetting
from listener.monitor.port import bind


def test_a_port_belongs_to_one_daemon_from_the_moment_it_is_bound() -> None:
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(WrongSetting, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            bind("127.0.0.1", port)

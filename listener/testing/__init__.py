"""For the tests of an app beside which the listener works: what such tests import, and a plugin for pytest.

`pytest_plugins = ["listener.testing.plugin"]` loads that; nothing else here needs pytest. May import what the commands
may; nothing of ours imports it. Begin with `asserting`, then `drivers`.
"""

from listener.testing.asserting import assert_enrolled, assert_not_enrolled, settle
from listener.testing.installing import install

__all__ = ["assert_enrolled", "assert_not_enrolled", "install", "settle"]

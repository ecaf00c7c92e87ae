"""What the tests of this room share."""

from tests.support.fleet import folder, make_school, start_fleet  # noqa: F401

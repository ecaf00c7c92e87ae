"""The doorbell, in every order in which its steps can happen: no wake-up is lost.

It is the code itself: `Leader.main_loop` and `Doorbell`, whose waits are the script's. The server's side, `ring.sql`
with `listener.ring`, is a model; `tests/chaos/feed/interleavings` has it on a real server. All states that any order
can reach are visited; one in which nobody can move any more, and a note is unhandled, is a lost wake-up.
"""

from collections.abc import Hashable

import pytest

from listener.daemon.doorbell import Doorbell
from listener.daemon.leader import Leader
from tests.support.interleavings.doorbell import IN_ORDER, World, Writer, waits_by_script, with_fault
from tests.support.interleavings.scripted import Script, explore

WRITERS = 2
LONG_WRITERS = 3


def lost_wake_ups(writers: int, order: tuple[str, ...] = IN_ORDER, most: int | None = 1) -> tuple[int, int]:
    """How many states can be reached, and how many orders end with a note that nobody will handle."""

    def run(script: Script, seen: set[Hashable]) -> bool:
        return World(script, order, [Writer() for _ in range(writers)]).run(seen)

    with waits_by_script():
        states, _, lost = explore(run, most)
    return states, len(lost)


@pytest.mark.timeout(0)
def test_no_interleaving_loses_a_wake_up(pytestconfig: pytest.Config) -> None:
    states, lost = lost_wake_ups(LONG_WRITERS if pytestconfig.getoption("--long") else WRITERS)
    assert lost == 0
    assert states > 1_000


@pytest.mark.parametrize(
    ("owner", "method", "old", "new"),
    [
        pytest.param(*fault[1:], id=fault[0])
        for fault in (
            ("no look once it has the bell", Leader, "_wait", "self._reactions.news()", "pass"),
            ("a ring, and no look", Leader, "_wait_for_ring", "if rung or not", "if not"),
            ("a ring before the wait is forgotten", Doorbell, "wait", "if not self._rung:", "if True:"),
            ("a ring is not kept", Doorbell, "wake", "self._rung = True", "pass"),
            ("it does not know that it let go", Doorbell, "release", "self.held = False", "pass"),
            ("it takes the bell for its own", Doorbell, "hold", "return self.held", "self.held = True; return True"),
            ("what it hears wakes nobody", Doorbell, "_hear", "self.wake()", "pass"),
        )
    ],
)
def test_a_fault_in_the_code_loses_one(owner: type, method: str, old: str, new: str) -> None:
    with with_fault(owner, method, old, new):
        _, lost = lost_wake_ups(WRITERS)
    assert lost


@pytest.mark.parametrize(
    "order",
    [("note", "bell", "release", "visible", "deliver"), ("note", "bell", "deliver", "visible", "release")],
    ids=["locks go before the note is there", "the ring comes before the note is there"],
)
def test_a_server_with_another_order_loses_one(order: tuple[str, ...]) -> None:
    _, lost = lost_wake_ups(WRITERS, order)
    assert lost

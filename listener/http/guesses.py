"""Limits wrong passwords at the HTTP port: few at once from an address, and few from all addresses together."""

import time
from collections import OrderedDict

AT_ONCE = 20
"""Wrong passwords from an address before the address has to wait."""
SECONDS = 10.0
"""After so long the address may send another password."""
ALL_AT_ONCE = 2_000
"""Wrong passwords from all addresses before an unknown address has to wait."""
ALL_SECONDS = 0.2
"""After so long another password is checked: less than half a million a day."""
MOST_ADDRESSES = 1_000
"""Remembered addresses; the oldest is forgotten first."""


class Allowance:
    """Wrong passwords that are still allowed."""

    def __init__(self, at_once: int, seconds: float) -> None:
        self._at_once, self._seconds = at_once, seconds
        self._left, self._at = float(at_once), time.monotonic()

    def wait(self) -> float:
        """Seconds until another password is allowed."""
        self._come()
        return max(0.0, (1.0 - self._left) * self._seconds)

    def take(self) -> None:
        self._come()
        self._left = max(0.0, self._left - 1.0)

    def _come(self) -> None:
        now = time.monotonic()
        self._left = min(float(self._at_once), self._left + (now - self._at) / self._seconds)
        self._at = now


class Guesses:
    """Addresses that have to wait. A known address, which gave the right password before, waits only for mistakes of
    its own."""

    def __init__(self) -> None:
        self._all = Allowance(ALL_AT_ONCE, ALL_SECONDS)
        self._wrong: OrderedDict[str, Allowance] = OrderedDict()
        self._right: OrderedDict[str, None] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds for which no password from `address` is checked."""
        own = self._wrong[address].wait() if address in self._wrong else 0.0
        return own if address in self._right else max(own, self._all.wait())

    def was_wrong(self, address: str) -> None:
        self._all.take()
        self._wrong.setdefault(address, Allowance(AT_ONCE, SECONDS)).take()
        _keep(self._wrong, address)

    def was_right(self, address: str) -> None:
        self._right[address] = None
        _keep(self._right, address)


def _keep(addresses: OrderedDict[str, Allowance] | OrderedDict[str, None], latest: str) -> None:
    addresses.move_to_end(latest)
    if len(addresses) > MOST_ADDRESSES:
        addresses.popitem(last=False)

"""Wrong passwords, and what is rendered: bounded, whatever comes."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from listener.http import guesses
from listener.http.exposition import Exposition
from listener.http.guesses import ALL_AT_ONCE, AT_ONCE, MOST_ADDRESSES, Guesses
from listener.http.turns import client


def test_attacker_with_many_addresses_fills_no_memory_and_is_slowed_down_as_a_whole() -> None:
    attacked = Guesses()
    attacked.was_right("10.0.0.1")
    for number in range(ALL_AT_ONCE + 10):
        attacked.was_wrong(f"2001:db8::{number:x}")
    assert attacked.wait("192.0.2.1") > 0
    assert attacked.wait("10.0.0.1") == 0
    kept = [each for each in vars(attacked).values() if hasattr(each, "__len__")]
    assert kept
    assert all(len(each) <= MOST_ADDRESSES for each in kept)


def test_attacker_at_one_address_waits_and_others_do_not() -> None:
    attacked = Guesses()
    for _ in range(AT_ONCE):
        assert attacked.wait("10.0.0.2") == 0
        attacked.was_wrong("10.0.0.2")
    assert 0 < attacked.wait("10.0.0.2") <= guesses.SECONDS
    assert attacked.wait("10.0.0.3") == 0


def test_attacker_with_a_network_of_ipv6_is_one_client() -> None:
    assert client("2001:db8:1:2:3::4") == client("2001:db8:1:2::") != client("2001:db8:1:3::")
    assert client("::ffff:10.0.0.1") == client("10.0.0.1") == "10.0.0.1"
    assert client("fe80::1%eth0") == client("fe80::2%eth0")
    assert client("") == ""


class Counting(Collector):
    """Counts how often it is collected."""

    collections = 0

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One gauge, which says that."""
        self.collections += 1
        yield GaugeMetricFamily("collections", "How often.", self.collections)


def test_attacker_who_asks_for_metrics_in_ever_other_words_has_them_rendered_twice_at_most() -> None:
    registry, counting = CollectorRegistry(), Counting()
    registry.register(counting)
    exposition = Exposition(registry)
    for number in range(10_000):
        for accept in ("", f"text/plain;version={number}", f"application/openmetrics-text;version={number};escaping=x"):
            text, content_type = exposition.as_accepted(accept)
            assert ("openmetrics" in content_type) == ("openmetrics" in accept)
            assert b"collections" in text
    assert counting.collections - 1 <= 2 * 3, "one second, or a few on a busy machine; registering collects once"

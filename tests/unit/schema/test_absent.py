"""What a school has no need of is not installed; what calls it finds nothing to do."""

from dataclasses import replace

import pytest

from listener import sql
from listener.mapping.mapping import Mapping
from listener.schema import pieces
from tests.unit.mapping.test_schools import PLAIN

NEEDED = {
    "no_forgetting": replace(PLAIN, settings={"forget_days": "30"}),
    "no_count_made": replace(PLAIN, settings={"joining_brake": "10%"}),
    "no_partitions": replace(PLAIN, partitioned=(PLAIN.profile_table,)),
    "no_rule_parts": replace(PLAIN, wanted_query="select id, id from profiles"),
    "no_history": replace(PLAIN, settings={"history_days": "30"}),
    "no_drift": PLAIN,
}


def absent(mapping: Mapping) -> set[str]:
    return {each.file for each in pieces.pieces(mapping)} & NEEDED.keys()


def test_each_is_known() -> None:
    assert sql.sections("schema/adapter/absent").keys() == NEEDED.keys()
    assert absent(replace(PLAIN, actions="enroll")) == NEEDED.keys()


@pytest.mark.parametrize("name", NEEDED)
def test_it_is_there_where_it_is_needed(name: str) -> None:
    assert name not in absent(NEEDED[name])


def test_without_brakes_seats_and_routes_nothing_asks_about_them() -> None:
    words = ("listener.may_take_back", "listener.may_join", "listener.wake_waiting", "listener.routed(")
    assert not any(word in pieces.code(PLAIN) for word in words)

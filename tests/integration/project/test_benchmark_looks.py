"""What a benchmark looks at apart is there to be looked at: it names functions of ours, which may get other names."""

from benchmarks import held_snapshot
from tests.conftest import Database


def test_each_look_at_a_held_snapshot_finds_what_it_looks_for(database: Database) -> None:
    found = held_snapshot.plans(database.server.psql(database.name, held_snapshot.SQL))
    assert len(found) == held_snapshot.TIMES * len(held_snapshot.LOOKS)
    assert all("Execution Time" in each for each in found)

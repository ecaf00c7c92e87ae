"""Whatever the order of commits and however batches are cut: every committed note is handled exactly once, and once
more if it is to be handled again."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from listener.feed.consumer import InstalledConsumer
from tests.support.feed_history import NOTE, REACTION, RESET, Ground, size, step

EXAMPLES = 40
LONG_EXAMPLES = 10_000


def examples(request: pytest.FixtureRequest) -> int:
    return LONG_EXAMPLES if request.config.getoption("--long") else EXAMPLES


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("some", [False, True], ids=["all_concern_it", "some_concern_it"])
def test_every_committed_note_is_applied_exactly_once(
    ground: Ground, request: pytest.FixtureRequest, some: bool
) -> None:
    @settings(
        max_examples=examples(request),
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=st.lists(step, min_size=10, max_size=60), last_size=size)
    def histories(steps: list[tuple[str, int | None, int | bool | None]], last_size: int) -> None:
        ground.run(steps, last_size, some=some)

    histories()


def test_the_feed_finds_the_late_commit_that_a_cursor_on_the_highest_id_loses(ground: Ground) -> None:
    async def scenario() -> None:
        slow, quick = ground.writers[:2]
        reader = ground.consumers[0]
        await slow.execute(RESET)
        for each in (slow, quick):
            await each.execute("discard sequences")  # numbers that it took before, and has not used
        above = "select id from listener.change where id > $1 order by id"

        await slow.execute("begin")
        late = await slow.fetchval(NOTE, [1])
        early = await quick.fetchval(NOTE, [2])
        assert late < early

        seen_by_cursor = [row["id"] for row in await reader.fetch(above, 0)]
        await InstalledConsumer("test", REACTION).react(reader, 100)
        await slow.execute("commit")
        seen_by_cursor += [row["id"] for row in await reader.fetch(above, max(seen_by_cursor))]
        await InstalledConsumer("test", REACTION).react(reader, 100)

        assert seen_by_cursor == [early], "the late commit is lost for good"
        assert {row["note"] for row in await reader.fetch("select note from public.applied")} == {early, late}

    ground.runner.run(scenario())

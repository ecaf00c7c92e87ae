"""The history says what was done, to whom, by which rule and why: exactly what was done, and nothing else."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from listener import sql
from listener.database.connection import Connection
from listener.errors import WrongSetting
from listener.feed.purge import Purge
from tests.conftest import Database
from tests.support import brake, remembering
from tests.support.brake import installed, pay, settings, steps
from tests.support.connecting import connect, parsed
from tests.support.dumping import dump
from tests.support.process import listener
from tests.support.remembering import SEEN, WRITE_DOWN, WRITTEN, table

Make = Callable[..., Awaitable[Connection]]

REASONS = """
select payments.profile_id, payments.course_id, 'paid for ' || courses.title
from payments
inner join courses on courses.id = payments.course_id
where payments.paid
"""


@pytest.mark.parametrize("on_leave", ["keep", "suspend", "remove"])
async def test_it_is_what_a_trigger_of_the_lms_s_sees_even_where_some_are_refused(school: Make, on_leave: str) -> None:
    app = await school(0, on_leave)
    await app.execute(WRITE_DOWN)
    await app.execute(
        """create function refuse() returns trigger language plpgsql as $$
           begin
               if coalesce(new.profile_id, old.profile_id) % 7 = 0 then
                   raise 'not today';
               end if;
               return coalesce(new, old);
           end $$;
           create trigger refuse before insert or update or delete on enrollments
           for each row execute function refuse();"""
    )
    draw = random.Random(25)
    await pay(app, 20)
    for _ in range(12):
        course, part = draw.choice((1, 2)), draw.randint(0, 3)
        await app.execute(
            "update payments set paid = not paid where course_id = $1 and profile_id % 4 = $2", course, part
        )
        await pay(app, draw.randint(1, 3), draw.choice((1, 2)))
        await steps(app, most=draw.choice((3, 1000)))
    seen = await table(app, SEEN)
    assert len(seen) > 30
    assert sorted(seen) == sorted(await table(app, WRITTEN))
    # Of each enrollment in the order in which it was done.
    assert sorted(seen, key=lambda row: row[:2]) == sorted(await table(app, WRITTEN), key=lambda row: row[:2])


async def test_the_built_in_rule_has_a_history_too(database: Database, connection: Connection, course: None) -> None:
    await asyncio.to_thread(listener, database.url, "install", "--history-days", "1")
    profile = await connection.fetchval("insert into profiles (role) values ('student') returning id")
    await connection.fetchrow(brake.STEP, 100)
    row = await connection.fetchrow(
        """select history.*, enrollments.id::text as enrollment
           from listener.history inner join enrollments on enrollments.user_id = history.profile_id"""
    )
    assert row is not None
    assert (row["profile_id"], row["done"], row["cause"], row["was"]) == (profile, "enrolled", "sign_up", None)
    assert row["row_key"] == row["enrollment"]
    rule = await connection.fetchval("select text from listener.rule where number = $1", row["rule"])
    assert rule.strip() == (await asyncio.to_thread(listener, database.url, "rule")).stdout.strip()


@pytest.mark.parametrize("on_leave", ["keep", "suspend"])
async def test_the_third_column_says_why(school: Make, on_leave: str) -> None:
    """Where it says several things of one place, the first of them is kept."""
    app = await school(0, on_leave)
    await app.execute("alter table payments add what text not null default 'chess', add title text")
    rule = f"{REASONS} union all select profile_id, course_id, what || ' club' from payments where paid"
    await installed(app, settings(on_leave, history_days="30", brake="none", wanted_query=rule))
    await pay(app, 3)
    await pay(app, 1, 2)
    await steps(app)
    await app.execute("update payments set paid = false where profile_id = 1")
    await steps(app)
    await app.execute("update payments set paid = true, what = 'a chess' where profile_id = 1")
    await steps(app)
    found = await table(app, "select profile_id, done, because from listener.history order by id")
    expected: list[tuple[object, ...]] = [
        (1, "enrolled", "chess club"),
        (2, "enrolled", "chess club"),
        (3, "enrolled", "chess club"),
    ]
    expected += [(4, "enrolled", "chess club")]
    if on_leave == "suspend":
        expected += [(1, "suspended", None), (1, "returned", "a chess club")]
    assert found == expected
    assert await app.fetchval(brake.ACTIVE) == 4


async def test_a_third_column_without_a_history_changes_nothing(empty: Database) -> None:
    app = await brake.school(empty.url, 0, wanted_query=REASONS)
    await pay(app, 3)
    await steps(app)
    assert await app.fetchval(brake.ACTIVE) == 3
    assert await app.fetchval("select count(*) from listener.history") == 0
    app.terminate()


async def test_a_reason_must_be_a_text(school: Make) -> None:
    app = await school(0)
    with pytest.raises(WrongSetting, match="must say why, in its third column, as text, not as boolean"):
        await installed(app, settings(wanted_query="select profile_id, course_id, paid from payments"))


async def test_where_none_is_kept_nothing_is_written_and_nothing_is_there_to_write_it(empty: Database) -> None:
    app = await brake.school(empty.url, 3)
    texts = "select count(*) from listener.adapter where definition like '%insert into listener.history%'"
    assert await app.fetchval("select count(*) from listener.history") == await app.fetchval(texts) == 0
    for command in (("history",), ("undo", "--since", "1 hour")):
        done = await asyncio.to_thread(listener, empty.url, *command, check=False)
        assert done.returncode == 2
        assert done.stderr == (
            "listener: no history is kept here: `listener install --history-days 90` keeps one from then on.\n"
        )
    app.terminate()


async def test_a_rule_is_kept_once_with_who_installed_it(school: Make, empty: Database) -> None:
    app = await school(2)
    await installed(app, settings(history_days="60", brake="5"))  # the same rule
    other = brake.RULE + " and payments.course_id = 1"
    await installed(app, settings(history_days="60", wanted_query=other))
    await pay(app, 1)
    await steps(app)
    rules = await app.fetch("select number, text, settings, installed_by from listener.rule order by number")
    assert len(rules) == 2
    assert "course_id = 1" in rules[1]["text"]
    assert rules[1]["settings"]["wanted_query"] == other
    assert {rule["installed_by"] for rule in rules} == {await app.fetchval("select session_user::text")}
    assert await table(app, "select profile_id, rule from listener.history order by id") == [(1, 1), (2, 1), (3, 2)]


async def test_what_is_older_than_it_is_kept_is_purged(school: Make) -> None:
    app = await school(5)
    begins = await app.fetchval("select history_from from listener.purged")
    await app.execute("update listener.history set at = at - interval '31 days' where id <= 3")
    assert not await Purge(["enroll", "count"], 3600.0).step(app)
    assert await table(app, "select id from listener.history") == [(4,), (5,)]
    assert await app.fetchval("select history_from from listener.purged") == begins, "it was younger than what went"
    await app.execute("update listener.history set at = at - interval '31 days' where id = 4")
    await app.execute("update listener.purged set history_from = history_from - interval '90 days'")
    await app.fetchrow(brake.STEP, 100)
    assert await table(app, "select id from listener.history") == [(5,)]
    assert await app.fetchval("select history_from > now() - interval '32 days' from listener.purged")
    await installed(app, settings(history_days="0"))
    assert await app.fetchval("select count(*) from listener.history") == 0
    assert await app.fetchval("select history_from from listener.purged") is None


async def test_it_is_shown_to_people_and_to_scripts(school: Make, empty: Database) -> None:
    app = await school(2, wanted_query=REASONS)
    await pay(app, 1, 2)
    await app.execute("update payments set paid = false where profile_id = 2")
    await steps(app)
    shown = (await asyncio.to_thread(listener, empty.url, "history")).stdout.splitlines()
    assert [line.split(" UTC ")[1] for line in shown[:4]] == [
        "profile 1 enrolled in course 1 ('Chess') (sign_up, rule 1): paid for Chess",
        "profile 2 enrolled in course 1 ('Chess') (sign_up, rule 1): paid for Chess",
        "profile 3 enrolled in course 2 ('Go') (sign_up, rule 1): paid for Go",
        "profile 2 removed from course 1 ('Chess') (change, rule 1)",
    ]
    assert shown[4].startswith("rule 1, installed 20")
    assert any("payments.paid" in line for line in shown[5:])

    def asked(*more: str) -> list[tuple[str, str]]:
        found = json.loads(listener(empty.url, "history", *more, "--json").stdout)
        return [(each["profile"], each["done"]) for each in found["done"]]

    assert await asyncio.to_thread(asked, "2") == [("2", "enrolled"), ("2", "removed")]
    assert await asyncio.to_thread(asked, "--course", "2") == [("3", "enrolled")]
    assert await asyncio.to_thread(asked, "--last", "1") == [("2", "removed")]
    assert await asyncio.to_thread(asked, "--since", "2100-01-01") == []
    assert len(await asyncio.to_thread(asked, "--since", "1 hour")) == 4
    done = await asyncio.to_thread(listener, empty.url, "history", "nobody", check=False)
    assert (done.returncode, done.stderr.startswith("listener: 'nobody' is no key of a profile")) == (2, True)


async def test_who_is_forgotten_is_not_in_it(school: Make, empty: Database) -> None:
    """Nor in the reason for what was done to somebody else."""
    rule = "select profile_id, course_id, 'paid by ' || profile_id || ' or ' || profile_id - 1 from payments where paid"
    app = await school(0, wanted_query=rule)
    await app.execute("insert into profiles (id) values (770077), (770078)")
    await app.execute("insert into payments values (770077, 1), (770078, 1)")
    await steps(app)
    await app.execute("delete from profiles where id = 770077")
    await steps(app)
    assert "770077" in dump(empty, "--data-only", "-n", "listener")
    found = json.loads((await asyncio.to_thread(listener, empty.url, "forget", "770077", "--json")).stdout)
    assert (found["history"], found["mentioned"]) == (1, 1)
    text = dump(empty, "--data-only", "-n", "listener")
    assert "770077" not in text
    assert "paid by 770078 or ..." in text


async def test_the_daemon_s_role_writes_it_and_reads_none_of_it(school: Make, empty: Database) -> None:
    app = await school(1)
    role = f"worker_{empty.name}"
    await app.execute(f"create role {role} login")
    await asyncio.to_thread(listener, empty.url, "install", "--grant-to", role)
    await pay(app, 1)
    working: Connection = await connect(empty.url, user=role)
    assert await working.fetchval("select enrolled from listener.enroll(100)") == 1
    assert await app.fetchval("select count(*) from listener.history") == 2
    for statement in ("select was from listener.history", "select * from listener.undo('{1}', '{1}', '{null}')"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await working.fetch(statement)
    working.terminate()
    await app.execute(f"drop owned by {role}; drop role {role}")


FILL = """
insert into profiles (id) select number from generate_series(1, {rows}) as number;
insert into enrollments (profile_id, course_id) select number, 1 from generate_series(1, {rows}) as number;
insert into listener.history (profile_id, course_id, done, row_key, status, cause, rule, at)
select profile_id, course_id, 'enrolled', id::text, 'active', 'sign_up', 1, now() - interval '40 days'
from enrollments order by id;
delete from listener.change;
"""
LOOKS = {
    "of one profile": ("inspection/history", "done", "'77', null::text, null::timestamptz, 100", 1),
    "the last": ("inspection/history", "done", "null::text, null::text, null::timestamptz, 100", 1),
    "to undo": ("repair/undoing", "look", "now() - interval '1 year', null::integer", 4),
}
"""Statements, their arguments, and how much more each may cost where there is four times as much."""


async def pages(app: Connection, text: str, arguments: str) -> int:
    """That a statement touches, once it is warm."""
    await app.execute(f"prepare look as {text}")
    for _ in range(2):
        found = await app.fetchval(f"explain (analyze, buffers, timing off, format json) execute look({arguments})")
    await app.execute("deallocate look")
    plan = parsed(found)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def test_what_it_costs_to_look_does_not_depend_on_how_long_it_is(make_database: Callable[..., Database]) -> None:
    """But for what must look at all of it."""
    costs: dict[str, list[int]] = {name: [] for name in LOOKS}
    purges = []
    for rows in (2_000, 8_000):
        app = await remembering.school(make_database(empty=True).url, 0, "keep")
        await app.execute(FILL.format(rows=rows))
        await app.execute("vacuum analyze")
        for name, (file, section, arguments, _) in LOOKS.items():
            text = sql.render(sql.read(file, section), {"profile_key_type": "bigint"})
            costs[name].append(await pages(app, text, arguments))
        purges.append(await pages(app, "select * from listener.purge_history($1, $2)", "0, 500"))
        app.terminate()
    for name, (small, large) in costs.items():
        assert large <= 1.2 * LOOKS[name][-1] * small + 20, name
    assert purges[1] <= 1.2 * purges[0] + 20

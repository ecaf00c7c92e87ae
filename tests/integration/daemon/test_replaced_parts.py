"""A migration replaces a view or a function that the query of who should be where reads."""

from collections.abc import Callable

import pytest

from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener

SCHOOL = """
create table payments (id integer primary key, user_id uuid references profiles);
create table gifts (id integer primary key, user_id uuid references profiles);
create index on payments (user_id);
create index on gifts (user_id);
create view paying as select user_id from payments;
create function is_member(uuid) returns boolean stable language sql as
    'select exists (select from public.payments where user_id = $1)';
insert into courses (title) values ('a');
"""

BY_VIEW = "select p.id, c.id from profiles p join paying on paying.user_id = p.id cross join courses c"
BY_FUNCTION = "select p.id, c.id from profiles p cross join courses c where is_member(p.id)"

VIEW = "create or replace view paying as select user_id from payments union select user_id from gifts"
FUNCTION = """
create or replace function is_member(uuid) returns boolean stable language sql as
    'select exists (select from public.gifts where user_id = $1)'
"""


@pytest.mark.parametrize(
    ("query", "watch", "replace", "said"),
    [
        (BY_VIEW, None, VIEW, "view public.paying was replaced: it reads public.gifts now, which is not watched"),
        (
            BY_FUNCTION,
            "payments(user_id); gifts(user_id)",
            FUNCTION,
            "function public.is_member(uuid) was replaced: it may read other tables",
        ),
    ],
    ids=["view", "function"],
)
@pytest.mark.half
async def test_it_is_told_with_the_heartbeat_and_mended_by_install(
    make_database: Callable[..., Database],
    start_daemon: Callable[..., DaemonProcess],
    query: str,
    watch: str | None,
    replace: str,
    said: str,
) -> None:
    database = make_database(installed=False)
    app = await connect(database.url)
    await app.execute(SCHOOL)
    settings = {"wanted_query": query, "wanted_plan": "any"} | ({} if watch is None else {"watch": watch})
    listener(database.url, "install", check=True, **settings)
    daemon = start_daemon(database, heartbeat_seconds=0.5).wait_ready("leading")
    await app.execute("alter table payments rename column user_id to payer; alter table payments rename to paid")
    await app.execute("alter table paid rename column payer to user_id; alter table paid rename to payments")
    await app.execute(replace)
    assert said in str(daemon.told("mapping_broken"))
    assert "`listener install`" in str(daemon.events("mapping_broken"))
    listener(database.url, "install", check=True)
    daemon.told("mapping_mended")
    await app.execute("insert into profiles (role) values ('student')")
    await app.execute("insert into gifts select 1, id from profiles")
    await eventually(app, "select count(*) from enrollments", equals=1)
    await app.close()

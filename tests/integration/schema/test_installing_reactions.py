"""What `listener install --reactions` says before it changes anything, what it refuses, what uninstalling leaves."""

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.process import listener
from tests.support.reactions import WELCOME, Folder, as_role


async def test_print_shows_what_would_run_and_plan_what_would_change(
    database: Database, connection: Connection, queued: None, folder: Folder
) -> None:
    folder.write("welcome", WELCOME)
    assert "would install reaction welcome" in folder.install("--plan")
    script = folder.printed()
    assert WELCOME.strip() in script
    assert await connection.fetchval("select count(*) from listener.reaction") == 0
    plain = listener(database.url, "install", "--print").stdout
    assert "welcome" not in plain
    await connection.execute(script)
    assert "reactions: nothing to do" in folder.install()
    folder.write("welcome", WELCOME + "-- changed\n")
    folder.write("more", WELCOME)
    assert "would upgrade reaction welcome" in (planned := folder.install("--plan"))
    assert "would install reaction more" in planned
    folder.remove("welcome")
    assert "would remove reaction welcome" in folder.install("--plan")
    assert await connection.fetchval("select array_agg(name) from listener.reaction") == ["welcome"]


async def test_uninstall_leaves_nothing_of_it_but_its_own_table(
    database: Database, connection: Connection, queued: None, folder: Folder
) -> None:
    folder.write("welcome", WELCOME)
    folder.install()
    listener(database.url, "uninstall")
    assert await connection.fetchval("select to_regnamespace('listener')") is None
    assert await connection.fetchval("select count(*) from welcome_queue") == 0


WRITES_PROFILES = WELCOME.replace(
    "\nselect batch", ",\n\nx as (update public.profiles set email = null)\n\nselect batch", 1
)

REFUSED = {
    "no_batch": ("welcome", "{{feed}} select 1::bigint as changes, false as notes_left", "it reads neither batch nor"),
    "no_batch_but_in_what_nothing_reads": (
        "welcome",
        "{{feed}}, x as materialized (table batch), y as (table x) select 1::bigint as changes, false as notes_left",
        "it reads neither batch nor",
    ),
    "a_name_with_capitals": ("Welcome", WELCOME, "'Welcome' is no name for a reaction: rename the file"),
    "a_name_too_long": ("w" * 42, WELCOME, "is no name for a reaction: rename the file"),
    "a_built_in_name": ("enroll", WELCOME, "enroll is built in: give the file another name"),
    "no_feed": ("welcome", "select 1", "does not begin with {{feed}}: begin it as docs/how-to/reactions.md shows"),
    "no_feed_but_further_down": ("welcome", f"with a as (select 1), {WELCOME}", "does not begin with {{feed}}"),
    "two_feeds": ("welcome", WELCOME + "-- {{feed}}", "{{feed}} is in it more than once"),
    "a_nul": ("welcome", WELCOME + "\0", "NUL character"),
    "two_statements": ("welcome", WELCOME + "; drop table profiles", "it is more than one statement: make it one"),
    "a_mistake": ("welcome", WELCOME.replace("array(", "arry("), "Postgres refuses it in line 7: "),
    "no_schema": (
        "welcome",
        WELCOME.replace("public.", ""),
        'in line 4: relation "welcome_queue" does not exist; make',
    ),
    "no_answer": ("welcome", "{{feed}}\nselect 1 as x", "it does not say what was handled: let its last lines be"),
    "more_arguments": ("welcome", WELCOME + "and $3::int = 1", "it takes more than $1"),
    "the_lms_s_table": (
        "welcome",
        WRITES_PROFILES,
        "it writes public.profiles, a table of the LMS's, which postgres may",
    ),
    "a_checkpoint": (
        "welcome",
        WELCOME.replace(
            "\nselect batch",
            ",\n\nx as (update listener.checkpoint set seq = seq + 1)\n\nselect batch",
            1,
        ),
        "it writes listener.checkpoint, which is the listener's: leave that out",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.half
async def test_what_is_not_right_is_refused_in_one_line_and_nothing_is_changed(
    connection: Connection, queued: None, folder: Folder, why: str
) -> None:
    name, text, said = REFUSED[why]
    await connection.execute(
        "grant select on profiles to public"
    )  # with which the owner's rights are written down, too
    folder.write("fine", WELCOME)
    folder.write(name, text)
    refused = folder.refused()
    assert f"{name}.sql: " in refused
    assert said in refused
    assert await connection.fetchval("select count(*) from listener.reaction") == 0


async def test_a_folder_that_is_not_there_and_a_file_that_is_no_text_are_refused(folder: Folder, queued: None) -> None:
    assert "there is no such folder" in folder.refused()
    folder.write("welcome", "")
    (folder.path / "welcome.sql").write_bytes(b"\xff\xfe{{feed}}")
    assert "welcome.sql: it is not written in UTF-8" in folder.refused()
    (folder.path / "welcome.sql").unlink()
    (folder.path / "welcome.sql").symlink_to(folder.path / "nowhere")
    assert "welcome.sql: it cannot be read (No such file or directory)" in folder.refused()


async def test_it_must_be_granted_by_name_to_the_role_that_runs_it(
    database: Database, connection: Connection, queued: None, folder: Folder
) -> None:
    await connection.execute("create role rx_daemon login; create role rx_group; grant rx_group to rx_daemon")
    folder.write("welcome", WELCOME)
    said = folder.refused("--grant-to", "rx_daemon")
    assert "permission denied for table welcome_queue; grant that to rx_daemon, who runs it" in said
    for grantee in ("public", "rx_group"):
        await connection.execute(f"grant select, insert on welcome_queue to {grantee}")
        said = folder.refused()
        assert "it writes public.welcome_queue, which nobody has granted to rx_daemon: grant insert on" in said
        await connection.execute(f"revoke all on welcome_queue from {grantee}")
    await connection.execute("grant select (profile_id), insert (profile_id) on welcome_queue to rx_daemon")
    folder.install()

    await connection.execute("grant update on profiles to rx_daemon")
    folder.write("welcome", WRITES_PROFILES)
    assert "upgraded reaction welcome" in folder.install()
    folder.write("welcome", WELCOME.replace("listener.students(", "public.steal("))
    await connection.execute(
        "create function steal(uuid[]) returns table (id uuid) language sql as 'select unnest($1)';"
        "revoke execute on function steal from public"
    )
    assert "permission denied for function steal; grant that to rx_daemon" in folder.refused()


async def test_who_cannot_take_the_daemon_s_place_is_told_what_to_grant(
    database: Database, connection: Connection, queued: None, folder: Folder
) -> None:
    await connection.execute(
        "create role rx_owner login; create role rx_runner login;"
        f"grant create on database {database.name} to rx_owner; grant usage, create on schema public to rx_owner;"
        "alter table profiles owner to rx_owner; alter table courses owner to rx_owner;"
        "alter table enrollments owner to rx_owner; alter table welcome_queue owner to rx_owner"
    )
    listener(database.url, "uninstall")
    folder.write("welcome", WELCOME)
    owner = as_role(database, "rx_owner")
    said = folder.refused("--grant-to", "rx_runner", database=owner)
    assert said.startswith("listener: the role rx_owner may not check reactions as rx_runner")
    assert said.endswith("grant rx_runner to rx_owner, then install.\n")
    await connection.execute("grant rx_runner to rx_owner; grant select, insert on welcome_queue to rx_runner")
    assert "installed reaction welcome" in folder.install(database=owner)
    runner = await asyncpg.connect(as_role(database, "rx_runner").url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await runner.execute("update listener.reaction set text = 'drop table profiles'")
    await runner.close()


@pytest.mark.long
async def test_a_superuser_has_each_checked_as_the_role_that_runs_it_not_as_the_owner(
    database: Database, connection: Connection, queued: None, folder: Folder
) -> None:
    listener(database.url, "uninstall")
    await connection.execute(
        "create role rs_owner login; create role rs_runner login; grant usage, create on schema public to rs_owner;"
        "alter table profiles owner to rs_owner; alter table courses owner to rs_owner;"
        "alter table enrollments owner to rs_owner; grant insert on welcome_queue to rs_owner, rs_runner"
    )
    folder.write("welcome", WELCOME)
    said = "permission denied for table welcome_queue; grant that to {}, who runs it"
    assert said.format("rs_owner") in folder.refused()
    await connection.execute("grant select on welcome_queue to rs_owner")
    assert "installed reaction welcome" in folder.install()
    assert said.format("rs_runner") in folder.refused("--grant-to", "rs_runner")
    await connection.execute("grant select on welcome_queue to rs_runner")
    await connection.execute("create role rs_admin login; grant rs_owner to rs_admin")
    admin = as_role(database, "rs_admin")
    said = folder.refused("--grant-to", "rs_runner", database=admin)
    assert said.startswith("listener: the role rs_owner may not check reactions as rs_runner")
    assert "reactions: nothing to do" in folder.install("--grant-to", "rs_runner")
    await connection.execute("grant rs_runner to rs_admin")
    assert "reactions: nothing to do" in folder.install(database=admin)

"""What somebody may have done to a database before a command is run there, and every command there is."""

from dataclasses import dataclass, field, replace

from tests.support.hostile import Called
from tests.support.planted import DAEMON, MALLORY, ONE, OWNER, ROWS, planted
from tests.support.strangers import ALL, BELL

SUPERUSER = ""
"""Who began the server."""

WORDS = (
    "$$; alter role school superuser; select $$", "{profiles.id}", "it's \"quoted\" \\", "two\nlines", "back\rhome",
    "\x1b[2J\x07", "{{profile_key}} {row}.x", "*/ -- %s", "\u202egnp.exe", "\r\n",
)  # fmt: skip
"""Names that have been seen to break something, or to be run; and such as steer a terminal."""


@dataclass(frozen=True)
class Fault:
    """What is done, each script by a role: before `install`, after it, and for as long as the commands run."""

    before: tuple[tuple[str, str], ...] = ()
    after: tuple[tuple[str, str], ...] = ()
    held: str = ""
    """What a session of the attacker's has done."""
    settings: dict[str, str] = field(default_factory=dict)
    """What `install`, and what else looks for the tables, is told."""
    profile: str = ONE
    rows: str = ROWS
    """What the LMS has by then."""


@dataclass(frozen=True)
class Command:
    """A command line, the exit statuses that are named for it, and whether it finds the tables by settings."""

    arguments: tuple[str, ...]
    statuses: tuple[int, ...]
    finds: bool = False

    @property
    def prints_names(self) -> bool:
        """Whether it prints SQL, in which names stand as they are."""
        return "--print" in self.arguments


def looks(profile: str) -> list[Command]:
    """What says that it changes nothing."""
    return [
        Command(("install", "--plan"), (0, 2), finds=True),
        Command(("install", "--print"), (0, 2), finds=True),
        Command(("diagnose",), (0, 1, 2), finds=True),
        Command(("diagnose", "--json"), (0, 1, 2), finds=True),
        Command(("sync", "--dry-run"), (0, 1, 2), finds=True),
        Command(("sync", "--structure", "--dry-run"), (0, 1, 2), finds=True),
        Command(("sync", "--structure", "--print"), (0, 1, 2), finds=True),
        Command(("status",), (0, 1, 2)),
        Command(("status", "--json"), (0, 1, 2)),
        Command(("status", "--full"), (0, 1, 2)),
        Command(("explain", profile), (0, 2)),
        Command(("explain", profile, "--json"), (0, 2)),
        Command(("explain", "nobody's\r$$ {profiles.id}"), (2,)),
        Command(("pending",), (0, 2)),
    ]


def changes(profile: str) -> list[Command]:
    """What changes something, in an order in which each has something to do."""
    return [
        Command(("pause", "enroll", "--reason", "a\rb {row} $$"), (0, 2)),
        Command(("sync",), (0, 1, 2), finds=True),
        Command(("resume", "enroll"), (0, 2)),
        Command(("resume", "nothing\rof ours"), (2,)),
        Command(("replay", "welcome", "--since", "1 hour"), (0, 2)),
        Command(("pending", "retry"), (0, 2)),
        Command(("pending", "drop", "--student", profile), (0, 2)),
        Command(("forget", profile, "--timeout", "0"), (0, 1, 2)),
        Command(("sync",), (0, 1, 2), finds=True),
        Command(("sync", "--structure"), (0, 1, 2), finds=True),
        Command(("install",), (0, 2), finds=True),
        Command(("install", "--grant-to", DAEMON), (0, 2), finds=True),
        Command(("install", "--take-over"), (0, 2), finds=True),
        Command(("uninstall",), (0, 2)),
        Command(("uninstall",), (0, 2)),
        Command(("sync",), (0, 1, 2), finds=True),
    ]


def made_again(table: str) -> Fault:
    """A migration drops a table, and somebody else makes one of that name."""
    like = f"create table alarm.like_it as select * from public.{table} limit 0; drop table public.{table} cascade"
    grant = "grant all on alarm.like_it to public"
    again = (
        f"create table public.{table} (like alarm.like_it); grant all on public.{table} to public;"
        f"alter table public.{table} enable row level security; alter table public.{table} force row level security;"
        f"create policy mine on public.{table} using (alarm.ring('a policy'))"
    )
    return Fault(after=((SUPERUSER, f"{like}; {grant}"), (MALLORY, again)))


def called(*words: str) -> Fault:
    """An LMS in which everything is called like one of these."""
    names = replace(Called.like(words), published="published")
    return Fault(
        before=((SUPERUSER, names.schema_of()),),
        after=((SUPERUSER, names.sign_up()),),
        settings=names.settings(),
        profile="1",
        rows="",
    )


OTHER_KEYS = f"""
drop table public.enrollments, public.courses, public.profiles;
set role {OWNER};
create table public.profiles (id text primary key, role text);
create table public.courses (id text primary key, title text, enrollments integer not null default 0);
create table public.enrollments (user_id text, course_id text, status text not null default 'active');
reset role;
"""
LONG = "(select string_agg(md5(n::text), '') from generate_series(1, 188) as n)"

MEGABYTES = r"""
create function public.refuse() returns trigger language plpgsql as $$
begin
    raise exception using
        message = E'refused \x07\x1b[2J\n\r\u202e' || repeat('long ', 1000000),
        detail = 'Failing row contains (secret)';
end $$;
"""
REFUSES = "create trigger refuse before {when} on public.{table} for each row execute function public.refuse();"

LOOK_ALIKE = """
create schema mallory;
create table mallory.profiles (id uuid primary key, role text check (role in ('student', 'no')));
create table mallory.courses (
    id uuid primary key, title text, price numeric, enrollments integer not null default 0,
    status text not null default 'published' check (status in ('published', 'draft'))
);
create table mallory.enrollments (
    user_id uuid not null references mallory.profiles,
    course_id uuid not null references mallory.courses,
    status text not null default 'active' check (status in ('active', 'left')),
    unique (user_id, course_id)
);
create trigger take before insert on mallory.enrollments
for each row execute function suppress_redundant_updates_trigger();
grant usage on schema mallory to public;
grant all on all tables in schema mallory to public;
"""

VIEW = """
create schema listener;
create function listener.take() returns boolean language sql as $$ select alarm.ring('a view') $$;
create view listener.installation as
select true as only_row, 8 as version, ''::text as fingerprint, '{}'::jsonb as mapping, now() as installed_at
where listener.take();
grant usage on schema listener to public;
grant all on listener.installation to public;
"""

MARKED = """
create function public.get_enrollment_statistics() returns integer language sql
as '/* made by listener install */ select 1';
create view public.profile_enrollment_sync_status as select public.get_enrollment_statistics();
comment on view public.profile_enrollment_sync_status is 'made by listener install';
"""

ROLES_ELSEWHERE = """
create table alarm.user_roles (user_id uuid, role text);
insert into alarm.user_roles values (null, 'student');
alter table alarm.user_roles enable row level security;
create policy mine on alarm.user_roles using (alarm.ring('a policy'));
grant all on alarm.user_roles to public;
"""

UNQUALIFIED = """
create table public.pupils (id uuid);
create function public.is_pupil(uuid) returns boolean language plpgsql stable as
$$ begin return exists (select from pupils where pupils.id = $1); end $$;
grant select on public.pupils to public;
"""

MAY_CREATE = f"do $$ begin execute format('grant create on database %I to {MALLORY}', current_database()); end $$"

FAULTS = {
    "nothing": Fault(),
    "operators, casts and types in public": Fault(before=((MALLORY, planted("public")),)),
    "tables that look like an LMS's": Fault(before=((SUPERUSER, MAY_CREATE), (MALLORY, LOOK_ALIKE))),
    "tables that look like an LMS's, later": Fault(after=((SUPERUSER, MAY_CREATE), (MALLORY, LOOK_ALIKE))),
    "a schema of our name, with a view": Fault(before=((SUPERUSER, MAY_CREATE), (MALLORY, VIEW))),
    "a table of ours that became a view": Fault(
        after=(
            (SUPERUSER, "drop table listener.pause cascade; create view listener.pause as select alarm.ring('a view')"),
        )
    ),
    "profiles made again": made_again("profiles"),
    "courses made again": made_again("courses"),
    "enrollments made again": made_again("enrollments"),
    "names that are SQL": called(*WORDS),
    "names with a carriage return": called("\r", "a\rb", "\r\n", "x\r"),
    "a course key of 6,000 letters": Fault(
        before=((SUPERUSER, OTHER_KEYS),),
        after=(
            (OWNER, "insert into public.courses (id) values ('a')"),
            (OWNER, f"insert into public.enrollments select 'x', {LONG}"),
            (OWNER, "insert into public.profiles values ('x', 'student')"),
        ),
        settings={"student_values": "student", "default_course": "a", "active_values": "active"},
        profile="x" * 6_000,
        rows="",
    ),
    "an error of 5 MB": Fault(
        before=((OWNER, MEGABYTES + REFUSES.format(when="insert", table="enrollments")),),
        after=((OWNER, REFUSES.format(when="update", table="courses")),),
    ),
    "TRIGGER to everybody": Fault(
        before=((OWNER, "grant trigger, truncate on public.profiles, public.courses, public.enrollments to public"),)
    ),
    "tables of several owners": Fault(before=((SUPERUSER, f"alter table public.courses owner to {MALLORY}"),)),
    "a table given away": Fault(after=((SUPERUSER, f"alter table public.courses owner to {MALLORY}"),)),
    "every lock of ours taken": Fault(held=ALL),
    "the bell held": Fault(held=BELL),
    "names in use that we would take": Fault(before=((MALLORY, MARKED),)),
    "roles in a table with somebody's policy": Fault(
        before=((MALLORY, ROLES_ELSEWHERE),),
        settings={"student_table": "alarm.user_roles", "student_key": "user_id", "student_values": "student"},
    ),
    "a condition whose function finds what it names by the path": Fault(
        before=((OWNER, UNQUALIFIED),), settings={"student_predicate": "public.is_pupil(id)"}
    ),
    "row-level security that binds the owner": Fault(
        before=(
            (
                OWNER,
                "alter table public.profiles enable row level security, force row level security",
            ),
        )
    ),
    "a condition that is none": Fault(settings={"student_predicate": "role = $$\r\n {row}"}),
    "a column gone": Fault(after=((OWNER, "alter table public.enrollments drop column course_id cascade"),)),
    "all tables gone": Fault(
        after=((OWNER, "drop table public.profiles, public.courses, public.enrollments cascade"),)
    ),
}
"""What somebody has tried, or may try."""

"""What reacting computes in the server, in this version and in another one: `python -m benchmarks.instructions
../other-checkout`, which has a `.venv` of its own. With `--tenants`, in this version alone: where several schools share
a database, beside the same tables told that all students land in the same course.

Valgrind counts the instructions of a backend alone, with the settings of the daemon's session, once with the reaction
and once without: so the figures are the same on any machine, however slow or busy. What they leave out: the disk, the
daemon's own process, and waiting.
"""

import argparse
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.draining import SIGN_UPS
from benchmarks.measure import running_server
from benchmarks.versions import SCHOOL
from listener.database.connection import few_rows
from tests.support.postgres import Server, ordinary_user
from tests.support.process import environment
from tests.support.project import ROOT

DATABASE = "school"
STUDENTS = 20_000
"""Who is enrolled and counted before."""
BATCH = 1000
ONE_BY_ONE = 100
WARM_UP = 12
"""How often a session does it before: plans are made."""

TENANTS = """
create table schools (id bigint primary key);
insert into schools select generate_series(1, 20);
create sequence turn;
alter table courses add school_id bigint references schools;
delete from courses;
insert into courses (title, school_id) select 'Welcome', id from schools;
alter table profiles
add school_id bigint not null default 1 + nextval('turn') % 20 references schools;
"""
"""Twenty schools, each with a course; the people who sign up are of each in turn."""

SIGN_UP = "insert into profiles (email, role, full_name) values ('someone@example.com', 'student', 'Some One')"
BEFORE = f"""
insert into profiles (email, role, full_name)
select 'someone@example.com', 'student', 'Some One' from generate_series(1, {STUDENTS})
"""
NOTED = "select exists (select from listener.unhandled('enroll')) or exists (select from listener.unhandled('count'))"
STATEMENTS = """
import json
try:
    from listener.reactions.reaction import call
    statements = [call(name, singly=False) for name in ("enroll", "count")]
    print(json.dumps([(each, f"({2 * BATCH}, 20)") for each in statements * 2]))
except ImportError:  # before 1.0 had one function for each reaction
    from listener.reactions.reaction import Reaction
    few = [(f"select * from listener.{name}_few($1, $2)", "(64, 20)") for name in ("enroll", "count")]
    many = [(Reaction.load(name).together._statement, f"('{name}', {2 * BATCH}, 20)") for name in ("enroll", "count")]
    print(json.dumps(few + many))
"""


@dataclass(frozen=True)
class Version:
    """One of the two, installed in a server of its own, which is stopped."""

    server: Server
    session: list[str]
    """How a session begins."""
    reactions: dict[str, list[str]]
    """Statements that react to few notes, and to many."""

    def instructions(self, lines: list[str]) -> int:
        """Of a session with these lines, in a copy of the data folder."""
        copy = self.server.folder / "copy"
        shutil.copytree(self.server.data, copy, copy_function=shutil.copy2)
        for path in (copy, *copy.rglob("*")):
            if (user := ordinary_user()) is not None:
                shutil.chown(path, user)
        done = subprocess.run(
            [
                *("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"),
                *(str(self.server.program("postgres")), "--single", "-D", str(copy), "-c", "fsync=off", DATABASE),
            ],
            input="".join(re.sub(r"\s+", " ", re.sub(r"--.*", "", line)) + "\n" for line in [*self.session, *lines]),
            capture_output=True,
            text=True,
            user=ordinary_user(),
            cwd=self.server.folder,
            check=False,
        )
        shutil.rmtree(copy)
        found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
        if found is None or "ERROR" in done.stderr:
            raise RuntimeError(done.stderr[-3000:])
        return int(found.group(1).replace(",", ""))

    def of_one(self) -> float:
        """To enroll and count one student who signs up."""
        reacting = [SIGN_UP, *self.reactions["few"]]
        warm = reacting * WARM_UP
        return (
            self.instructions(warm + reacting * ONE_BY_ONE) - self.instructions(warm + [SIGN_UP] * ONE_BY_ONE)
        ) / ONE_BY_ONE

    def of_many(self) -> float:
        """To enroll and count each student of a batch."""
        signing_up, reacting = f"call sign_up({BATCH})", self.reactions["many"]
        warm = [signing_up, *reacting, signing_up]
        return (self.instructions(warm + reacting) - self.instructions(warm)) / BATCH

    def of_sign_up(self) -> float:
        """Of a sign-up itself."""
        warm = [SIGN_UP] * WARM_UP
        return (self.instructions(warm + [SIGN_UP] * ONE_BY_ONE) - self.instructions(warm)) / ONE_BY_ONE


MEASURES = {
    "sign_up": ("a sign-up", Version.of_sign_up),
    "one": ("one student, enrolled and counted", Version.of_one),
    "many": (f"each of a batch of {BATCH}, enrolled and counted", Version.of_many),
}


@contextmanager
def installed(checkout: Path, more: str = "", **told: str) -> Iterator[Version]:
    """A version of the program, from its checkout, in a school of some size."""
    python = str(checkout / ".venv" / "bin" / "python")
    with running_server(autovacuum="off", jit="off") as server:
        server.psql("postgres", f"create database {DATABASE}")
        server.psql(DATABASE, SCHOOL + SIGN_UPS + more)
        env = environment(server.url(DATABASE), **told)
        subprocess.run([python, "-m", "listener", "install"], env=env, cwd="/", check=True, capture_output=True)
        asked = STATEMENTS.replace("{2 * BATCH}", str(2 * BATCH))
        found = subprocess.run([python, "-c", asked], cwd="/", check=True, capture_output=True, text=True)
        prepared: list[str] = []
        reactions: dict[str, list[str]] = {"few": [], "many": []}
        for number, (statement, values) in enumerate(json.loads(found.stdout)):
            types = "(text, bigint, int)" if "$3" in statement else "(int, int)"
            prepared.append(f"prepare reaction_{number} {types} as {statement}")
            reactions["few" if number < len(reactions) else "many"].append(f"execute reaction_{number} {values}")
        again = reactions["many"] * 10
        server.psql(DATABASE, BEFORE)
        while server.psql(DATABASE, NOTED).strip() == "t":
            server.psql(DATABASE, ";\n".join([*prepared, *again]))
        server.psql(DATABASE, "vacuum analyze")
        server.stop()
        settings = re.sub(r"--.*", "", few_rows("session")).split(";")
        yield Version(server, [each for each in settings if each.strip()] + prepared, reactions)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    beside = parser.add_mutually_exclusive_group(required=True)
    beside.add_argument("other", type=Path, nargs="?", help="a checkout of the other version, with a .venv")
    beside.add_argument("--tenants", action="store_true", help="several schools beside a plain one, in this version")
    parser.add_argument("--only", choices=MEASURES, action="append", help="one of these alone; may be repeated")
    options = parser.parse_args()
    more = TENANTS if options.tenants else ""
    settings = {"tenant": "none"} if options.tenants else {}
    with installed(ROOT, more) as this, installed((options.other or ROOT).resolve(), more, **settings) as other:
        for name in options.only or MEASURES:
            what, of = MEASURES[name]
            mine, theirs = of(this), of(other)
            print(f"{what}: {mine:,.0f} instructions, other {theirs:,.0f}: {mine / theirs:.3f}", flush=True)


if __name__ == "__main__":
    main()

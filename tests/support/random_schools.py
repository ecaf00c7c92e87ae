"""Schools at random: tenants, soft deletion, roles, statuses and languages combined, with a reference that knows what
was put in."""

from dataclasses import dataclass, field
from random import Random

LANGUAGES = {
    "en": ("student", "teacher", "deleted_at", "is_removed", "dropped_at", "archived", "organization_id", "active"),
    "pt": ("aluno", "professor", "excluido_em", "excluido", "cancelado_em", "arquivado", "escola_id", "ativa"),
    "es": ("alumno", "profesor", "eliminado_en", "eliminado", "abandonado_en", "archivado", "escuela_id", "activa"),
    "fr": ("etudiant", "enseignant", "supprime_le", "supprime", "abandonne_le", "archive", "ecole_id", "actif"),
    "it": ("studente", "docente", "eliminato_il", "eliminato", "annullato_il", "archiviato", "scuola_id", "attiva"),
    "nl": (
        "leerling",
        "docent",
        "verwijderd_op",
        "verwijderd",
        "uitgeschreven_op",
        "gearchiveerd",
        "school_id",
        "actief",
    ),
    "de": ("schuler", "lehrer", "geloscht_am", "geloscht", "abgebrochen_am", "archiviert", "schule_id", "aktiv"),
}
SCHOOLS = (1, 2, 3)
"""The third has no course that is open."""
OPEN = {1: 2, 2: 4}
"""The first open course of each school. Those before it are archived, or drafts."""


@dataclass(frozen=True)
class Person:
    is_student: bool
    is_gone: bool
    schools: tuple[int, ...]


@dataclass
class RandomSchool:
    """`schema` and `people` are statements."""

    seed: int
    name: str = ""
    schema: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    """What the questions are answered with."""
    questions: tuple[str, ...] = ()
    """What must be asked about."""
    everybody: list[Person] = field(default_factory=list)
    drop: str = ""
    """The condition that ends an enrollment: SET of an update."""
    by_school: bool = False

    @property
    def landed(self) -> set[tuple[int, int]]:
        """(person, course) that should be."""
        found = set()
        for number, person in enumerate(self.everybody, 1):
            if person.is_student and not person.is_gone:
                schools = person.schools if self.by_school else (1,)
                found |= {(number, OPEN[each]) for each in schools if each in OPEN}
        return found


def random_school(seed: int) -> RandomSchool:
    rng = Random(seed)
    made = RandomSchool(seed)
    language = rng.choice(list(LANGUAGES))
    student, teacher, gone_at, gone, dropped_at, archived, school, active = LANGUAGES[language]
    tenant = rng.choice(("none", "column", "members", "roles"))
    role = "table" if tenant == "roles" else rng.choice(("column", "table", "reference", "table of references"))
    leaves = rng.choice(("time", "flag", "status"))
    ends = rng.choice(("time", "generated", "status", "enum", "flag", "number", "range"))
    closes = rng.choice(("flags", "times", "status"))
    partitioned, unclear = rng.random() < 0.3, rng.random() < 0.3
    made.by_school = tenant != "none"
    made.name = f"{language}, tenant {tenant}, role {role}, people leave by {leaves}, enrollments end by {ends}"
    made.name += f", courses close by {closes}"
    made.name += (", partitioned" if partitioned else "") + (", unclear" if unclear else "")
    person = {
        "time": f"{gone_at} timestamptz",
        "flag": f"{gone} boolean",
        "status": "status text not null default 'active' check (status in ('active', 'banned'))",
    }[leaves]
    person += {"column": f", role text not null check (role in ('{student}', '{teacher}'))"}.get(role, "")
    person += ", role_id integer references roles" if role == "reference" else ""
    person += f", {school} integer" if tenant == "column" else ""
    enrollment, made.drop = {
        "time": (f"{dropped_at} timestamptz", f"{dropped_at} = now()"),
        "generated": (
            f"{dropped_at} timestamptz, is_active boolean generated always as ({dropped_at} is null) stored",
            f"{dropped_at} = now()",
        ),
        "status": (
            f"status text not null default '{active}' check (status in ('{active}', 'zzz'))",
            "status = 'zzz'",
        ),
        "enum": (f"status standing not null default '{active}'", "status = 'over'"),
        "flag": (f"{gone} boolean not null default false", f"{gone} = true"),
        "number": ("status smallint not null default 1", "status = 2"),
        "range": ("held tstzrange default tstzrange(now(), null)", "held = tstzrange('2001-01-01', '2002-01-01')"),
    }[ends]
    enrollment += f", {school} integer not null" if made.by_school and rng.random() < 0.5 else ""
    course, of_course = {
        "flags": (
            f"{archived} boolean not null default false, is_draft boolean",
            {"old": "true, null", "open": "false, false", "draft": "false, true"},
        ),
        "times": (
            f"{gone_at} timestamptz, published_at timestamp",
            {"old": "now(), now()", "open": "null, now()", "draft": "null, null"},
        ),
        "status": (
            "status text check (status in ('draft', 'published', 'archived')), hidden boolean",
            {"old": "'archived', false", "open": "'published', null", "draft": "'draft', null"},
        ),
    }[closes]
    course += f", {school} integer" if made.by_school else ""
    made.schema = [
        f"create type standing as enum ('over', '{active}')",
        "create table roles (id integer primary key, name text)",
        f"insert into roles values (4, '{teacher}'), (5, '{student}')",
        f"create table profiles (id integer primary key generated always as identity, name text, {person})",
        f"create table courses (id integer primary key, title text, {course})",
        (
            "create table enrollments (user_id integer references profiles, course_id integer references courses,"
            f" {enrollment}, primary key (user_id, course_id)){' partition by hash (user_id)' if partitioned else ''}"
        ),
    ]
    if partitioned:
        made.schema += [
            f"create table part_{each} partition of enrollments for values with (modulus 2, remainder {each})"
            for each in range(2)
        ]
    of_school = {each: f", {each}" if made.by_school else "" for each in SCHOOLS}
    made.schema += [
        (
            f"insert into courses values (1, 'old', {of_course['old']}{of_school[1]}),"
            f" (2, 'first', {of_course['open']}{of_school[1]}),"
            f" (3, 'draft', {of_course['draft']}{of_school[2]}), (4, 'second', {of_course['open']}{of_school[2]}),"
            f" (5, 'old', {of_course['old']}{of_school[3]})"
        )
    ]
    if role.startswith("table"):
        told = "role_id integer references roles" if "references" in role else "role text not null"
        more = f", {school} integer not null" if tenant == "roles" else ""
        made.schema.append(
            f"create table user_roles (user_id integer not null references profiles, {told}, revoked_at date{more})"
        )
        if "references" not in role:
            made.schema.append(f"insert into profiles (name) {_nobody(leaves)}")
            made.schema.append(f"insert into user_roles select 1, '{student}', now(){', 1' if more else ''}")
            made.everybody.append(Person(is_student=False, is_gone=False, schools=()))
    if tenant == "members":
        made.schema.append(
            f"create table members (user_id integer references profiles, {school} integer, left_at timestamptz)"
        )
    if ends == "number":
        made.questions, made.settings = ("status may be any smallint",), {"active_values": "1"}
    if ends == "range":
        made.questions, made.settings = ("enrollments.held",), {"active_predicate": "held @> now()"}
    if unclear:
        made.schema.append("alter table enrollments add is_trial boolean")
        made.questions = (*made.questions, "is_trial")
        if ends == "number":
            made.settings["active_predicate"] = "status = 1"
    for _ in range(12):
        schools = tuple(rng.sample(SCHOOLS, rng.choice((1, 1, 2)) if tenant in ("members", "roles") else 1))
        each = Person(rng.random() < 0.7, rng.random() < 0.25, schools)
        made.everybody.append(each)
        _sign_up(made, each, len(made.everybody), (tenant, role, leaves), LANGUAGES[language])
    return made


def _nobody(leaves: str) -> str:
    return "select 'somebody'" if leaves != "status" else "values ('somebody')"


def _sign_up(
    made: RandomSchool, person: Person, number: int, parts: tuple[str, str, str], words: tuple[str, ...]
) -> None:
    """The statements for one more person."""
    tenant, role, leaves = parts
    student, teacher, gone_at, gone, _, _, school, _ = words
    values = {"name": f"'p{number}'"}
    if person.is_gone:
        values |= {"time": {gone_at: "now()"}, "flag": {gone: "true"}, "status": {"status": "'banned'"}}[leaves]
    if role == "column":
        values["role"] = f"'{student if person.is_student else teacher}'"
    if role == "reference":
        values["role_id"] = "5" if person.is_student else "4"
    if tenant == "column":
        values[school] = str(person.schools[0])
    made.people.append(f"insert into profiles ({', '.join(values)}) values ({', '.join(values.values())})")
    if role.startswith("table"):
        told = "5" if person.is_student else "4"
        if "references" not in role:
            told = f"'{student if person.is_student else teacher}'"
        for each in person.schools if tenant == "roles" else (None,):
            more = "" if each is None else f", {each}"
            made.people.append(f"insert into user_roles values ({number}, {told}, null{more})")
    if tenant == "members":
        made.people += [f"insert into members values ({number}, {each})" for each in person.schools]
        made.people.append(f"insert into members values ({number}, 2, now())")

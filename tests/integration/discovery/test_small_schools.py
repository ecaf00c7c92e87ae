"""Small schools in several languages say who counts in a way of their own: understood, or asked about; and what the
question names makes it right."""

from dataclasses import dataclass, field

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import look
from listener.errors import ListenerError
from listener.schema import install
from tests.integration.discovery.test_random_schools import worked_off

USERS = "create table users (id integer primary key, role text check (role in ('student', 'teacher')));"
COURSES = "create table courses (id integer primary key, title text);"
KEYS = "user_id integer references users, course_id integer references courses, primary key (user_id, course_id)"
COUNTS = "select active_enrollments from listener.course_live_count where id = 1"


@dataclass(frozen=True)
class Small:
    """Person 1 is a student, and lands in course 1 alone; person 2 is none, or has left. Then 1 leaves course 1."""

    schema: str
    people: str
    """Makes course 1, such as are no courses, and people."""
    leaves: str
    asked: tuple[str, ...] = ()
    """What must be asked about; nothing: it is understood."""
    settings: dict[str, str] = field(default_factory=dict)
    table: str = "enrollments (user_id, course_id)"


JWT = "create schema auth; create function auth.jwt() returns jsonb language sql stable as 'select null::jsonb';"

SCHOOLS = {
    "Spanish: a small number for the state": Small(
        """create table usuarios (id integer primary key, rol text check (rol in ('alumno', 'profesor')), baja boolean);
        create table cursos (id integer primary key, titulo text, publicado_en timestamptz);
        create table inscripciones (usuario_id integer references usuarios, curso_id integer references cursos,
            estado smallint not null default 1, primary key (usuario_id, curso_id));""",
        """insert into cursos values (0, 'a', null), (1, 'b', now());
        insert into usuarios values (1, 'alumno', null), (2, 'alumno', true)""",
        "update inscripciones set estado = 2",
        ("inscripciones.estado may be any smallint", "LISTENER_ACTIVE_VALUES"),
        {"active_values": "1"},
        "inscripciones (usuario_id, curso_id)",
    ),
    "Portuguese: a flag computed from a time of another name": Small(
        """create table usuarios (id integer primary key, papel text check (papel in ('aluno', 'professor')));
        create table cursos (id integer primary key, titulo text, data_encerramento date);
        create table matriculas (aluno_id integer references usuarios, curso_id integer references cursos,
            jubilacao timestamptz, em_dia boolean generated always as (jubilacao is null) stored,
            primary key (aluno_id, curso_id));""",
        """insert into cursos values (0, 'a', '2001-01-01'), (1, 'b', null);
        insert into usuarios values (1, 'aluno'), (2, 'professor')""",
        "update matriculas set jubilacao = now()",
        ("matriculas.em_dia", "LISTENER_ACTIVE_PREDICATE"),
        {"active_predicate": "em_dia"},
        "matriculas (aluno_id, curso_id)",
    ),
    "Portuguese: letters for flags": Small(
        """create table usuarios (id integer primary key, perfil text check (perfil in ('aluno', 'professor')),
            ativo char(1) not null default 'S');
        create table cursos (id integer primary key, titulo text, arquivado char(1) not null default 'N');
        create table matriculas (aluno_id integer references usuarios, curso_id integer references cursos,
            data_cancelamento date, primary key (aluno_id, curso_id));""",
        """insert into cursos values (0, 'a', 'S'), (1, 'b', 'N');
        insert into usuarios values (1, 'aluno', 'S'), (2, 'aluno', 'N')""",
        "update matriculas set data_cancelamento = current_date",
        ("usuarios.ativo", "cursos.arquivado", "LISTENER_PERSON_PREDICATE", "LISTENER_PUBLISH_PREDICATE"),
        {"person_predicate": "ativo = 'S'", "publish_predicate": "arquivado = 'N'"},
        "matriculas (aluno_id, curso_id)",
    ),
    "French: roles in a list": Small(
        """create table profils (id integer primary key, roles text[] not null default '{etudiant}');
        create table cours (id integer primary key, titre text);
        create table inscriptions (profil_id integer references profils, cours_id integer references cours,
            desinscrit_le timestamptz, primary key (profil_id, cours_id));""",
        "insert into cours values (1, 'a'); insert into profils values (1, '{etudiant}'), (2, '{enseignant}')",
        "update inscriptions set desinscrit_le = now()",
        ("profils.roles is text[]", "LISTENER_STUDENT_PREDICATE"),
        {"student_predicate": "'etudiant' = any (roles)"},
        "inscriptions (profil_id, cours_id)",
    ),
    "French: words for a state that are not known": Small(
        """create table utilisateurs (id integer primary key, role text check (role in ('etudiant', 'enseignant')));
        create table formations (id integer primary key, titre text,
            statut text check (statut in ('brouillon', 'publiee', 'archivee')));
        create table inscriptions (utilisateur_id integer references utilisateurs,
            formation_id integer references formations, statut text not null default 'en_attente'
            check (statut in ('en_attente', 'validee', 'annulee')), primary key (utilisateur_id, formation_id));""",
        """insert into formations values (0, 'a', 'brouillon'), (1, 'b', 'publiee');
        insert into utilisateurs values (1, 'etudiant'), (2, 'enseignant')""",
        "update inscriptions set statut = 'annulee'",
        ("inscriptions.statut has no such value, only en_attente, validee, annulee", "LISTENER_ACTIVE_VALUES"),
        {"active_values": "validee,en_attente"},
        "inscriptions (utilisateur_id, formation_id)",
    ),
    "German: roles in the session's token": Small(
        JWT
        + """create table auth.users (id integer primary key, raw_app_meta_data jsonb);
        create table profile (id integer primary key references auth.users, ausgetreten_am date);
        create table kurse (id integer primary key, titel text, entwurf boolean);
        create table einschreibungen (profil_id integer references profile, kurs_id integer references kurse,
            abgemeldet_am timestamptz, primary key (profil_id, kurs_id));
        alter table kurse enable row level security;
        create policy lehrer on kurse using ((auth.jwt() -> 'app_metadata' ->> 'rolle') = 'lehrer');""",
        """insert into kurse values (0, 'a', true), (1, 'b', false);
        insert into auth.users values (1, '{"rolle": "schuler"}'), (2, '{"rolle": "lehrer"}');
        insert into profile values (1, null), (2, null)""",
        "update einschreibungen set abgemeldet_am = now()",
        ("the policy lehrer reads rolle from the session's token", "LISTENER_STUDENT_TABLE"),
        {
            "student_table": "auth.users",
            "student_key": "id",
            "student_predicate": "raw_app_meta_data ->> 'rolle' = 'schuler'",
        },
        "einschreibungen (profil_id, kurs_id)",
    ),
    "German: of a tenant, by an enum": Small(
        """create type zustand as enum ('aktiv', 'pausiert', 'beendet');
        create table mandanten (id integer primary key); insert into mandanten values (1), (2);
        create table teilnehmer (id integer primary key, mandant_id integer not null references mandanten,
            gesperrt boolean);
        create table kurse (id integer primary key, titel text, mandant_id integer not null references mandanten);
        create table anmeldungen (teilnehmer_id integer references teilnehmer, kurs_id integer references kurse,
            zustand zustand not null default 'aktiv', mandant_id integer not null references mandanten,
            primary key (teilnehmer_id, kurs_id));""",
        """insert into kurse values (0, 'a', 2), (1, 'b', 1);
        insert into teilnehmer values (1, 1, null), (2, 1, true)""",
        "update anmeldungen set zustand = 'beendet' where mandant_id = 1",
        table="anmeldungen (teilnehmer_id, kurs_id)",
    ),
    "Italian: a view in front": Small(
        """create table utenti (id integer primary key, ruolo text check (ruolo in ('studente', 'docente')),
            sospeso boolean);
        create table corsi (id integer primary key, titolo text, archiviato boolean, pubblicato boolean);
        create table iscrizioni (utente_id integer references utenti, corso_id integer references corsi,
            annullata_il timestamptz, primary key (utente_id, corso_id));
        create view corsi_aperti as select * from corsi where pubblicato;
        create view iscrizioni_attive as select * from iscrizioni where annullata_il is null;""",
        """insert into corsi values (-1, 'a', true, true), (0, 'a', false, false), (1, 'b', false, true);
        insert into utenti values (1, 'studente', false), (2, 'studente', true)""",
        "update iscrizioni set annullata_il = now()",
        table="iscrizioni (utente_id, corso_id)",
    ),
    "Dutch": Small(
        """create table gebruikers (id integer primary key, rol text check (rol in ('leerling', 'docent')),
            verwijderd_op timestamptz);
        create table cursussen (id integer primary key, titel text, gearchiveerd boolean, gepubliceerd boolean);
        create table inschrijvingen (gebruiker_id integer references gebruikers,
            cursus_id integer references cursussen, status text not null default 'actief'
            check (status in ('actief', 'gestopt')), primary key (gebruiker_id, cursus_id));""",
        """insert into cursussen values (0, 'a', true, true), (1, 'b', null, true);
        insert into gebruikers values (1, 'leerling', null), (2, 'leerling', now())""",
        "update inschrijvingen set status = 'gestopt'",
        table="inschrijvingen (gebruiker_id, cursus_id)",
    ),
    "keys of tenant and number": Small(
        """create table tenants (id integer primary key); insert into tenants values (1), (2);
        create table users (tenant_id integer not null references tenants, id integer primary key,
            role text check (role in ('student', 'teacher')), unique (tenant_id, id));
        create table courses (tenant_id integer not null references tenants, id integer primary key, title text,
            unique (tenant_id, id));
        create table enrollments (tenant_id integer not null, user_id integer not null, course_id integer not null,
            foreign key (tenant_id, user_id) references users (tenant_id, id),
            foreign key (tenant_id, course_id) references courses (tenant_id, id),
            primary key (tenant_id, user_id, course_id));""",
        "insert into courses values (2, 0, 'a'), (1, 1, 'b'); insert into users values (1, 1, 'student'), (2, 2, null)",
        "delete from enrollments where tenant_id = 1",
    ),
    "roles in a membership": Small(
        """create table orgs (id integer primary key); insert into orgs values (1), (2);
        create table users (id integer primary key);
        create table org_members (user_id integer references users, org_id integer references orgs,
            role text check (role in ('owner', 'student', 'instructor')), left_at timestamptz);
        create table courses (id integer primary key, title text, org_id integer references orgs);"""
        f"create table enrollments ({KEYS});",
        """insert into courses values (0, 'a', 2), (1, 'b', 1); insert into users values (1), (2);
        insert into org_members values (1, 1, 'student', null), (1, 2, 'instructor', null), (2, 1, 'student', now())""",
        "delete from enrollments",
        ("public.org_members.role may", "LISTENER_STUDENT_TABLE=public.org_members"),
        {"student_table": "public.org_members"},
    ),
    "roles in a list of a membership": Small(
        """create table orgs (id integer primary key); insert into orgs values (1), (2);
        create table users (id integer primary key);
        create table memberships (user_id integer references users, org_id integer references orgs,
            roles text[] not null default '{student}');
        create table courses (id integer primary key, title text, org_id integer references orgs);"""
        f"create table enrollments ({KEYS});",
        """insert into courses values (0, 'a', 2), (1, 'b', 1); insert into users values (1), (2);
        insert into memberships values (1, 1, '{student}'), (1, 2, '{owner}'), (2, 1, '{teacher}')""",
        "delete from enrollments",
        ("public.memberships.roles may", "LISTENER_STUDENT_TABLE=public.memberships"),
        {"student_table": "public.memberships", "student_predicate": "'student' = any (roles)"},
    ),
    "German: how long it holds": Small(
        """create type rolle as enum ('schueler', 'lehrer');
        create table benutzer (id integer primary key, rolle rolle not null, geloescht boolean not null default false);
        create table kurse (id integer primary key, titel text, sichtbar boolean not null default false);
        create table einschreibungen (benutzer_id integer references benutzer, kurs_id integer references kurse,
            gueltig daterange not null default daterange(current_date, null), primary key (benutzer_id, kurs_id));""",
        """insert into kurse values (0, 'a', false), (1, 'b', true);
        insert into benutzer values (1, 'schueler', false), (2, 'schueler', true), (3, 'lehrer', false)""",
        "update einschreibungen set gueltig = daterange('2001-01-01', '2002-01-01')",
        ("einschreibungen.gueltig (daterange: no value yet)", "LISTENER_ACTIVE_PREDICATE"),
        {"active_predicate": "gueltig @> current_date"},
        "einschreibungen (benutzer_id, kurs_id)",
    ),
    "softly deleted by an enum": Small(
        "create type row_state as enum ('live', 'trashed');"
        + USERS
        + COURSES
        + f"create table enrollments (row_state row_state not null default 'live', {KEYS});",
        "insert into courses values (1, 'a'); insert into users values (1, 'student'), (2, 'teacher')",
        "update enrollments set row_state = 'trashed'",
        ("enrollments.row_state has no such value, only live, trashed",),
        {"active_values": "live"},
    ),
    "a unique index among those that count": Small(
        USERS
        + COURSES
        + """create table enrollments (id integer primary key generated always as identity,
            user_id integer references users, course_id integer references courses, fin timestamptz);
        create unique index on enrollments (user_id, course_id) where fin is null;""",
        "insert into courses values (1, 'a'); insert into users values (1, 'student'), (2, 'teacher')",
        "update enrollments set fin = now()",
    ),
    "policies that hide": Small(
        USERS
        + "create table courses (id integer primary key, title text, secret boolean not null default false);"
        + f"create table enrollments (cut boolean, {KEYS});"
        + """alter table courses enable row level security; alter table enrollments enable row level security;
        create policy open_courses on courses for select using (not secret);
        create policy living on enrollments for select using (cut is not true);""",
        """insert into courses values (0, 'a', true), (1, 'b', false);
        insert into users values (1, 'student'), (2, 'teacher')""",
        "update enrollments set cut = true",
        ("enrollments.cut", "compared in the policy living", "courses.secret", "compared in the policy open_courses"),
        {"active_predicate": "cut is not true", "publish_predicate": "not secret"},
    ),
    "a comment says it": Small(
        USERS
        + COURSES
        + f"create table enrollments (x boolean not null default false, {KEYS});"
        + "comment on column enrollments.x is 'True once the student (or a parent) left, early or not.'",
        "insert into courses values (1, 'a'); insert into users values (1, 'student'), (2, 'teacher')",
        "update enrollments set x = true",
        ("enrollments.x (boolean: false) may say it",),
        {"active_predicate": "not x"},
    ),
    "a small number for the role": Small(
        "create table users (id integer primary key, user_type smallint not null default 1);"
        + COURSES
        + f"create table enrollments (paused_at timestamptz, {KEYS});",
        "insert into courses values (1, 'a'); insert into users values (1, 1), (2, 2)",
        "update enrollments set paused_at = now()",
        ("users.user_type is smallint", "LISTENER_STUDENT_PREDICATE", "enrollments.paused_at"),
        {"student_predicate": "user_type = 1", "active_predicate": "paused_at is null"},
    ),
    "small numbers for flags": Small(
        "create table users (id integer primary key, role text default 'student', is_deleted smallint default 0);"
        "create table courses (id integer primary key, title text, archived integer not null default 0);"
        f"create table enrollments (deleted smallint not null default 0, {KEYS});",
        """insert into courses values (0, 'a', 1), (1, 'b', 0);
        insert into users (id, is_deleted) values (1, 0), (2, 1)""",
        "update enrollments set deleted = 1",
        ("users.is_deleted", "courses.archived", "enrollments.deleted"),
        {
            "person_predicate": "is_deleted = 0",
            "publish_predicate": "archived = 0",
            "active_predicate": "deleted = 0",
        },
    ),
    "a role in JSON": Small(
        """create table users (id integer primary key, metadata jsonb not null default '{"role": "student"}');"""
        + COURSES
        + f"create table enrollments ({KEYS});",
        """insert into courses values (1, 'a'); insert into users values (1, default), (2, '{"role": "teacher"}')""",
        "delete from enrollments",
        ("users.metadata has role, like student", "metadata ->> 'role' = 'student'"),
        {"student_predicate": "metadata ->> 'role' = 'student'"},
    ),
    "published at a time, and kinds of courses": Small(
        USERS
        + """create table courses (id integer primary key, title text, published_at timestamptz,
            visibility text default 'public' check (visibility in ('public', 'hidden')),
            course_type text default 'standard' check (course_type in ('standard', 'template')));"""
        + f"create table enrollments ({KEYS});",
        """insert into courses values (-2, 'a', null), (-1, 'a', now() + interval '1 day'), (1, 'b', now());
        insert into courses values (0, 'a', now(), 'hidden', 'standard'), (2, 'c', now(), 'public', 'template');
        insert into users values (1, 'student'), (2, 'teacher')""",
        "delete from enrollments",
        ("courses.visibility", "courses.course_type", 'LISTENER_PUBLISH_PREDICATE="published_at <= now()"'),
        {"publish_predicate": "published_at <= now() and visibility = 'public' and course_type = 'standard'"},
    ),
    "an approval by a flag": Small(
        USERS
        + COURSES
        + f"create table enrollments (is_approved boolean not null default false, approved_at timestamptz, {KEYS});",
        "insert into courses values (1, 'a'); insert into users values (1, 'student'), (2, 'teacher')",
        "update enrollments set is_approved = false",
        (
            "enrollments.is_approved",
            "enrollments.approved_at",
            'LISTENER_ENROLLMENT_VALUES="is_approved=true" if a new row is to be so',
        ),
        {"active_predicate": "is_approved", "enrollment_values": "is_approved=true"},
    ),
    "Portuguese: states in a table of their own": Small(
        """create table situacoes (id integer primary key, nome text);
        insert into situacoes values (1, 'ativa'), (2, 'cancelada');
        create table tipos_curso (id integer primary key, nome text);
        insert into tipos_curso values (1, 'curso'), (2, 'modelo');
        create table usuarios (id integer primary key, papel text check (papel in ('aluno', 'professor')));
        create table cursos (id integer primary key, titulo text, tipo_id integer not null references tipos_curso);
        create table matriculas (aluno_id integer references usuarios, curso_id integer references cursos,
            situacao_id integer not null default 1 references situacoes, primary key (aluno_id, curso_id));""",
        """insert into cursos values (0, 'a', 2), (1, 'b', 1);
        insert into usuarios values (1, 'aluno'), (2, 'professor')""",
        "update matriculas set situacao_id = 2",
        ("matriculas.situacao_id", "cursos.tipo_id", "LISTENER_PUBLISH_PREDICATE"),
        {"active_predicate": "situacao_id = 1", "publish_predicate": "tipo_id = 1"},
        "matriculas (aluno_id, curso_id)",
    ),
    "functions and policies of other tables compare": Small(
        USERS
        + "create table courses (id integer primary key, title text, rank_of text not null default 'a');"
        + f"create table enrollments (flow text not null default 'in', {KEYS});"
        + """create table lessons (id integer, course_id integer references courses);
        create policy reading on lessons for select using (
            exists (select from enrollments as e where e.course_id = lessons.course_id and e.flow = 'in'));
        create function catalogue() returns setof integer language sql stable as
            $$ select c.id from public.courses as c join lessons on course_id = c.id where c.rank_of = 'a' $$;""",
        """insert into courses values (0, 'a', 'b'), (1, 'b', 'a');
        insert into users values (1, 'student'), (2, 'teacher')""",
        "update enrollments set flow = 'out'",
        (
            "enrollments.flow (text: in), compared in the policy of public.lessons reading,",
            "courses.rank_of (text: a), compared in the function catalogue,",
        ),
        {"active_predicate": "flow = 'in'", "publish_predicate": "rank_of = 'a'"},
    ),
    "flags and times beside a status": Small(
        """create table users (id integer primary key, role text check (role in ('student', 'teacher')));
        create table courses (id integer primary key, status text check (status in ('draft', 'published')),
            is_active boolean not null default true, enrollment_opens_at timestamptz, published_at timestamptz);"""
        """create table enrollments (status text not null default 'active' check (status in ('active', 'over')),
            is_active boolean not null default true, """ + KEYS + ");",
        """insert into courses values (-2, 'published', false), (-1, 'draft', true), (1, 'published', true);
        insert into courses values (0, 'published', true, now() + interval '1 day');
        insert into courses values (2, 'published', true, null, now() + interval '1 day');
        insert into users values (1, 'student'), (2, 'teacher')""",
        "update enrollments set is_active = false",
    ),
    "French: students and teachers in tables of their own": Small(
        """create table utilisateurs (id integer primary key, nom text);
        create table etudiants (id integer primary key references utilisateurs);
        create table enseignants (id integer primary key references utilisateurs);
        create table cours (id integer primary key, titre text, visibilite boolean not null default true);
        create table inscriptions (utilisateur_id integer references utilisateurs, cours_id integer references cours,
            primary key (utilisateur_id, cours_id));""",
        """insert into cours values (0, 'a', false), (1, 'b', true);
        insert into utilisateurs values (1, 'a'), (2, 'b');
        insert into etudiants values (1); insert into enseignants values (2)""",
        "delete from inscriptions",
        ("public.etudiants has rows of some", "LISTENER_STUDENT_TABLE=public.etudiants", "cours.visibilite"),
        {"student_table": "public.etudiants", "publish_predicate": "visibilite"},
        "inscriptions (utilisateur_id, cours_id)",
    ),
    "a role in JSON that no row shows yet": Small(
        "create table users (id integer primary key, app_metadata jsonb);"
        + COURSES
        + f"create table enrollments ({KEYS});",
        """insert into courses values (1, 'a');
        insert into users values (1, '{"role": "student"}'), (2, '{"role": "teacher"}')""",
        "delete from enrollments",
        ("nothing says so, and public.users.app_metadata (jsonb: no value yet) may",),
        {"student_predicate": "app_metadata ->> 'role' = 'student'"},
    ),
}


@pytest.mark.parametrize("name", SCHOOLS)
@pytest.mark.quarter
async def test_it_is_understood_or_asked_about_and_right_then(empty_database: Connection, name: str) -> None:
    school = SCHOOLS[name]
    await empty_database.execute(school.schema)
    if school.asked:
        with pytest.raises(ListenerError) as error:
            await look(empty_database)
        for each in school.asked:
            assert each in str(error.value)
    await install.install(empty_database, await install.plan(empty_database, school.settings))
    await empty_database.execute(school.people)
    await worked_off(empty_database)
    table, columns = school.table.split(" ", 1)
    landed = await empty_database.fetch(f"select {columns.strip('()')} from {table}")
    assert [tuple(each) for each in landed] == [(1, 1)]
    assert await empty_database.fetchval(COUNTS) == 1
    await empty_database.execute(school.leaves)
    await worked_off(empty_database)
    assert not await empty_database.fetchval(COUNTS)

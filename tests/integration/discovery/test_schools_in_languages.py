"""Small schools in several languages say who counts in a way of their own."""

import pytest

from listener.database.connection import Connection
from tests.integration.discovery.small_school import Small, is_right

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
}


@pytest.mark.parametrize("name", SCHOOLS)
@pytest.mark.quarter
async def test_they_are_understood_or_asked_about_and_right_then(empty_database: Connection, name: str) -> None:
    await is_right(empty_database, SCHOOLS[name])

"""Words for the parts of an LMS, in the languages that we have met."""

import re

from listener.discovery.wording import snake


def some(text: str) -> frozenset[str]:
    return frozenset(text.split())


PEOPLE = some(
    "profile user student member account person people learner customer perfil perfi usuario aluno estudante "
    "estudiante alumno utilisateur profil eleve etudiant apprenant benutzer nutzer schuler schueler teilnehmer utente "
    "utenti studente studenti alunno alunni corsista corsisti gebruiker deelnemer leerling leerlingen studenten "
    "cursist cursisten"
)
COURSES = some("course curso kurs kurse cours cour corso corsi cursus cursu cursussen formation formacion training")
ENROLLMENTS = some(
    "enrollment enrolment enrolled enroll enrol matricula inscription inscripcion inscricao inscricoe inscripcione "
    "registration einschreibung einschreibungen anmeldung anmeldungen iscrizione iscrizioni inschrijving "
    "inschrijvingen aanmelding aanmeldingen"
)
_COMPOUND = re.compile(r"custom(?=.)|({0})s?(?=({0})s?$)".format("|".join(sorted(PEOPLE | COURSES | ENROLLMENTS))))


def apart(name: str) -> str:
    """A name in its words, if it is two that are written as one (`userprofile`), and without a first `custom`."""
    return _COMPOUND.sub(lambda found: f"{found[1]}_" if found[1] else "", name) if "_" not in name else name


BEFORE_ENROLLING = some(
    "purchase order subscription application sale transaction checkout compra venda pedido assinatura solicitacao "
    "solicitud candidatura suscripcion achat commande abonnement candidature kauf bestellung abo bewerbung"
)
"""Payments and requests before an enrollment."""
MEMBERSHIPS = some(
    "member membership application subscription participant participation student user access purchase learner "
    "teilnahme participacion participacao partecipazione deelname"
)
ASIDE = some(
    "log history audit archive archived backup bak old legacy deleted progress lesson module review rating payment "
    "chapter request waitlist waiting invite invitation certificate event queue favorite wishlist instructor teacher "
    "comment message view prerequisite duplication analytic submission note temp tmp staging draft role session "
    "notification stat quiz bundle"
)
SOMEONE_ELSE = some(
    "by creator created inviter invited approver approved granter granted instructor teacher referrer referred owner "
    "author admin coach mentor number no code parent"
)

TENANTS = some("tenant workspace")
OF_ALL = TENANTS | some(
    "org organization organisation school company institution account client agency branch academy district escola "
    "escuela colegio empresa organizacao organizacion instituicao institucion inquilino ecole etablissement entreprise "
    "organisme schule mandant mandanten organisationseinheit firma scuola scuole azienda aziende organisatie "
    "instelling institute"
)
"""Owners of rows where several share a database: no person enrolls in an owner."""
MAYBE_TENANTS = some(
    "campu campi campuse sede site customer franchise partner unidade unidad standort standorte filiale "
    "filial succursale subdomain domain realm network hub chapter"
)
"""Words of columns that may say the school, where people and courses both have one."""
KEY_WORDS = some("id key uuid ref fk code no number slug")
FOR_NOW = some("current default active last primary selected atual actual actuel aktuell")
"""Words of a column for the school that a person of several looks at now."""
BELONGING = (
    PEOPLE
    | OF_ALL
    | ENROLLMENTS
    | some(
        "member membership participant access role staff membro miembro membre mitglied mitgliedschaft "
        "mitgliedschaften membresia adhesion adesao afiliacion"
    )
)
"""Names of membership tables are made of these words."""

ROLE_COLUMNS = (
    "role", "user_role", "user_type", "account_type", "profile_type", "type", "rol", "papel", "tipo_usuario", "tipo",
    "perfil", "rolle", "ruolo", "role_type", "role_name", "app_role", "member_type", "person_type", "tipo_perfil",
    "tipo_rol", "tipo_papel", "type_utilisateur", "type_compte", "benutzerrolle", "nutzerrolle",
)  # fmt: skip
ROLES_IN_A_COURSE = (
    "role", "enrollment_role", "enrolment_role", "member_role", "course_role", "rol", "papel", "rolle", "ruolo",
    "member_type", "participant_type", "participant_role", "enrollment_type", "enrolment_type", "type", "tipo",
)  # fmt: skip
"""Columns of an enrollment."""
ROLE_REFERENCES = (
    "role", "roles", "user_role", "user_roles", "role_id", "user_role_id", "user_type_id", "role_ids", "rol", "rol_id",
    "papel_id", "perfil_id", "tipo_usuario_id", "rolle_id", "ruolo_id",
)  # fmt: skip
"""Columns for a role, maybe not in words."""
NAMES = ("name", "slug", "code", "key", "role", "title", "label", "nome", "nombre", "nom", "bezeichnung", "chave")
"""Columns of a table of roles with the role's name."""
MODEL_TYPES = ("model_type", "roleable_type", "subject_type", "entity_type")
MODEL_KEYS = ("model_id", "roleable_id", "subject_id", "entity_id", "model_uuid")
"""Columns for the type and the key of a role's holder, where not only people hold roles."""
STUDENT_FLAGS = ("is_student", "student", "is_learner")
STUDENTS = (
    "student", "learner", "aluno", "estudante", "estudiante", "alumno", "etudiant", "eleve", "apprenant", "schuler",
    "schueler", "teilnehmer", "studente", "alunno", "corsista", "leerling", "cursist", "deelnemer", "user",
)  # fmt: skip
NOT = some("no non not former ex alumni kein nao sem sin pas staff admin teacher parent")
STUDENTS_ALONE = STUDENTS[: STUDENTS.index("user")]
"""Without the word that may mean any account."""
STATUS_COLUMNS = (
    "status", "enrollment_status", "enrolment_status", "state", "access_status", "estado", "situacao", "situacion",
    "statut", "stato", "is_active", "active", "ativo", "ativa", "activo", "activa", "attivo", "attiva",
    "actief", "zustand", "etat", "estatus", "workflow_state", "aasm_state", "enrollment_state", "enrolment_state",
    "vigente", "actif", "aktiv", "payment_status",
)  # fmt: skip
STATUS_WORDS = ("status", "state", "estado", "estatus", "situacao", "situacion", "statut", "stato", "zustand", "etat")
"""Last words of a name that tells a status."""
PROGRESS_WORDS = some(
    "lifecycle statu statuse state estado estatu situacao situacion statut stato zustand etat stage phase fase etapa "
    "standing"
)
SORTS = some("type kind sort class tipo typ art categoria genero")
"""Words of keys of a table that names sorts of rows."""
ROLE_WORDS = some(
    "kind level permission privilege persona nivel permiso permissao droit berechtigung dtype discriminator subtype"
)
"""Words of columns that may tell roles, where nothing else does."""
ROLE_DOCUMENTS = some("metadata meta claim attribute")
"""The same of columns in JSON."""
HARMLESS = some(
    "joined join granted grant assigned added invited accepted since started began inserted "
    "modified registered primary main default last first owner favorite"
)
"""Words of times and flags of a role, of a membership, or of an enrollment, that do not end it."""
GATES = some(
    "approved approval accepted confirmed activated admitted granted aprovado aprobado confirmado aceito aceptado "
    "approuve confirme accepte bestatigt freigegeben genehmigt approvato confermato goedgekeurd bevestigd"
)
"""Words of flags and times that say that a row counts from now on."""
BYGONE = some("previou old last prior from before original anterior")
"""Words of columns for an earlier state."""
ACTIVE = (
    "active", "enrolled", "ativo", "ativa", "activo", "activa", "actif", "aktiv", "attivo", "attiva", "actief",
    "inscrito", "matriculado", "approved", "accepted", "confirmed", "granted", "paid",
)  # fmt: skip
UNDER_WAY = (
    "in_progress", "inprogress", "started", "ongoing", "studying", "learning", "em_andamento", "em_curso", "cursando",
    "en_curso", "en_progreso", "en_cours", "commence", "laufend", "begonnen", "in_bearbeitung", "in_corso",
)  # fmt: skip
"""Values of an active enrollment, once the student has begun."""
SETTLED = ("completed", "succeeded")
UNSETTLED = ("failed", "refunded", "declined", "chargeback")
"""A status with any of these values is a payment's, and SETTLED means paid. Of students, SETTLED means the end of the
course."""
PAID = ("completed", "paid", "succeeded", "success", "approved", "active", "free")
PUBLISH_STATUS = (
    "status",
    "publish_status",
    "publication_status",
    "state",
    "estado",
    "situacao",
    "statut",
    "stato",
    "zustand",
    "etat",
    "estatus",
    "workflow_state",
    "aasm_state",
)
PUBLISHED = (
    "published", "publicado", "publicada", "publie", "publiee", "veroffentlicht", "pubblicato", "gepubliceerd",
    "approved", "active", "live", "open", "ativo", "activo", "en_ligne", "online", "available",
)  # fmt: skip
PUBLISH_FLAGS = (
    "is_published", "published", "publicado", "publicada", "is_active", "active", "ativo", "activo", "is_approved",
    "actif", "aktiv", "ativa", "activa", "approved", "is_visible", "visible", "is_public",
    "sichtbar", "visivel", "veroffentlicht",
    "publie",
    "pubblicato", "gepubliceerd",
)  # fmt: skip
PUBLISH_TIMES = (
    "published_at", "published_on", "publish_at", "publish_date", "publication_date", "publicado_em", "publicado_en",
    "publicada_en", "data_publicacao", "fecha_publicacion", "publie_le", "publiee_le", "date_publication",
    "veroffentlicht_am", "pubblicato_il", "data_pubblicazione", "gepubliceerd_op",
)  # fmt: skip
"""Times from which a course is published."""
PRICES = (
    "price", "price_cents", "price_minor", "price_amount", "preco", "preco_centavos", "precio", "precio_centavos",
    "prix", "prix_centimes", "preis", "prezzo", "cost", "amount",
)  # fmt: skip
DEFAULT_FLAGS = ("is_default", "default", "default_course", "is_default_course", "isdefault")
AMOUNTS = (
    *PRICES,
    "amount_cents",
    "amount_paid",
    "total",
    "total_cents",
    "total_amount",
    "price_paid",
    "valor",
    "importe",
)
DATES = ("created_at", "createdat", "created", "criado_em", "creado_en", "inserted_at", "published_at")
GONE = (
    "deleted_at", "deleted_on", "removed_at", "removed_on", "archived_at", "archived_on", "revoked_at",
    "excluido_em", "removido_em", "arquivado_em", "eliminado_en", "borrado_en", "archivado_en", "supprime_le",
    "archive_le", "geloscht_am", "archiviert_am", "excluida_em", "removida_em", "eliminada_en", "borrada_en",
    "supprimee_le", "archivee_le", "eliminato_il", "cancellato_il", "archiviato_il", "verwijderd_op",
    "gearchiveerd_op", "discarded_at", "trashed_at", "gone_at",
)  # fmt: skip
"""Times at which a row of any table stopped to count."""
DROPPED = (
    "dropped_at", "dropped_on", "withdrawn_at", "withdrawn_on", "unenrolled_at", "left_at", "left_on", "cancelled_at",
    "canceled_at", "ended_at",
    "ended_on", "cancelado_em", "cancelado_en", "desistiu_em", "abandonado_en", "annule_le", "abandonne_le",
    "abgebrochen_am", "storniert_am", "trancada_em", "trancado_em", "cancelada_em", "data_cancelamento",
    "data_desistencia", "fecha_baja", "baja_en", "retirado_en", "retirada_en", "desinscrit_le", "date_desinscription",
    "annulee_le", "abgemeldet_am", "ausgetreten_am", "austritt_am", "annullato_il", "annullata_il", "ritirato_il",
    "data_ritiro", "uitgeschreven_op", "afgemeld_op", "geannuleerd_op", "gestopt_op", "unenrolled_on",
    "withdrawal_date", "fecha_retiro", "data_saida", "date_sortie", "austrittsdatum",
)  # fmt: skip
"""The same of an enrollment."""
RETIRED = (
    "retired_at", "discontinued_at", "closed_at", "unpublished_at", "encerrado_em", "cerrado_en", "ferme_le",
    "completed_at", "finished_at", "concluded_at",
)  # fmt: skip
"""The same of a course."""
SHUT_OUT = (
    "suspended_at", "banned_at", "blocked_at", "deactivated_at", "disabled_at", "withdrawn_at", "transferred_at",
    "anonymized_at", "anonymised_at", "left_at", "left_on", "suspenso_em", "bloqueado_em", "desativado_em",
    "suspendido_en", "bloqueado_en", "desactive_le", "gesperrt_am", "fecha_baja", "baja_en", "data_desligamento",
    "desligado_em", "suspendu_le", "ausgetreten_am", "austritt_am", "abgemeldet_am", "sospeso_il", "bloccato_il",
    "uitgeschreven_op", "geblokkeerd_op", "geschorst_op",
)  # fmt: skip
"""The same of a person."""
GONE_FLAGS = (
    "is_deleted", "deleted", "is_removed", "removed", "is_archived", "archived", "is_revoked", "revoked", "excluido",
    "removido", "arquivado", "eliminado", "borrado", "archivado", "supprime", "archive", "geloscht", "archiviert",
    "excluida", "eliminada", "borrada", "supprimee", "archivee", "eliminato", "cancellato", "archiviato", "verwijderd",
    "gearchiveerd", "soft_deleted", "is_soft_deleted", "is_trashed", "trashed", "del_flag", "delete_flag", "is_del",
)  # fmt: skip
DROPPED_FLAGS = (
    "is_dropped", "dropped", "is_withdrawn", "withdrawn", "is_cancelled", "cancelled", "is_canceled", "canceled",
    "cancelado", "cancelada", "annule", "storniert", "trancado", "trancada", "baja", "de_baja", "retirado", "retirada",
    "annulee", "abgemeldet", "abgebrochen", "annullato", "annullata", "ritirato", "uitgeschreven", "geannuleerd",
)  # fmt: skip
NO_COURSES = (
    "is_template", "template", "is_blueprint", "blueprint", "is_draft", "draft", "is_hidden", "hidden", "is_test",
    "is_demo", "is_closed", "closed", "is_retired", "retired", "is_modelo", "modelo", "es_plantilla", "plantilla",
    "rascunho", "borrador", "brouillon", "modele", "entwurf", "vorlage", "oculto", "bozza", "modello", "nascosto",
    "concept", "sjabloon", "verborgen",
)  # fmt: skip
"""Flags of rows that are no courses to be in."""
NOT_THESE = (
    "is_suspended", "suspended", "is_banned", "banned", "is_blocked", "blocked", "is_disabled", "disabled",
    "is_deactivated", "deactivated", "is_anonymous", "anonymous", "is_withdrawn", "withdrawn", "is_transferred",
    "transferred", "is_test", "is_bot", "suspenso", "suspensa", "bloqueado", "bloqueada", "desativado", "suspendido",
    "desactive", "gesperrt", "baja", "de_baja", "dado_de_baja", "suspendu", "sospeso", "bloccato", "geblokkeerd",
    "geschorst",
)  # fmt: skip
STANDINGS = (
    "status", "account_status", "user_status", "member_status", "membership_status", "profile_status",
    "person_status", "student_status", "state", "estado", "situacao", "situacion", "statut", "stato", "zustand",
    "etat", "estatus", "account_state", "estado_conta", "estado_cuenta", "statut_compte", "kontostatus",
)  # fmt: skip
"""Columns for how a person, or a person's role, stands."""
PRESENT = (
    *ACTIVE,
    "current", "enabled", "verified", "valid", "ok", "good", "normal", "joined", "member", "registered", "onboarded",
    "habilitado", "vigente", "valide", "gultig", "angemeldet", "regular", "atual", "actual",
)  # fmt: skip
"""Values of people who do count."""
ABSENT = (
    "inactive", "suspended", "banned", "blocked", "deleted", "removed", "disabled", "deactivated", "archived",
    "withdrawn", "transferred", "revoked", "expired", "left", "anonymous", "anonymized", "anonymised", "rejected",
    "declined", "cancelled", "canceled", "dropped", "unenrolled", "terminated", "closed", "expelled", "locked",
    "deceased", "former", "invited", "pending", "waitlisted",
    "inativo", "inativa", "inactivo", "inactiva", "inactif", "inaktiv", "inattivo", "suspenso", "suspensa",
    "suspendido", "suspendida", "suspendu", "gesperrt", "sospeso", "bloqueado", "bloqueada", "bloque", "excluido",
    "excluida", "eliminado", "eliminada", "supprime", "geloscht", "arquivado", "arquivada", "archivado", "archivada",
    "archive", "archiviert", "transferido", "transferida", "transfere", "desistente", "evadido", "abandono", "retirado",
    "retirada", "abandonne", "abgemeldet", "cancelado", "cancelada", "annule", "storniert", "trancado", "trancada",
    "annulee", "sospesa", "ritirato", "ritirata", "annullato", "annullata", "beendet", "abgebrochen", "gestopt",
    "uitgeschreven", "geannuleerd", "verwijderd", "trashed",
    "abandoned", "abandonado", "abandonada", "quit", "exited", "gone", "void", "voided", "frozen", "congelado",
    "desertor", "churned", "lapsed",
    "expulso", "expulsado", "exclu", "pendente", "pendiente", "en_attente", "ausgetreten", "convidado",
    "invitado",
)  # fmt: skip
"""Values of those that do not."""
STATES = frozenset(ABSENT) | some("left dropped quit retirada cursa vigente abandona quitte verlassen lasciato gestopt")
"""Words of a comment that tells a state."""
EXPIRY = (
    "expires_at", "expires_on", "expiry_date", "expiration_date", "expires", "expiry", "valid_until", "valid_to",
    "active_until", "enrolled_until", "access_until", "access_expires_at", "expira_em", "expira_en", "valido_ate",
    "valido_hasta", "valide_jusqu_au", "expire_le", "gultig_bis", "ablauf_am", "lauft_ab_am",
)  # fmt: skip
"""Times from which a row does not count, which may be to come."""
SHUT_OUT_UNTIL = (
    "banned_until",
    "suspended_until",
    "blocked_until",
    "suspenso_ate",
    "suspendido_hasta",
    "gesperrt_bis",
)
"""Times until which a person does not count."""
ENDS = (
    *EXPIRY, "ends_on", "ends_at", "end_date", "end_at", "ends", "end_time", "enddate", "closes_at", "closes_on",
    "close_date", "available_until", "enrollment_ends_at", "enrollment_ends_on", "enrollment_end",
    "enrollment_end_date", "enrollment_deadline", "registration_deadline", "registration_ends_at", "data_fim",
    "data_termino", "termina_em", "fecha_fin", "termina_en", "date_fin", "fin_le", "enddatum", "endet_am",
    "data_fine", "data_encerramento", "fecha_cierre", "date_fermeture", "einddatum", "eindigt_op", "end", "closes",
    "finishes_at", "finish_date", "enroll_by", "available_to", "visible_until", "unpublish_at", "retire_on",
    "archive_at", "sunset_at", "enrollment_close", "enrollment_close_at", "enrollment_close_date",
    "enrollment_closes", "enrollment_closes_at", "registration_close", "registration_close_date",
    "registration_closes", "registration_closes_at", "registration_end", "registration_end_date", "fecha_limite",
    "data_limite", "date_limite", "date_limite_inscription", "fin_inscripciones", "fim_inscricoes", "inscricoes_ate",
    "anmeldung_bis", "anmeldeschluss", "fine_iscrizioni",
)  # fmt: skip
"""The same of a course."""
OPENS = (
    *PUBLISH_TIMES, "release_at", "released_at", "release_date", "available_from", "available_at", "visible_from",
    "opens_at", "opens_on", "open_date", "enrollment_open", "enrollment_opens", "enrollment_open_at",
    "enrollment_opens_at", "enrollment_open_date", "enrollment_start", "enrollment_start_at", "enrollment_starts_at",
    "enrollment_starts_on", "enrollment_start_date", "registration_open", "registration_opens",
    "registration_opens_at", "registration_start", "registration_start_date", "registration_starts_at", "launch_date",
    "launch_at", "go_live_at", "inicio_inscripciones", "inicio_inscricoes", "inscricoes_de", "anmeldung_ab",
    "ouverture_inscriptions", "inizio_iscrizioni",
)  # fmt: skip
"""Times from which students may join a course."""
ONLY_THESE = (
    "is_active", "active", "ativo", "ativa", "activo", "activa", "actif", "aktiv", "attivo", "attiva", "actief",
    "is_enabled", "enabled", "can_login", "login_allowed",
)  # fmt: skip
APPROVALS = ("approval_status",)
APPROVED = ("approved", "active", "accepted")

FLAGS = (
    *GONE, *DROPPED, *SHUT_OUT, *GONE_FLAGS, *DROPPED_FLAGS, *NO_COURSES, *NOT_THESE, *ONLY_THESE, *PUBLISH_FLAGS,
)  # fmt: skip
"""Flags and times that may be numbers or letters: 0 and 1, S and N."""
NO_COURSE_VALUES = some(
    "approval archived blueprint borrador bozza brouillon cerrado closed deleted demo draft entwurf fechado ferme "
    "geschlossen hidden instructor intern internal invitation invite manual master modele modello modelo oculta "
    "oculto pending plantilla privada privado privat private privato prive privee rascunho rejected restricted "
    "retired sample sandbox staff suspended teacher template test trashed unlisted verborgen vorlage"
)
"""Words of values of rows that are no courses to be in."""

OPEN_FLAGS = (
    "is_open", "open", "enrollment_open", "enrollments_open", "open_for_enrollment", "accepting_enrollments",
    "registration_open", "is_enrollable", "enrollable", "allows_enrollment", "aberto", "aberta", "abierto",
    "matriculas_abertas", "inscricoes_abertas", "inscripciones_abiertas", "inscriptions_ouvertes", "anmeldung_offen",
    "is_available", "available", "is_enabled", "enabled", "is_listed", "listed", "disponivel", "disponible",
    "verfugbar", "self_enroll", "self_enrollment", "allow_self_enrollment", "allow_self_enroll", "open_enrollment",
    "accepts_students", "accepts_enrollments",
)  # fmt: skip
"""Flags of courses that people may join."""
UNCLEAR = some(
    "abgelaufen admin alumni alumnus anulado attente audit auditing auditor ausente austritt blacklisted bot dead "
    "deletion denied depart departure desligado desligamento discarded dismissed docente dropout dummy duplicate "
    "egresado egreso egresso employee ended enseignant espera exit expirado expire faculty failed fake formado frozen "
    "gast gekundigt graduated guardian guest hidden hold instructor leave leaving lehrer merged observer "
    "oculto ouvinte oyente parent pausada pausado paused pausiert preview profesor professor provisional "
    "provisoire provisorio quarantined refunded removal replaced reserve reserved restricted retiro robot saida "
    "salida sandbox sortie spam staff storniert superseded teacher temporary trash trial tutor vencido verstorben "
    "visitante visitor waiting waitlist warteliste withdrawal"
)
"""Words of values, of keys in JSON, and of comments, that may say that a row does not count, or not any more."""
REPLACED = some(
    "superseded replaced transferred deleted removed archived cancelled canceled withdrawn dropped revoked merged "
    "disabled banned suspended blocked deactivated baja exclusion cancel cancellation drop withdrawal ban suspension "
    "removal cancelamento cancelacion annulation"
)
"""Words of columns that refer to a row's successor, or to the person or the reason that ended the row."""
WAITING = some("waitlist waitlisted waiting espera warteliste attente queue flag flags bit bits bitmask mask")
"""Words of numbers that may say that a row does not count yet."""
ADMISSION = some(
    "approval review moderation access audience join registration admission enrollment enrolment inscription "
    "inscripcion inscricao matricula anmeldung privacy visibility publication"
)
"""Words of columns that may say who gets into a course."""
VISIBILITY = some("visibility visible visibilidad visibilidade visibilite sichtbarkeit sichtbar visibilita hidden")
ROLE_FLAGS = some(
    "staff admin superuser teacher instructor tutor faculty facilitator moderator employee parent guardian service "
    "system professor docente profesor enseignant lehrer"
)
NO_STATES = some(
    "email mail phone sms push notification newsletter marketing consent term onboarding onboarded verified "
    "verification confirmed password token mfa factor reminder sent completed complete completion finished passed "
    "certificate certified favorite pinned seen read viewed sync synced import imported export premium featured free "
    "popular new recommended mandatory required show_all allow display auto default comment rating review payment "
    "paid billing invoice stripe cookie gdpr avatar photo bio subscription progress learning grading grade marital "
    "employment immigration health vaccination relationship online presence kyc background moderation job can want "
    "login session hand api graded processed notified accessed opened started reviewed approved published enrolled "
    "created updated changed issued indexed last first next previous visited visit activity logged signed signup birth "
    "birthday birthdate dob nascimento nacimiento naissance geburt geburtsdatum geburtstag nascita geboortedatum "
    "criado creado cree erstellt creato aangemaakt atualizado actualizado geandert aktualisiert aggiornato alterado "
    "modificado modifie modified inserted cadastro registro"
)
"""Words of columns about something else."""
OF_PEOPLE = some(
    "public private profile dark theme two totp subscribed opted agreed tos policy minor pro vip beta tour tutorial "
    "welcome typing muted remote receive receives wants show has joined joining hire hired start started snoozed boost "
    "streak challenge age adult legal scholarship invited"
)
OF_ENROLLMENTS = HARMLESS | ENROLLMENTS | some("due deadline booking booked attended attendance scholarship discount")
OF_COURSES = some(
    "start starts starting begin begins began inicio debut beginn startdatum inizio startdato trending bestseller "
    "quiz exam discussion forum download downloadable lifetime drip sequential linear vat tax offline mobile "
    "accredited accreditation has show subtitle caption translated paced refundable scorm video content lesson module "
    "project assignment homework attendance badge point gamification leaderboard ai chat schedule scheduled recorded "
    "material exercise notes transcript price discount sale locale language duration"
)
"""The same of one table, unless another word speaks against it."""

COUNT_COLUMN = re.compile(
    r"(?:total|num|number_of|active|current|qtd|total_de)?_?"
    r"(?:enrol?l?ments?|enrol?led(?:_?students)?|students?(?:_enrolled)?|learners?|members?|matriculas|alunos|inscritos"
    r"|inscripciones|estudiantes)"
    r"_?(?:count|total|number)?"
)


def present(known: tuple[str, ...]) -> tuple[str, ...]:
    """Values of people who do count."""
    return tuple(value for value in known if snake(value) in PRESENT)


def under_way(known: tuple[str, ...]) -> tuple[str, ...]:
    """Values of enrollments that are active, and begun."""
    return tuple(value for value in known if snake(value) in UNDER_WAY)


def absent(known: tuple[str, ...]) -> tuple[str, ...]:
    """Values of people who do not count."""
    return tuple(value for value in known if snake(value) in ABSENT)

"""What people call the parts of an LMS, in the languages that we have met."""

import re
import unicodedata
from difflib import SequenceMatcher


def some(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


NEUTRAL = frozenset({"app", "lms", "tbl", "table", "public", "the", "all", "data", "info"})

PEOPLE = some(
    "profile user student member account person people learner customer perfil perfi usuario aluno estudante "
    "estudiante alumno utilisateur profil eleve etudiant benutzer nutzer schuler teilnehmer utente"
)
COURSES = some("course curso kurs kurse cours cour corso formation formacion training")
ENROLLMENTS = some(
    "enrollment enrolment enrolled enroll enrol matricula inscription inscripcion inscricao inscricoe inscripcione "
    "registration einschreibung anmeldung iscrizione"
)
MEMBERSHIPS = some("member membership application subscription participant student user access purchase learner")
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

OF_ALL = some("tenant org organization organisation school company workspace institution account client agency branch")
"""Whose rows these are, where several share a database: nobody enrolls in those."""

ROLE_COLUMNS = (
    "role", "user_role", "user_type", "account_type", "profile_type", "type", "rol", "papel", "tipo_usuario", "tipo",
    "perfil", "rolle", "ruolo",
)  # fmt: skip
ROLE_REFERENCES = ("role", "roles", "user_role", "user_roles", "role_id", "user_role_id", "user_type_id", "role_ids")
"""Columns that say who is what, though maybe not in words."""
STUDENT_FLAGS = ("is_student", "student", "is_learner")
STUDENTS = (
    "student", "learner", "aluno", "estudante", "estudiante", "alumno", "etudiant", "eleve", "schuler", "studente",
    "user",
)  # fmt: skip
STATUS_COLUMNS = (
    "status", "enrollment_status", "enrolment_status", "state", "access_status", "estado", "situacao", "situacion",
    "statut", "stato", "is_active", "active", "ativo", "ativa", "activo", "activa", "payment_status",
)  # fmt: skip
ACTIVE = (
    "active", "enrolled", "ativo", "ativa", "activo", "activa", "actif", "active", "aktiv", "attivo", "inscrito",
    "matriculado", "approved", "accepted", "confirmed", "granted", "paid",
)  # fmt: skip
SETTLED = ("completed", "succeeded")
UNSETTLED = ("failed", "refunded", "declined", "chargeback")
"""Where a status can be one of these, it is a payment's, and SETTLED says that it was made. Elsewhere SETTLED is said
of students who have come to the end of the course."""
PAID = ("completed", "paid", "succeeded", "success", "approved", "active", "free")
PUBLISH_STATUS = ("status", "publish_status", "publication_status", "state", "estado", "situacao", "statut")
PUBLISHED = (
    "published", "publicado", "publicada", "publie", "veroffentlicht", "pubblicato", "approved", "active", "live",
    "open", "ativo", "activo",
)  # fmt: skip
PUBLISH_FLAGS = (
    "is_published", "published", "publicado", "publicada", "is_active", "active", "ativo", "activo", "is_approved",
    "approved", "is_visible", "is_public", "veroffentlicht", "publie",
)  # fmt: skip
PRICES = (
    "price", "price_cents", "price_minor", "price_amount", "preco", "preco_centavos", "precio", "precio_centavos",
    "prix", "prix_centimes", "preis", "prezzo", "cost", "amount",
)  # fmt: skip
DATES = ("created_at", "createdat", "created", "criado_em", "creado_en", "inserted_at", "published_at")
GONE = ("deleted_at", "removed_at", "excluido_em", "deletedat")
NOT_THESE = ("is_suspended", "suspended", "is_banned", "banned", "is_blocked", "is_deleted", "deleted")
ONLY_THESE = ("is_active", "active", "ativo", "activo")
APPROVALS = ("approval_status",)
APPROVED = ("approved", "active", "accepted")

COUNT_COLUMN = re.compile(
    r"(?:total|num|number_of|active|current|qtd|total_de)?_?"
    r"(?:enrol?l?ments?|enrol?led(?:_?students)?|students?(?:_enrolled)?|learners?|members?|matriculas|alunos|inscritos"
    r"|inscripciones|estudiantes)"
    r"_?(?:count|total|number)?"
)


def fold(text: str) -> str:
    """`text` in lower case, without accents."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold().strip()


def snake(name: str) -> str:
    """A column's name as `snake_case`, whichever way it is written."""
    return fold(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).replace("-", "_").replace(" ", "_")


def words(name: str) -> list[str]:
    """The words of a name, in the singular."""
    parts = [part for part in re.split(r"[_\d]+", snake(name)) if part]
    return [part[:-1] if len(part) > 3 and part.endswith("s") and not part.endswith("ss") else part for part in parts]


def all_among(name: str, vocabulary: frozenset[str]) -> bool:
    """Whether a name says one of these words, and nothing else."""
    said = [word for word in words(name) if word not in NEUTRAL]
    return bool(said) and all(word in vocabulary for word in said)


def says(name: str, vocabulary: frozenset[str]) -> bool:
    """Whether a name says one of these words, among others."""
    return any(word in vocabulary for word in words(name))


def rank(name: str, names: tuple[str, ...]) -> int | None:
    """The place of a column's name in a list of names, best first."""
    plain = snake(name)
    bare = [each.replace("_", "") for each in names]
    return bare.index(plain.replace("_", "")) if plain.replace("_", "") in bare else None


def alike(value: str, wanted: tuple[str, ...]) -> bool:
    """Whether a value is one of these with a slip of the pen. (What ends with one of them may well be its contrary:
    `inactive`.)"""
    plain = fold(value)
    return any(not plain.endswith(word) and SequenceMatcher(None, plain, word).ratio() >= 0.8 for word in wanted)

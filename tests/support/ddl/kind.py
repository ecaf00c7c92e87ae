"""What a kind of DDL is, and what becomes of sign-ups after it."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["served", "told", "either", "refused", "replaced"]
"""What becomes of sign-ups once the listener has looked: they are enrolled as before; or it says what is missing, and
which setting would help; or either, as the new types may be; or the LMS itself refuses them; or another table is
watched, with nothing in it."""


@dataclass(frozen=True)
class Kind:
    """Some DDL. Where all of it is refused, with the listener and without, nothing has changed."""

    name: str
    statements: tuple[str, ...]
    outcome: Outcome = "served"
    role: str = "lms_owner"

"""Several schools in one database: which column says the school of a person, and of a course."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.mapping.mapping import Table


@dataclass(frozen=True)
class Tenant:
    """Students land in a course of their own school. Columns are catalogue names."""

    table: Table
    """Its rows say which school a person is in: the profiles themselves, the table of roles, or memberships."""
    person: str
    """Its column with the profile's key."""
    column: str
    """Its column with the school's key."""
    course_column: str
    """The column of courses with the school's key."""
    type: str
    """The type of that column."""
    own_type: str
    """The type of `column`: it may be another that compares with it."""
    condition: str = "true"
    """Over a row of `table`: a membership that counts."""
    may_be_none: bool = False
    """Whether people and courses may both be of no school: those people land in such a course."""

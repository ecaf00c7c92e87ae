"""Several schools in a database: which column says the school of a person, and of a course."""

from dataclasses import dataclass

from listener.mapping.tables import Table


@dataclass(frozen=True)
class Tenant:
    """Students land in a course of their own school. Columns are catalogue names."""

    table: Table
    """Rows say which school a person is in: the profiles themselves, the table of roles, or memberships."""
    person: str
    """The column with the profile's key."""
    column: str
    """The column with the school's key."""
    course_column: str
    """The column of courses with the school's key."""
    type: str
    """The type of `course_column`."""
    own_type: str
    """The type of `column`: maybe another type, comparable with `type`."""
    condition: str = "true"
    """Over a row of `table`: a membership that counts."""
    may_be_none: bool = False
    """Whether people and courses may both be of no school: people of no school land in a course of no school."""

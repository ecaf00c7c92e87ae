"""The rule in force as a single query, for people to copy and change."""

from textwrap import dedent, indent

from listener import sql
from listener.mapping import rendering
from listener.mapping.mapping import Mapping

PARTS = ("student_view", "default_course_view", "students_by_school", "course_of_school")


def rule_text(mapping: Mapping) -> str:
    """In the form of LISTENER_WANTED_QUERY."""
    if mapping.wanted_query is not None:
        return mapping.wanted_query
    values = rendering.placeholders(mapping)
    values |= {name: _nested(values[name]) for name in PARTS if name in values}
    return sql.render(sql.read("mapping/rule_text", "one_school" if mapping.tenant is None else "by_school"), values)


def _nested(text: str) -> str:
    """A part, indented as in the whole."""
    first, _, rest = text.partition("\n")
    return first + ("\n" + indent(dedent(rest), "    ") if rest else "")

"""The column that says what a course is called. It is no part of the mapping: nothing depends on it."""

from listener import sql
from listener.sql import literal

COLUMNS = (
    "title", "name", "coursetitle", "coursename", "titulo", "nome", "nombre", "titre", "nom", "titel", "bezeichnung",
    "kursname", "titolo", "label", "displayname", "slug", "code",
)  # fmt: skip
"""Names without `_`, the likeliest first."""


def title_column(table: str) -> str:
    """The query for that column's name. `table` is an expression for the oid of the table of courses."""
    names = literal(f"{{{','.join(COLUMNS)}}}")
    return sql.render(sql.read("mapping/titles", "title_column"), {"titled_table": table, "title_names": names})

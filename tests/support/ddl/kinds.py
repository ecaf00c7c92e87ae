"""All kinds of DDL, for one LMS."""

from listener.sql import identifier
from tests.support.ddl.columns import mapped, of_column
from tests.support.ddl.kind import Kind
from tests.support.ddl.schemas import of_all, of_schemas, of_types
from tests.support.ddl.tables import of_inheritance, of_table
from tests.support.ddl.unrelated import unrelated
from tests.support.lms_statements import PROFILES, Lms


def kinds(lms: Lms) -> list[Kind]:
    """All of them, for this LMS."""
    found: list[Kind] = []
    for part in lms.named:
        table = lms.original(part)
        for column in mapped(lms, part):
            found += of_column(lms, part, table, column)
        found += of_table(lms, part, table)
        watched = part != PROFILES or lms.mapping.role_table is None
        found += unrelated(part, table, watched=watched, taken_over=bool(lms.mapping.taken_over))
        found += of_inheritance(part, table)
    found += of_types(lms)
    found += of_schemas(lms)
    found += of_all(lms)
    return found


def followable(lms: Lms) -> list[Kind]:
    """DDL that can be run one after the other, each on what the one before has made, by the names it makes."""
    found = []
    for part in lms.named:
        table = lms.original(part)
        renamed = f"{identifier(table.schema)}.{identifier(table.name + ' of now')}"
        for column in mapped(lms, part):
            rename = (
                f"alter table {table.quoted} rename column {column.quoted} to {identifier(column.name + ' of now')}"
            )
            found.append(Kind(f"{part}: rename column {column.name}", (rename,)))
        found.append(
            Kind(
                f"{part}: rename the table and move it",
                (
                    f"alter table {table.quoted} rename to {identifier(table.name + ' of now')}",
                    "create schema if not exists moved",
                    f"alter table {renamed} set schema moved",
                ),
            )
        )
    return found

"""Problems that keep an adapter from working."""

import re

from listener import sql
from listener.catalogue.expressions import undone
from listener.database.connection import Connection
from listener.database.rows import only_row
from listener.texts import one_line

MEND = "run `listener install`"

OF_ANOTHER_OWNER = re.compile(r".* belongs to (?P<owner>.*) now, not to (?P<before>.*)")
"""The installed functions run with the earlier owner's rights, so no installation is handed over."""


OF_ANOTHER_KIND = re.compile(r"(column .* is of type .* now, not .*|.* is another kind of table now)")
"""The name stays: `listener install` finds it without a setting."""

OF_A_ROLE = re.compile(r"(row-level security hides rows of (?P<table>.*)) from .*, whose functions read it")
OF_A_RULE = re.compile(r"(?P<rule>rule .* on [^:]*): .*")


async def look(connection: Connection) -> tuple[list[dict[str, str]], bool]:
    """The problems, and whether the look was complete. Statements that write are tried, too, on no row, and rolled
    back."""
    async with undone(connection):
        row = await only_row(connection, sql.read("catalogue/installation", "problems"))
    return row["problems"], row["complete"]


def describe(problem: dict[str, str]) -> str:
    """In a line, with the way out."""
    return f"{problem['problem']}: {mend(problem)}"


def mend(problem: dict[str, str]) -> str:
    """The way out."""
    moved = OF_ANOTHER_OWNER.fullmatch(problem["problem"])
    if moved is not None:
        return (
            f"run `listener uninstall` as {moved['before']} or as a superuser, then `listener install` as"
            f" {moved['owner']} with the same settings"
        )
    rewrites = OF_A_RULE.fullmatch(problem["problem"])
    if rewrites is not None:
        return f"`drop {rewrites['rule']}`, and let a trigger do what the rule did"
    hidden = OF_A_ROLE.fullmatch(problem["problem"])
    if hidden is not None:
        return f"`alter table {hidden['table']} no force row level security`"
    if not problem["setting"] or OF_ANOTHER_KIND.fullmatch(problem["problem"]):
        return MEND
    return f"{MEND} with {problem['setting']} set to what is there now"


async def of_owners(connection: Connection) -> str | None:
    """The first problem with an owner, with the way out, in an installation that may be read."""
    text = await connection.fetchval(sql.read("catalogue/installation", "owners_now"))
    return None if text is None else describe({"problem": text, "setting": ""})


OF_THE_CATALOGUE = re.compile(
    r"(table .* is gone|column .* is gone|.* is another kind of table now|column .* is of type .* now, not .*"
    r"|.* has no value .* any more|trigger .* is missing or disabled)"
)
"""Problems that only name tables, columns, values or triggers."""


def describe_to_anybody(problem: dict[str, str]) -> str:
    """The same for all readers of the port: no role, and no message of the server's, which may quote a row."""
    text = problem["problem"]
    hidden = OF_A_ROLE.fullmatch(text)
    if hidden is not None:
        text = hidden[1]
    elif not OF_THE_CATALOGUE.fullmatch(text):
        text = "what is mapped cannot be read, `listener status` says why"
    return describe(problem | {"problem": one_line(text)})

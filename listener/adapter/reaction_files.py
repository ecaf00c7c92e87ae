"""A folder of reactions of one's own: `NAME.sql` each, read, and checked by what Postgres makes of them.

What is checked is the plan of the statement, made as the role that shall run it. What a function or a trigger does that
the statement calls or sets off, no plan says: it has the rights of that role, or of its owner.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from listener import sql
from listener.adapter.mapping import Mapping, Table
from listener.connection import Connection, few_rows, reason
from listener.errors import MayNot, WrongReaction
from listener.feed.consumer import FEED, statement
from listener.feed.registry import BUILT_IN
from listener.sql import identifier

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
BEGINS = re.compile(rf"(\s|--.*\n)*{re.escape(FEED)}")

PAGE = "docs/how-to/reactions.md"
SEARCHED = "set local search_path = pg_catalog, pg_temp"
"""As in the daemon's session."""

RETURNED = {"changes": "int8", "notes_left": "bool"}
"""What the daemon must be told of a batch, and of which type."""

ENDING = "let its last lines be: select batch_summary.* from batch_summary where batch_summary.changes > 0"

OURS = ("installation", "adapter", "binding", "bound_in", "reaction", "purged", "pause")
"""Tables of schema `listener` that no reaction writes."""


@dataclass(frozen=True)
class ReactionFile:
    """One file of the folder."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """The reaction's."""
        return self.path.stem

    @property
    def hash(self) -> str:
        """Of its text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def refused(self, problem: str) -> WrongReaction:
        """The error that says so."""
        return WrongReaction(file=self.path, problem=problem)


@dataclass(frozen=True)
class Written:
    """A table that a statement writes, and by which right."""

    table: Table
    rights: frozenset[str]


def read(folder: Path) -> list[ReactionFile]:
    """The reactions in a folder, by name. Raises WrongReaction for what can be told without a database."""
    if not folder.is_dir():
        raise WrongReaction(file=folder, problem="there is no such folder: name the one that holds NAME.sql")
    return [_read(path) for path in sorted(folder.iterdir()) if path.suffix == ".sql" and not path.is_dir()]


def _read(path: Path) -> ReactionFile:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise WrongReaction(file=path, problem=f"it cannot be read ({error.strerror}): mend that") from error
    except UnicodeDecodeError as error:
        raise WrongReaction(file=path, problem="it is not written in UTF-8: save it so") from error
    found = ReactionFile(path, text.rstrip() + "\n")
    if not NAME.fullmatch(found.name):
        raise found.refused(
            f"{found.name!r} is no name for a reaction: rename the file, to 1 to 41 of a-z, 0-9 and _, a letter first"
        )
    if found.name in BUILT_IN:
        raise found.refused(f"{found.name} is built in: give the file another name")
    if "\0" in text:
        raise found.refused("it holds a NUL character, which SQL cannot: take it out")
    if not BEGINS.match(text):
        raise found.refused(f"it does not begin with {FEED}: begin it as {PAGE} shows")
    if text.count(FEED) > 1:
        raise found.refused(f"{FEED} is in it more than once: only its beginning is the feed")
    return found


async def check(connection: Connection, files: list[ReactionFile], mapping: Mapping) -> None:
    """Have Postgres prepare each of them under the rights that the daemon will have, and look at what it would write.
    Nothing is run. Raises WrongReaction, or MayNot where this role cannot take the daemon's place."""
    installer = await connection.fetchval("select current_user::text")
    for role in mapping.runtime_roles or (installer,):
        for file in files:
            transaction = connection.transaction(isolation="read_committed")
            await transaction.start()
            try:
                await _become(connection, role, installer)
                await _check(connection, file, role, mapping)
            finally:
                await transaction.rollback()


async def _become(connection: Connection, role: str, installer: str) -> None:
    await connection.execute(f"{few_rows('local')}\n{SEARCHED}")
    try:
        await connection.execute(f"set local role {identifier(role)}")
    except asyncpg.InsufficientPrivilegeError as error:
        raise MayNot(
            role=installer,
            action=f"check reactions as {role}, who shall run them",
            mend=f"grant {role} to {installer}, then install",
        ) from error


async def _check(connection: Connection, file: ReactionFile, role: str, mapping: Mapping) -> None:
    whole = statement(file.text)
    try:
        prepared = await connection.prepare(whole)
        arguments = prepared.get_parameters()
        if len(arguments) > 2:
            raise file.refused("it takes more than $1, its name, and $2, the size of a batch: there is no more to take")
        returned = {each.name: each.type.name for each in prepared.get_attributes()}
        if any(returned.get(name) != kind for name, kind in RETURNED.items()):
            raise file.refused(f"it does not say what was handled: {ENDING}")
        plans = json.loads(await connection.fetchval(f"explain (verbose, format json) {whole}", file.name, 100))
    except asyncpg.PostgresError as error:
        raise file.refused(_refusal(file, error, role)) from error
    await connection.execute("reset role")
    checkpoints = 0
    for each in _written(plans):
        if each.table.schema == "listener":
            checkpoints += each.table.name == "checkpoint"
            if each.table.name in OURS or checkpoints > 1:
                raise file.refused(f"it writes {each.table.label}, which is the listener's: leave that out")
            continue
        row = await connection.fetchrow(
            sql.read("adapter/catalogue/granted"), each.table.schema, each.table.name, role, sorted(each.rights)
        )
        if row is None or not (row["granted"] or (row["owner"] == role and each.table not in mapping.tables)):
            raise file.refused(_not_granted(each, role, is_owner=row is not None and row["owner"] == role))


def _not_granted(written: Written, role: str, *, is_owner: bool) -> str:
    rights, label = ", ".join(sorted(written.rights)), written.table.label
    if is_owner:
        return (
            f"it writes {label}, a table of the LMS's, which {role} may as its owner only: let a role of its own run "
            f"the daemon (listener install --grant-to), and grant {rights} on {label} to that"
        )
    return f"it writes {label}, which nobody has granted to {role}: grant {rights} on {label} to {role}"


def _refusal(file: ReactionFile, error: asyncpg.PostgresError, role: str) -> str:
    """What Postgres says, where, and what to do."""
    text = reason(error)
    if "multiple commands" in text:
        return "it is more than one statement: make it one, and leave what is done once to a migration of yours"
    mend = "mend that"
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        mend = f"grant that to {role}, who runs it"
    elif isinstance(error, asyncpg.UndefinedTableError | asyncpg.UndefinedFunctionError):
        mend = "make it first, and name its schema, too: nothing but pg_catalog is searched"
    return f"Postgres refuses it{_place(file, getattr(error, 'position', None))}: {text}; {mend}"


def _place(file: ReactionFile, position: str | None) -> str:
    """In which line of the file that is; nothing if it is none of its own."""
    if position is None:
        return ""
    begins = file.text.index(FEED)
    grown = len(statement(file.text)) - len(file.text)
    at = int(position) - 1 - grown
    return "" if at <= begins else f" in line {file.text[:at].count(chr(10)) + 1}"


def _written(plan: Any) -> Iterator[Written]:
    """All that a plan, as EXPLAIN writes it in JSON, would write."""
    if isinstance(plan, list):
        for each in plan:
            yield from _written(each)
    elif isinstance(plan, dict):
        if plan.get("Node Type") == "ModifyTable":
            operation = plan["Operation"].lower()
            rights = {"insert", "update", "delete"} if operation == "merge" else {operation}
            if plan.get("Conflict Resolution") == "UPDATE":
                rights.add("update")
            for target in (plan, *plan.get("Target Tables", ())):
                if "Relation Name" in target:
                    table = Table(target["Schema"], target["Relation Name"])
                    yield Written(table, frozenset(rights))
        for each in plan.values():
            yield from _written(each)

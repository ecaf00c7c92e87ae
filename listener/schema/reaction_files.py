"""A folder of a person's own reactions, each in a file `NAME.sql`: read, and checked by Postgres's plan.

The plan is made as the role that will run the reaction. A plan does not show the work of called functions and triggers,
which have the rights of that role, or of their owner.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg

from listener import sql
from listener.database.connection import Connection, few_rows
from listener.database.fence import Fence
from listener.database.session import look_as
from listener.errors import MayNot, WrongReaction
from listener.feed.consumer import FEED, statement
from listener.feed.registry import BUILT_IN
from listener.mapping.mapping import Mapping, Table
from listener.reasons import reason
from listener.sql import identifier

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
BEGINS = re.compile(rf"(\s|--.*\n)*{re.escape(FEED)}")

PAGE = "docs/how-to/reactions.md"
SEARCHED = "set local search_path = pg_catalog, pg_temp"
"""As in the daemon's session."""

RETURNED = {"changes": "int8", "notes_left": "bool"}
"""Columns that the daemon needs of a batch, with types."""

ENDING = "let its last lines be: select batch_summary.* from batch_summary where batch_summary.changes > 0"

CHECKPOINT = "next_checkpoint"
"""The part of the feed's statement that writes the checkpoint, if that part is read."""

OURS = ("installation", "adapter", "binding", "bound_in", "reaction", "purged", "pause", "checkpoint", "ahead")
"""Tables of schema `listener` that no reaction may write."""


@dataclass(frozen=True)
class ReactionFile:
    path: Path
    text: str

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def refused(self, problem: str) -> WrongReaction:
        return WrongReaction(file=self.path, problem=problem)


@dataclass(frozen=True)
class Written:
    """A table that a statement writes, and the rights for that."""

    table: Table
    rights: frozenset[str]


def read(folder: Path) -> list[ReactionFile]:
    """The reactions in a folder, by name. Raises WrongReaction for mistakes that need no database."""
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


async def check(
    connection: Connection, files: list[ReactionFile], mapping: Mapping, fence: Fence | None = None
) -> None:
    """Have Postgres prepare each reaction with the daemon's later rights, and look at the writes. Nothing is run. With
    `fence`, which gives this role the owner's rights, the check acts as the roles that run reactions. Raises
    WrongReaction, or MayNot where this role cannot take the daemon's place."""
    installer = await connection.fetchval("select current_user::text")
    for role in mapping.runtime_roles or (installer,):
        if fence is not None:
            await _ask_as(connection, replace(fence, role=role), installer)
        for file in files:
            transaction = connection.transaction(isolation="read_committed")
            await transaction.start()
            try:
                await _become(connection, role, installer)
                await _check(connection, file, role, mapping)
            finally:
                await transaction.rollback()
    if fence is not None:
        await look_as(connection, fence)


async def _ask_as(connection: Connection, fence: Fence, installer: str) -> None:
    try:
        await look_as(connection, fence)
    except asyncpg.InsufficientPrivilegeError as error:
        await connection.execute("rollback")
        raise _may_not(fence.role, installer) from error


def _may_not(role: str, installer: str) -> MayNot:
    return MayNot(
        role=installer,
        action=f"check reactions as {role}, which is to run them",
        mend=f"grant {role} to {installer}, then install",
    )


async def _become(connection: Connection, role: str, installer: str) -> None:
    await connection.execute(f"{few_rows('local')}\n{SEARCHED}")
    try:
        await connection.execute(f"set local role {identifier(role)}")
    except asyncpg.InsufficientPrivilegeError as error:
        raise _may_not(role, installer) from error


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
        plans = await connection.fetchval(f"explain (verbose, format json) {whole}", file.name, 100)
        if CHECKPOINT not in _run(plans[0]["Plan"]):
            raise file.refused(f"it reads neither batch nor batch_summary: {ENDING}")
    except asyncpg.PostgresError as error:
        raise file.refused(_refusal(file, error, role)) from error
    await connection.execute("reset role")
    for each in _written(plans):
        if each.table.schema == "listener":
            if each.table.name in OURS:
                raise file.refused(f"it writes {each.table.label}, which is the listener's: leave that out")
            continue
        row = await connection.fetchrow(
            sql.read("catalogue/rights", "granted"),
            each.table.schema,
            each.table.name,
            role,
            sorted(each.rights),
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
    """Postgres's message, the place, and the way out."""
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
    """The line of the file; empty if the error is elsewhere."""
    if position is None:
        return ""
    begins = file.text.index(FEED)
    grown = len(statement(file.text)) - len(file.text)
    at = int(position) - 1 - grown
    return "" if at <= begins else f" in line {file.text[:at].count(chr(10)) + 1}"


def _run(plan: dict[str, Any]) -> set[str]:
    """Names of the parts (`with NAME as …`) that are read as a statement runs. A plan also has parts that are not."""
    parts: dict[str, dict[str, Any]] = {}
    read: set[str] = set()

    def find(node: dict[str, Any]) -> None:
        for child in node.get("Plans", ()):
            if (name := _part(child)) is not None:
                parts[name] = child
            find(child)

    def run(node: dict[str, Any]) -> None:
        name = node.get("CTE Name")
        if name is not None and name not in read:
            read.add(name)
            run(parts.get(name, {}))
        for child in node.get("Plans", ()):
            # A part that writes runs in any case.
            if _part(child) is None or child["Node Type"] == "ModifyTable":
                run(child)

    find(plan)
    run(plan)
    return read


def _part(node: dict[str, Any]) -> str | None:
    """The name of the part whose plan `node` is."""
    kind, _, name = node.get("Subplan Name", "").partition(" ")
    return name if kind == "CTE" else None


def _written(plan: Any) -> Iterator[Written]:
    """All writes in a plan, from EXPLAIN's JSON."""
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

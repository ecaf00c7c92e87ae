"""Installs, upgrades and removes a person's own reactions: rows of `listener.reaction`, run by the daemon."""

from dataclasses import dataclass

from listener import sql
from listener.catalogue.ownership import Owner
from listener.database.connection import Connection
from listener.schema import reaction_files
from listener.schema.install import Plan, execute_patiently
from listener.schema.reaction_files import ReactionFile
from listener.sql import literal


@dataclass(frozen=True)
class Changes:
    new: tuple[str, ...]
    upgraded: tuple[str, ...]
    gone: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.new or self.upgraded or self.gone)

    def lines(self) -> list[str]:
        return [
            *(f"installed reaction {name}: it begins with what is noted from now on" for name in self.new),
            *(f"upgraded reaction {name}: it goes on where it was" for name in self.upgraded),
            *(
                f"removed reaction {name}, whose file is gone: so is its checkpoint, and no note is kept for it"
                for name in self.gone
            ),
        ] or ["reactions: nothing to do"]

    def plan(self) -> list[str]:
        return [
            *(f"would install reaction {name}" for name in self.new),
            *(f"would upgrade reaction {name}" for name in self.upgraded),
            *(f"would remove reaction {name}, and its checkpoint" for name in self.gone),
        ]


async def compare(connection: Connection, files: list[ReactionFile]) -> Changes:
    """The difference between `files` and the installed reactions."""
    installed: dict[str, str] = {}
    if await connection.fetchval(sql.read("catalogue/installation", "reactions_there")):
        rows = await connection.fetch(sql.read("catalogue/installation", "reactions"))
        installed = {row["name"]: row["hash"] for row in rows}
    wanted = {file.name: file.hash for file in files}
    return Changes(
        new=tuple(name for name in wanted if name not in installed),
        upgraded=tuple(name for name, value in wanted.items() if installed.get(name, value) != value),
        gone=tuple(name for name in installed if name not in wanted),
    )


async def check(connection: Connection, files: list[ReactionFile], planned: Plan) -> None:
    """Check early, if nothing else is to be installed: before rights are granted, Postgres cannot plan. Raises
    WrongReaction, MayNot."""
    if planned.is_done:
        await reaction_files.check(connection, files, planned.mapping, planned.owner.fence)


async def install(connection: Connection, files: list[ReactionFile], planned: Plan) -> Changes:
    """Install the reactions of `files`, all or none, and remove the rest. Raises WrongReaction, MayNot, Busy."""
    await reaction_files.check(connection, files, planned.mapping, planned.owner.fence)
    changes = await compare(connection, files)
    if changes:
        await execute_patiently(connection, script(files, planned.owner))
    return changes


def script(files: list[ReactionFile], owner: Owner) -> str:
    rows = (
        f",\n        ({literal(file.name)}, {sql.quoted(file.text, 'reaction')}, {literal(file.hash)})"
        for file in files
    )
    values = {"names": ", ".join(literal(file.name) for file in files), "reactions": "".join(rows)}
    body = sql.render(sql.read("schema/script/own_reactions", "reactions"), values)
    body = body if owner.fence is None else owner.fence.around(body)
    return "\n\n".join([sql.read("schema/script/own_reactions", "begin"), body, "commit;"]) + "\n"

"""Installs, upgrades and removes reactions of one's own: rows of `listener.reaction`, which the daemon runs."""

from dataclasses import dataclass

from listener import sql
from listener.adapter import reaction_files
from listener.adapter.install import Plan, execute_patiently
from listener.adapter.mapping import Mapping
from listener.adapter.reaction_files import ReactionFile
from listener.connection import Connection
from listener.feed.registry import BUILT_IN
from listener.locks import CHANNEL, LOOK
from listener.patience import LOCK_MILLISECONDS
from listener.sql import literal


@dataclass(frozen=True)
class Changes:
    """What a folder is about to change, by the reactions' names."""

    new: tuple[str, ...]
    upgraded: tuple[str, ...]
    gone: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.new or self.upgraded or self.gone)

    def lines(self) -> list[str]:
        """What was done."""
        return [
            *(f"installed reaction {name}: it begins with what is noted from now on" for name in self.new),
            *(f"upgraded reaction {name}: it goes on where it was" for name in self.upgraded),
            *(
                f"removed reaction {name}, whose file is gone: so is its checkpoint, and no note is kept for it"
                for name in self.gone
            ),
        ] or ["reactions: nothing to do"]

    def plan(self) -> list[str]:
        """What would be done."""
        return [
            *(f"would install reaction {name}" for name in self.new),
            *(f"would upgrade reaction {name}" for name in self.upgraded),
            *(f"would remove reaction {name}, and its checkpoint" for name in self.gone),
        ]


async def compare(connection: Connection, files: list[ReactionFile]) -> Changes:
    """What is to be done, so that these are the reactions that are installed."""
    installed: dict[str, str] = {}
    if await connection.fetchval(sql.read("adapter/catalogue/reactions_there")):
        rows = await connection.fetch(sql.read("adapter/catalogue/reactions"))
        installed = {row["name"]: row["hash"] for row in rows}
    wanted = {file.name: file.hash for file in files}
    return Changes(
        new=tuple(name for name in wanted if name not in installed),
        upgraded=tuple(name for name, value in wanted.items() if installed.get(name, value) != value),
        gone=tuple(name for name in installed if name not in wanted),
    )


async def check(connection: Connection, files: list[ReactionFile], planned: Plan) -> None:
    """Check what can be checked before anything is done: without the rights that are still to be granted, there is
    nothing to plan with. Raises WrongReaction, MayNot."""
    if planned.is_done:
        await reaction_files.check(connection, files, planned.mapping)


async def install(connection: Connection, files: list[ReactionFile], mapping: Mapping) -> Changes:
    """Make these the reactions that are installed: all of them, or none. Raises WrongReaction, MayNot, Busy."""
    await reaction_files.check(connection, files, mapping)
    changes = await compare(connection, files)
    if changes:
        await execute_patiently(connection, script(files))
    return changes


def script(files: list[ReactionFile]) -> str:
    """The SQL that does it, whatever was installed before."""
    rows = [
        sql.render(
            sql.read("adapter/install/reaction"),
            {"name": literal(file.name), "text": sql.quoted(file.text, "reaction"), "hash": literal(file.hash)},
        )
        for file in files
    ]
    values = {
        "lock_milliseconds": str(LOCK_MILLISECONDS),
        "names": ", ".join(literal(file.name) for file in files),
        "built_in": ", ".join(map(literal, BUILT_IN)),
        "reactions": "".join(f"{row}\n\n" for row in rows),
        "channel": literal(CHANNEL),
        "look": literal(LOOK),
    }
    return sql.render(sql.read("adapter/install/reactions"), values) + "\n"

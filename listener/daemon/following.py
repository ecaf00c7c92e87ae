"""Follows the LMS's migrations: binds renamed tables and columns again, reports lost names once."""

from dataclasses import dataclass

import asyncpg

from listener import sql
from listener.catalogue.problems import describe, describe_to_anybody, mend
from listener.database.driver_errors import CONNECTION_OVER, INTERRUPTED
from listener.database.rows import Executor
from listener.instruments.instruments import Instruments
from listener.instruments.problems import of_mapping
from listener.logs import Event
from listener.reasons import reason


@dataclass(frozen=True)
class Following:
    """The state of the installation's adapter."""

    executor: Executor
    instruments: Instruments

    @property
    def broken(self) -> bool:
        """Whether a table, column or value is gone that the adapter needs."""
        return self.instruments.state.broken is not None

    async def follow(self) -> bool:
        """Bind renamed things again. True if some were, and everything works now."""
        followed, refused = await self._bind()
        problems, is_complete = await self._problems()
        if problems and not refused:
            again, refused = await self._bind()
            if again:  # renamed between the two
                followed = True
                problems, is_complete = await self._problems()
        problems += refused
        if problems or is_complete:
            self._tell(problems)
        return followed and not self.broken

    async def _bind(self) -> tuple[bool, list[dict[str, str]]]:
        """Whether something was bound again; and why the server refused to, as an event trigger may."""
        try:
            row = await self.executor.fetchrow(sql.read("catalogue/installation", "follow"))
        except (*CONNECTION_OVER, *INTERRUPTED):
            raise
        except asyncpg.PostgresError as error:
            return False, [{"problem": f"what was renamed cannot be followed: {reason(error)}", "setting": ""}]
        followed = row["followed"] if row is not None else []
        if followed:
            changes = [
                f"{each['what']} {each['was']}{': ' if each['what'] == 'passed over' else ' is now '}{each['is_now']}"
                for each in followed
            ]
            self.instruments.log.warning(Event.MAPPING_FOLLOWED, changes=changes)
        return bool(followed), []

    async def _problems(self) -> tuple[list[dict[str, str]], bool]:
        """The adapter's problems, and whether the look was complete."""
        row = await self.executor.fetchrow(sql.read("catalogue/installation", "problems"))
        return ([], True) if row is None else (row["problems"], row["complete"])

    def _tell(self, problems: list[dict[str, str]]) -> None:
        described = "; ".join(map(describe, problems)) or None
        if described is not None and described != self.instruments.state.broken:
            settings = sorted({each["setting"] for each in problems if each["setting"]})
            told = [each["problem"] for each in problems]
            mends = "; ".join(dict.fromkeys(map(mend, problems)))
            self.instruments.log.error(Event.MAPPING_BROKEN, problems=told, settings=settings, mend=mends)
        elif described is None and self.broken:
            self.instruments.log.info(Event.MAPPING_MENDED)
        self.instruments.state.broken = described
        mapping = tuple(of_mapping(problems, describe, describe_to_anybody))
        self.instruments.state.mapping = mapping
        self.instruments.metrics.mapping_broken.set(any(each.code == "mapping_broken" for each in mapping))

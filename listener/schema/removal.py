"""What an uninstallation takes away, and what stays."""

from collections.abc import Iterator
from dataclasses import dataclass

from listener import sql
from listener.catalogue import installation
from listener.database.connection import Connection
from listener.database.rows import only_row
from listener.errors import DevelopmentVersion, UnknownRecord
from listener.mapping.mapping import Mapping
from listener.numerals import counted

BESIDE = {"status": "profile_enrollment_sync_status", "function": "get_enrollment_statistics()"}


@dataclass(frozen=True)
class Removal:
    tables: int
    triggers: tuple[str, ...]
    daemons: int
    mapping: Mapping | None
    """None if what is installed is of another version."""

    def lines(self) -> Iterator[str]:
        tables = counted(self.tables, "table")
        yield f"takes away: schema listener ({tables}: notes, who waits, what it knows of what it made)"
        if self.triggers:
            yield f"takes away: triggers, {', '.join(self.triggers)}"
        if self.mapping is not None:
            beside = [name for kind, name in BESIDE.items() if kind in self.mapping.statistics]
            if beside:
                yield f"takes away: {' and '.join(beside)} in schema {self.mapping.enrollment_table.schema}"
            for each in self.mapping.taken_over:
                yield f"enables again: {each.trigger} on {each.table.label}"
        yield "stays: every row of your tables, also what the listener made; your own triggers"
        of_daemons = () if self.mapping is None else self.mapping.runtime_roles
        of_apps = () if self.mapping is None else self.mapping.now_roles
        if of_daemons:
            yield f"stays: {', '.join(of_daemons)}, without rights here; `drop role` is yours"
        if of_apps:
            yield f"stays: {', '.join(of_apps)}, without listener.enroll_now and listener.settled"
        if self.daemons:
            yield f"{counted(self.daemons, 'session')} of a daemon still here: stop it, or it waits for an installation"


async def look(connection: Connection) -> Removal | None:
    """None if nothing is installed."""
    mapping = None
    try:
        installed = await installation.look(connection, mightier=True)
        if installed is None:
            return None
        mapping = installed.mapping
    except (DevelopmentVersion, UnknownRecord):
        pass
    row = await only_row(connection, sql.read("catalogue/installation", "taken_away"))
    return Removal(row["tables"], tuple(row["triggers"]), row["daemons"], mapping)

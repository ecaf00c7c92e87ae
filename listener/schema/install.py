"""Installs, upgrades and removes schema `listener`. No sign-up waits for long."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePath

import asyncpg

from listener import sql
from listener.catalogue import expressions, installation, open_schemas, ownership, problems, takeover
from listener.catalogue.installation import VERSION, Installation
from listener.database.connection import Connection
from listener.database.fence import Fence
from listener.database.patience import patiently
from listener.database.rows import only_row
from listener.database.session import look_as
from listener.discovery.discovery import Discovery, look
from listener.errors import (
    DevelopmentVersion,
    InstalledMeanwhile,
    MayNot,
    NoSuchRole,
    SchemaTaken,
    TableNotFound,
    TablesOfAnother,
    TriggersInTheWay,
    Undecided,
    WhoIsAStudent,
    WrongVersion,
)
from listener.mapping import brake, rendering
from listener.mapping.description import students
from listener.mapping.mapping import Mapping
from listener.mapping.pinning import pinned, tables_of
from listener.reasons import reason
from listener.schema import pieces, recording
from listener.sql import identifier, literal


def migrations(after: int) -> list[str]:
    """Names of the migrations from version `after` to VERSION."""
    return [name for name in sql.migrations() if int(PurePath(name).name.partition("_")[0]) > after]


def concurrent_index(mapping: Mapping) -> str | None:
    """The statement that makes a large table's missing index: run alone before the script, and repeatable. None if no
    index is missing."""
    if mapping.missing_index != "large":
        return None
    return sql.render(sql.read("schema/script/steps", "index_concurrently"), rendering.placeholders(mapping))


def script(
    mapping: Mapping,
    installed_version: int = 0,
    earlier: Mapping | None = None,
    owner: ownership.Owner | None = None,
) -> str:
    """The SQL, in one transaction, that brings a database from an installed version (0: none) to this version;
    `earlier` is the installed mapping. All objects will belong to `owner`; None is the role that runs the script."""
    values = rendering.placeholders(mapping) | {
        "record": f"{VERSION}, {literal(pieces.fingerprint(mapping))}, {literal(mapping.to_json())}",
        "parts": "\n".join(f"--   {pieces.heading(part).removeprefix('-- ')}" for part in pieces.PARTS),
    }
    new = migrations(installed_version)
    body = [
        *(f"alter table {each.table} disable trigger {identifier(each.trigger)};" for each in mapping.taken_over),
        *([pieces.heading("tables")] if new else []),
        *(sql.render(sql.read(name), values) for name in new),
        *([] if earlier is None else [sql.render(sql.read("schema/script/steps", "catch_up"), values)]),
        *([sql.render(sql.read("schema/script/clear"), values)] if installed_version else []),
        *(sql.render(sql.read("schema/script/steps", name), values) for name in conversions(mapping, earlier)),
        pieces.code(mapping),
        *([] if earlier is None or counts_alike(earlier, mapping) else [sql.read("schema/script/steps", "recount")]),
        *([] if earlier is None or mapping.takes_back else [sql.read("schema/script/steps", "hold_nobody")]),
        *([] if earlier is None or brake.on_joining(mapping) else [sql.read("schema/script/steps", "let_join")]),
        *([sql.read("schema/script/steps", "look_at_everyone")] if has_new_rule(earlier, mapping) else []),
        *recording.steps(mapping, is_there=earlier is not None),
        sql.render(sql.read("schema/script/steps", "record"), values),
    ]
    parts = ownership.statements(
        owner or ownership.Owner(""),
        before=[] if installed_version else [sql.read("schema/script/steps", "empty_schema")],
        body=body,
        is_there=installed_version > 0,
    )
    return "\n\n".join([sql.render(sql.read("schema/script/steps", "begin"), values), *parts, "commit;"]) + "\n"


def counts_alike(earlier: Mapping, mapping: Mapping) -> bool:
    """Whether the same enrollments count, in the same columns."""
    return (earlier.counts, earlier.is_counted, earlier.count_columns) == (
        mapping.counts,
        mapping.is_counted,
        mapping.count_columns,
    )


def has_new_rule(earlier: Mapping | None, mapping: Mapping) -> bool:
    """Whether the rule is a new query, or the same query with other consequences."""
    if mapping.wanted_query is None:
        return False
    rule = (mapping.wanted_query, mapping.on_leave, mapping.inactive_value, mapping.watched)
    return earlier is None or rule != (earlier.wanted_query, earlier.on_leave, earlier.inactive_value, earlier.watched)


def conversions(mapping: Mapping, earlier: Mapping | None) -> list[str]:
    """Steps that convert keys of ours to new types."""
    if earlier is None:
        return []
    types = (
        (earlier.profile_key_type != mapping.profile_key_type, "convert_profile_keys"),
        (earlier.course_key_type != mapping.course_key_type, "convert_course_keys"),
    )
    found = [name for is_other, name in types if is_other]
    return ["convert_keys", *found, "keys_converted"] if found else []


@dataclass(frozen=True)
class Plan:
    discovery: Discovery
    installed: Installation | None
    intact: bool
    """Whether the installation is complete and works, belongs to its owner, and has disabled the taken-over triggers.
    """
    owner: ownership.Owner

    @property
    def mapping(self) -> Mapping:
        return self.discovery.mapping

    @property
    def is_done(self) -> bool:
        done = self.installed and (self.installed.version, self.installed.fingerprint)
        return self.intact and done == (VERSION, pieces.fingerprint(self.mapping))

    @property
    def outcome(self) -> str:
        """What `install` did, in words, if this was not done yet."""
        if self.installed is None:
            return "installed schema listener"
        earlier = self.installed
        if earlier.version != VERSION:
            return "upgraded schema listener"
        was = earlier.mapping
        ungranted = replace(self.mapping, runtime_roles=was.runtime_roles, now_roles=was.now_roles)
        if pieces.fingerprint(ungranted) != earlier.fingerprint:
            return "changed schema listener"
        return "granted; nothing else of schema listener has changed" if self.intact else "mended schema listener"

    @property
    def code(self) -> str:
        """Stands for all that would be installed."""
        return pieces.fingerprint(self.mapping)

    @property
    def moves_many(self) -> bool:
        """Whether a new rule, or a new brake, makes the daemon look at all profiles."""
        earlier, mapping = None if self.installed is None else self.installed.mapping, self.mapping
        if self.is_done or mapping.wanted_query is None or not mapping.enrolls or mapping.observes:
            return False
        return has_new_rule(earlier, mapping) or earlier is None or brake.brake_of(earlier) != brake.brake_of(mapping)

    @property
    def counts_alike(self) -> bool:
        """Whether the installed mapping counts the same enrollments, in the same columns."""
        return self.installed is not None and counts_alike(self.installed.mapping, self.mapping)

    def script(self) -> str:
        if self.installed is None:
            return script(self.mapping, owner=self.owner)
        return script(self.mapping, self.installed.version, self.installed.mapping, self.owner)

    def text(self) -> str:
        """All SQL that `install` runs, for review or for psql."""
        return "\n\n".join(filter(None, (self.owner.remark(), concurrent_index(self.mapping), self.script())))


async def plan(
    connection: Connection,
    settings: dict[str, str],
    *,
    take_over: bool = False,
    grant_to: tuple[str, ...] = (),
    grant_now: tuple[str, ...] = (),
    owner: str | None = None,
    rule: dict[str, str] | None = None,
) -> Plan:
    """Look at the database and decide what to install. Settings of an earlier installation still hold. `owner` is the
    role from `--owner`; `rule` are the settings of an earlier rule to be in force again. Raises SchemaTaken,
    DevelopmentVersion, WrongVersion, UnknownRecord, TablesOfAnother, TriggersInTheWay, MixedTrigger, NoSuchRole,
    Blinded, and the errors of `look` and `ownership.of`."""
    installed = await installation.look(connection, mightier=True)
    if (
        installed is None
        and (taken := await connection.fetchval(sql.read("catalogue/installation", "schema_taken"))) is not None
    ):
        raise SchemaTaken(what=taken)
    if installed is not None and installed.version > VERSION:
        raise WrongVersion(installed=installed.version, needed=VERSION, mend="update this program")
    earlier = installed.mapping if installed else None
    discovery, kept = await _discover(connection, settings, installed, rule)
    mapping = discovery.mapping
    if earlier is not None and earlier.is_student != "true" and mapping.is_student == "true":
        until_now = students(earlier)
        if not {"student_predicate", "wanted_query"} & {**kept, **settings}.keys():
            raise WhoIsAStudent(
                reason=f"until now it was {until_now}, and nothing in {mapping.profile_table.label} says so any more",
                setting="LISTENER_STUDENT_PREDICATE (`true` is everyone)",
            )
    found = await takeover.existing(connection, mapping)
    enabled = [each for each in found if each.is_enabled]
    if enabled and not take_over:
        raise TriggersInTheWay(triggers=", ".join(map(str, enabled)))
    disabled = await takeover.still_there(connection, earlier.taken_over if earlier else ())
    disabled += takeover.taken_over(enabled)
    for role in (*grant_to, *grant_now):
        if not await connection.fetchval("select true from pg_catalog.pg_roles where rolname = $1", role):
            raise NoSuchRole(role=role)
    roles = (earlier.runtime_roles if earlier else ()) + grant_to
    now_roles = (earlier.now_roles if earlier else ()) + grant_now
    mapping = replace(
        mapping,
        owner=owner or (earlier.owner if earlier else None),
        taken_over=tuple({(each.table, each.trigger): each for each in disabled}.values()),
        runtime_roles=tuple(dict.fromkeys(roles)),
        now_roles=tuple(dict.fromkeys(now_roles)),
        further_schemas=await open_schemas.further(connection, mapping),
        missing_index=mapping.missing_index or (earlier.missing_index if earlier else None),
    )
    belongs_to, mapping = await ownership.of(connection, mapping)
    triggers = await only_row(connection, sql.read("catalogue/installation", "triggers_missing"), *mapping.triggers)
    intact = triggers["affected"] == 0 and not enabled and not belongs_to.hands_over
    if intact and installed is not None and installed.version == VERSION:
        text = sql.render(sql.read("catalogue/installation", "intact"), {"ours": sql.read("mapping/ours")})
        async with expressions.undone(connection):
            intact = await connection.fetchval(text, len(mapping.statistics), pieces.made(mapping))
    return Plan(replace(discovery, mapping=mapping), installed, intact=intact, owner=belongs_to)


async def _discover(
    connection: Connection, settings: dict[str, str], installed: Installation | None, rule: dict[str, str] | None
) -> tuple[Discovery, dict[str, str]]:
    """The LMS, and the settings that an earlier installation knows. Raises TablesOfAnother, and the errors of
    `look`."""
    if installed is None:
        return await look(connection, settings, {}), {}
    kept = pinned(installed.current, settings)
    kept = kept if rule is None else recording.settings_of(rule, kept)
    tables = tables_of(installed.current, settings)
    try:
        return await look(connection, {**kept, **settings}, tables), kept
    except Undecided as error:
        if error.lasts:
            raise
        kept = pinned(installed.current, settings, found_too=True)  # no longer evident, but known once
        return await look(connection, {**kept, **settings}, tables), kept
    except TableNotFound as error:
        moved = await problems.of_owners(connection)
        if moved is None:
            raise
        raise TablesOfAnother(problem=moved) from error


async def install(connection: Connection, planned: Plan) -> bool:
    """False if nothing was to do. Raises Busy if the tables stay locked, MayNot without the rights,
    InstalledMeanwhile."""
    if planned.is_done:
        return False
    index = concurrent_index(planned.mapping)
    if index is not None:
        await connection.execute(index)
    try:
        await execute_patiently(connection, planned.script())
    except (
        asyncpg.UniqueViolationError,
        asyncpg.DuplicateSchemaError,
        asyncpg.DependentObjectsStillExistError,
    ) as error:
        if planned.installed is None and await installation.look(connection, mightier=True) is not None:
            raise InstalledMeanwhile from error
        raise
    return True


async def uninstall(connection: Connection) -> bool:
    """Remove all that was installed, by a development version, too; False if nothing was. Raises SchemaTaken if parts
    are missing."""
    with suppress(DevelopmentVersion):
        if await installation.look(connection, mightier=True) is None:
            return False
    await look_as(connection, None)
    script = uninstallation(await ownership.fence_of_schema(connection))
    try:
        await execute_patiently(connection, script)
    except (asyncpg.UndefinedColumnError, asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError) as error:
        raise SchemaTaken(what=f"less than was installed ({reason(error)})") from error
    return True


def uninstallation(fence: Fence | None = None) -> str:
    """The SQL that removes an installation; behind a fence, for a role with more rights than the owner."""
    ours = {"ours": sql.read("mapping/ours")}
    clear_statistics = sql.render(sql.read("mapping/clear_statistics"), ours)
    body = sql.render(sql.read("schema/script/uninstall"), {"clear_statistics": clear_statistics})
    parts = [sql.read("schema/script/uninstall_begin")]
    parts += [body] if fence is None else [sql.read("catalogue/handing_over", "triggers_of_others"), fence.around(body)]
    return "\n\n".join([*parts, "commit;"]) + "\n"


async def execute_patiently(connection: Connection, text: str) -> None:
    """Run a script again and again, until the script gets all locks within LOCK_MILLISECONDS."""

    async def attempt() -> None:
        try:
            await connection.execute(text)
        except asyncpg.PostgresError as error:
            await connection.execute("rollback")
            if not isinstance(error, asyncpg.InsufficientPrivilegeError):
                raise
            role = await connection.fetchval("select current_user")
            raise MayNot(role=role, action=f"install ({reason(error)})", mend="install as the tables' owner") from error

    await patiently(attempt)

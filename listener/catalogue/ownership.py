"""The owner of all that is installed: the owner of the LMS's tables, never a role with more rights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from listener import sql
from listener.database.connection import Connection
from listener.database.fence import Fence
from listener.database.rows import only_row
from listener.database.session import look_as
from listener.errors import Blinded, MayNot, NotTheirOwner, SchemaOfAnother, SeveralOwners
from listener.mapping.mapping import Mapping, Table
from listener.sql import identifier, literal

MAKES_SCHEMA = "create schema listener"


@dataclass(frozen=True)
class Owner:
    """The role that owns the installation."""

    name: str
    fence: Fence | None = None
    """For an installer that acts as the role; None if the installer is the role."""
    hands_over: bool = False
    """Whether the installation belongs to another role by now."""
    opens: str | None = None
    """The LMS's schema in which the role may create only during the installation."""

    passed_over: bool = False
    """Whether the view and the function in the LMS's schema are left out: the role may not create there."""

    def remark(self) -> str:
        """The role that should run the script."""
        if self.fence is None:
            return f"-- Run it as {self.name}." if self.name else ""
        whom = "a superuser" if self.fence.for_superuser else f"a member of {self.name}"
        return f"-- Run it as {whom}: all of it will belong to {self.name}, who runs what stands behind the fence."


async def of(connection: Connection, mapping: Mapping) -> tuple[Owner, Mapping]:
    """The owner; and the mapping without the parts that the owner cannot make. From here on, statements run with the
    owner's rights. Raises MayNot, Blinded, NotTheirOwner, SeveralOwners, SchemaOfAnother."""
    await look_as(connection, None)
    tables = dict.fromkeys([mapping.enrollment_table, *mapping.tables])
    asked = mapping.owner
    row = await connection.fetchrow(sql.read("catalogue/ownership", "owner"), list(map(str, tables)), asked)
    if row is None:
        raise MayNot(role=asked, action="own what is installed: there is no such role", mend="name another by --owner")
    name = row["owner"]
    if row["owner_is_superuser"] and not row["lms_of_superuser"]:
        raise NotTheirOwner(role=name)
    if row["of_others"] and asked is None:
        others = ", ".join(each.replace('"', "") for each in row["of_others"])
        raise SeveralOwners(owner=name, table=mapping.enrollment_table.label, others=others)
    if not row["is_me"] and not row["is_superuser"] and not row["is_member"]:
        raise MayNot(
            role=row["me"],
            action=f"install for {name}, who owns {mapping.enrollment_table.label}",
            mend=f"connect as {name}, as a member of it or as a superuser; or name yourself by --owner",
        )
    if not row["may_be_taken"]:
        raise SchemaOfAnother(owner=row["schema_owner"], role=row["me"], more="and no trigger of it is on your tables")
    if row["hidden"]:
        hidden = ", ".join(each.replace('"', "") for each in row["hidden"])
        raise Blinded(tables=hidden, role=name, does="would own the functions")
    needed = list(_needed(mapping)) if row["of_others"] else []
    lacks = await only_row(
        connection,
        sql.read("catalogue/ownership", "lacks"),
        name,
        [str(table) for table, _ in needed],
        [privilege for _, privilege in needed],
        mapping.enrollment_table.schema,
    )
    if lacks["lacking"]:
        raise MayNot(role=name, action="do what its functions do", mend="; ".join(lacks["lacking"]))
    opens, passed_over = None, False
    if not lacks["may_create"] and not row["is_me"] and lacks["may_grant"]:
        opens = mapping.enrollment_table.schema
    elif not lacks["may_create"] and mapping.statistics:
        mapping, passed_over = replace(mapping, statistics=()), True
    fence = None if row["is_me"] else Fence(name, for_superuser=row["is_superuser"])
    hands_over = row["schema_owner"] is not None and not row["owns_all"]
    await look_as(connection, fence)
    return Owner(name, fence, hands_over, opens, passed_over), mapping


def _needed(mapping: Mapping) -> Iterator[tuple[Table, str]]:
    """Rights needed on the tables, if the tables belong to several owners."""
    triggers = zip(*mapping.triggers[:2], strict=True)
    for table in mapping.tables:
        yield table, "select"
    for schema, name in dict.fromkeys(triggers):
        yield Table(schema, name), "trigger"
    if mapping.enrolls and not mapping.observes:
        yield mapping.enrollment_table, "insert"
    if mapping.takes_back:
        yield mapping.enrollment_table, "update" if mapping.on_leave == "suspend" else "delete"
    if mapping.counts_in_courses:
        yield mapping.course_table, "update"


def statements(owner: Owner, *, before: list[str], body: list[str], is_there: bool) -> list[str]:
    """The statements of a single transaction: the installer's, and behind a fence the owner's."""
    if owner.fence is None:
        return [*before, *body]
    script = "\n\n".join(body)
    parts = list(before)
    role = identifier(owner.name)
    if not is_there:
        assert MAKES_SCHEMA in script
        script = script.replace(f"{MAKES_SCHEMA};\n\n", "", 1)
        parts.append(f"{MAKES_SCHEMA} authorization {role};")
    else:
        if owner.hands_over:
            values = {"owner": literal(owner.name), "ours": sql.read("mapping/ours")}
            parts.append(sql.render(sql.read("catalogue/handing_over", "hand_over"), values))
        parts.append(sql.read("catalogue/handing_over", "triggers_of_others"))
    opened = [] if owner.opens is None else [identifier(owner.opens)]
    parts += [f"grant create on schema {schema} to {role};" for schema in opened]
    parts.append(owner.fence.around(script))
    parts += [f"revoke create on schema {schema} from {role};" for schema in opened]
    return parts


async def fence_of_schema(connection: Connection) -> Fence | None:
    """The fence to act as the owner of schema listener; None for the owner itself, or for a role that may not."""
    row = await connection.fetchrow(sql.read("catalogue/ownership", "of_schema"))
    return None if row is None else Fence(row["owner"], for_superuser=row["is_superuser"])


async def look_as_owner(connection: Connection, owner: str, tables: Sequence[str] = ()) -> None:
    """From now on use the rights of `owner`, if the session's role has more, and the owner may read `tables`."""
    row = await connection.fetchrow(sql.read("catalogue/ownership", "could_act_as"), owner, list(tables))
    if row is not None:
        await look_as(connection, Fence(owner, for_superuser=row["is_superuser"]))

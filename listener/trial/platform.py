"""What a schema takes for granted, made on demand: roles, Supabase's schemas, extensions."""

import re
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg

from listener import sql
from listener.database.connection import Connection
from listener.sql import identifier

NAME = r'"?(?P<name>[^"]+?)"?'
ROLE = re.compile(rf"role {NAME} does not exist")
PUBLICATION = re.compile(rf"publication {NAME} does not exist")
SCHEMA = re.compile(rf"schema {NAME} does not exist")
RELATION = re.compile(rf"relation {NAME} does not exist")
TYPE = re.compile(rf"type {NAME} does not exist")
FUNCTION = re.compile(r"function (?P<name>[^()]+)\(.*\) does not exist")

SUPABASE = ("auth", "storage", "realtime", "extensions")
ROLES = ("anon", "authenticated", "service_role", "authenticator", "supabase_auth_admin")
STAND_INS = {"uuid-ossp": "uuid_ossp", "pgcrypto": "pgcrypto", "unaccent": "unaccent"}
"""Extensions whose functions a schema needs, and other functions can replace."""
MADE_BY = {
    **dict.fromkeys(("uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4", "uuid_generate_v5"), "uuid-ossp"),
    **dict.fromkeys(("gen_random_bytes", "gen_salt", "crypt", "digest", "hmac"), "pgcrypto"),
    "unaccent": "unaccent",
}
TEXT_TYPES = {
    "citext": "citext",
    **dict.fromkeys(("geometry", "geography", "box2d", "raster"), "postgis"),
    **dict.fromkeys(("vector", "halfvec", "sparsevec"), "vector"),
    "hstore": "hstore",
    **dict.fromkeys(("ltree", "lquery"), "ltree"),
    "cube": "cube",
    "isbn": "isn",
}
"""Types of extensions, for which text can stand in."""


@dataclass
class Platform:
    """Makes missing objects. `admin` is a superuser's connection, `owner` the schema owner's."""

    admin: Connection
    owner: Connection
    made: set[str] = field(default_factory=set)
    """Sections of `platform.sql`, and extensions for which something stands in."""
    tried: set[str] = field(default_factory=set)
    """Errors that were mended, or could not be."""
    stand_ins: dict[str, str] = field(default_factory=dict)
    """Stand-ins for extensions, or for types of extensions, in words."""

    async def mend(self, error: asyncpg.PostgresError) -> bool:
        """Whether the missing object was made, so that the statement may be tried again."""
        text = str(error.args[0])
        for pattern, make in (
            (ROLE, self._role),
            (PUBLICATION, self._publication),
            (SCHEMA, self._schema),
            (RELATION, self._of_schema),
            (TYPE, self._type),
            (FUNCTION, self._function),
        ):
            found = pattern.fullmatch(text)
            if found is not None and text not in self.tried:
                self.tried.add(text)
                return await make(found["name"])
        return False

    async def extension(self, name: str, schema: str | None) -> bool:
        """Create an extension, or a stand-in; False if neither can be done."""
        where = schema or "public"
        if f"{name} in {where}" in self.made:
            return True
        await self._ensure(where)
        with suppress(asyncpg.PostgresError):
            await self.admin.execute(f"create extension if not exists {identifier(name)} schema {identifier(where)}")
            return True
        section = STAND_INS.get(name)
        if section is None:
            return False
        await self.owner.execute(sql.render(sql.read("trial/platform", section), {"schema": identifier(where)}))
        self.made.add(f"{name} in {where}")
        self.stand_ins[name] = f"extension {name} is not there: functions of the same names stand in for it"
        return True

    async def _role(self, name: str) -> bool:
        if name in ROLES:
            return await self._supabase("roles")
        await self.owner.execute(f"create role {identifier(name)} nologin")
        return True

    async def _publication(self, name: str) -> bool:
        await self.owner.execute(f"create publication {identifier(name)}")
        return True

    async def _schema(self, name: str) -> bool:
        if name in SUPABASE:
            return await self._supabase(name)
        await self.owner.execute(f"create schema {identifier(name)}")
        return True

    async def _of_schema(self, name: str) -> bool:
        schema, _, rest = name.partition(".")
        return bool(rest) and schema in SUPABASE and await self._supabase(schema)

    async def _supabase(self, section: str) -> bool:
        if section in self.made:
            return False
        if section != "roles":
            await self._supabase("roles")
        await self.admin.execute(sql.read("trial/platform", section))
        self.made.add(section)
        return True

    async def _type(self, name: str) -> bool:
        schema, bare = _split(name)
        extension = TEXT_TYPES.get(bare)
        if extension is None:
            return False
        await self._ensure(schema)
        text = sql.render(sql.read("trial/platform", "type"), {"schema": identifier(schema), "type": identifier(bare)})
        await self.owner.execute(text)
        self.stand_ins[bare] = f"extension {extension} is not there: text stands in for type {bare}"
        return True

    async def _function(self, name: str) -> bool:
        schema, bare = _split(name)
        extension = MADE_BY.get(bare)
        if extension is not None:
            return await self.extension(extension, schema)
        return schema in SUPABASE and await self._supabase(schema)

    async def _ensure(self, schema: str) -> None:
        if not await self.owner.fetchval("select true from pg_catalog.pg_namespace where nspname = $1", schema):
            await self._schema(schema)


def _split(name: str) -> tuple[str, str]:
    schema, _, bare = name.replace('"', "").rpartition(".")
    return schema or "public", bare

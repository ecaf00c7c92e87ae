"""Queries that nobody thought of, made with dice."""

import random

LINKS = {
    "person": (
        *(("profiles", each) for each in ("id", "parent_id", "referred_by")),
        *((each, "profile_id") for each in ("payments", "memberships", "subscriptions", "bans", "passes")),
        ("organisations", "owner_id"),
        ("paying", "person"),
    ),
    "org": (
        *(("profiles", each) for each in ("org_id", "family_id")),
        *(("organisations", each) for each in ("id", "parent_id")),
        ("memberships", "organisation_id"),
        ("paying_orgs", "id"),
    ),
    "plan": (("payments", "plan"), ("organisations", "plan"), ("paying", "plan")),
}
"""Columns that hold the same, by what they hold."""
FLAGS = {
    "profiles": ("role = 'student'", "school = 'north'"),
    "payments": ("paid", "amount > 3"),
    "memberships": ("role = 'admin'",),
    "subscriptions": ("active",),
    "organisations": ("is_default", "plan = 'gold'"),
    "bans": ("course_id = 1",),
    "passes": ("course_id > 1",),
    "paying": ("plan = 'gold'",),
    "paying_orgs": ("plan = 'gold'",),
}

Item = tuple[str, str]
"""A table, and its alias."""


class Maker:
    def __init__(self, seed: str) -> None:
        self._dice = random.Random(seed)
        self._aliases = 0

    def query(self) -> str:
        """One, of people and courses."""
        single = self._select
        word = self._dice.choice(["", "", "", "union", "union all", "except", "intersect"])
        return f"{single()} {word} {single()}" if word else single()

    def _select(self) -> str:
        self._aliases = 0
        head, person, items = self._from()
        conditions = [self._condition(items, 2) for _ in range(self._dice.choice([0, 1, 1, 2]))]
        conditions.append(self._of_course(items))
        ends = self._dice.choice(["", "", "", f"group by {person}, c.id having count(*) > 0"])
        word = "distinct " if not ends and self._dice.random() < 0.1 else ""
        return f"select {word}{person}, c.id from {head} cross join courses c where {' and '.join(conditions)} {ends}"

    def _of_course(self, items: list[Item]) -> str:
        found = [f"{alias}.plan" for table, alias in items if "plan" in _columns(table)]
        choices = ["c.published", "true", *(f"c.plan = {each}" for each in found)]
        return self._dice.choice([*choices, *(f"c.plan is distinct from {each}" for each in found)])

    def _from(self) -> tuple[str, str, list[Item]]:
        """FROM, the column that is a person, and what stands in it."""
        table, column = self._dice.choice(LINKS["person"])
        first = self._item(table)
        items, text = [first], self._source(first)
        for _ in range(self._dice.choice([0, 1, 1, 2, 2])):
            other = self._item(self._dice.choice(list(FLAGS)))
            kind = self._dice.choice(["inner", "inner", "left", "left", "right", "full"])
            link = self._link(items, other)
            if link is None:
                continue
            more = f" and {other[1]}.{self._flag(other)}" if kind != "full" and self._dice.random() < 0.3 else ""
            text = f"{text} {kind} join {self._source(other)} on {link}{more}"
            items.append(other)
        return text, f"{first[1]}.{column}", items

    def _item(self, table: str) -> Item:
        self._aliases += 1
        return table, f"t{self._aliases}"

    def _source(self, item: Item) -> str:
        """A table, or a subquery of it."""
        table, alias = item
        kind = self._dice.random()
        keys = [column for holds in ("person", "org") for of, column in LINKS[holds] if of == table]
        if kind < 0.06:
            return f"(select distinct * from {table}) as {alias}" if table != "profiles" else f"{table} as {alias}"
        if kind < 0.12:
            key = self._dice.choice(keys)
            return f"(select *, row_number() over (partition by {key}) as place from {table}) as {alias}"
        if kind < 0.16:
            return f"(select * from {table} where {self._flag(item)} union all select * from {table}) as {alias}"
        return f"{table} as {alias}"

    def _flag(self, item: Item) -> str:
        return self._dice.choice(FLAGS[item[0]])

    def _link(self, items: list[Item], other: Item) -> str | None:
        """An equality between one of them and another."""
        pairs = [
            (f"{alias}.{one}", f"{other[1]}.{two}")
            for holds in LINKS.values()
            for table, alias in items
            for of, one in holds
            if of == table
            for to, two in holds
            if to == other[0]
        ]
        if not pairs:
            return None
        one, two = self._dice.choice(pairs)
        kind = self._dice.random()
        if kind < 0.08 and not one.endswith("plan"):
            return f"coalesce({one}, 1) = {two}"
        if kind < 0.12 and not one.endswith("plan"):
            return f"{one} = any (array[{two}, 2])"
        if kind < 0.18 and len(pairs) > 1:
            return f"({one} = {two} or {' = '.join(self._dice.choice(pairs))})"
        return f"{one} = {two}"

    def _condition(self, items: list[Item], depth: int) -> str:
        item = self._dice.choice(items)
        plain = f"{item[1]}.{self._flag(item)}"
        kind = self._dice.random()
        if depth == 0 or kind < 0.2:
            return self._dice.choice([plain, f"({plain}) is not true", f"not {plain}"])
        if kind < 0.3:
            return f"({self._condition(items, depth - 1)} or {self._condition(items, depth - 1)})"
        other = self._item(self._dice.choice(list(FLAGS)))
        link = self._link(items, other)
        if link is None:
            return plain
        inside = [link, *([self._condition([*items, other], depth - 1)] if self._dice.random() < 0.6 else [])]
        source, where = self._source(other), " and ".join(inside)
        if kind < 0.7:
            return f"{self._dice.choice(['', 'not '])}exists (select from {source} where {where})"
        if kind < 0.8:
            return f"(select count(*) from {source} where {where}) {self._dice.choice(['> 1', '= 0', '= 1'])}"
        one, _, two = link.partition(" = ")
        if kind < 0.92 and two.startswith(other[1]) and one.startswith("t"):
            rest = " and ".join(inside[1:]) or "true"
            word = self._dice.choice(["in", "in", "not in"])
            return f"{one} {word} (select {two} from {source} where {rest})"
        if two.startswith(other[1]) and one.startswith("t"):
            rest = " and ".join(inside[1:]) or "true"
            return f"{one} = (select max({two}) from {source} where {rest})" if not one.endswith("plan") else plain
        return plain


def _columns(table: str) -> set[str]:
    return {column for holds in LINKS.values() for of, column in holds if of == table}

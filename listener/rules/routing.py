"""How a changed row of a table that the rule's query reads leads to profiles: by references among the columns that the
query reads. Too many profiles cost only time; `install` shows the routes, so that a person can correct them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from listener.catalogue.catalogue import Catalogue, Relation
from listener.mapping.mapping import Hop, Route, Table

Place = tuple[Table, str]

MOST_HOPS = 2


class Equals:
    """Columns that hold the same keys: those that refer to one another, in either direction."""

    def __init__(self, pairs: Iterable[tuple[Place, Place]]) -> None:
        self._leaders: dict[Place, Place] = {}
        for one, other in pairs:
            self._leaders[self.of(one)] = self.of(other)

    def of(self, place: Place) -> Place:
        """The column that stands for all with the same keys as this one."""
        leader = self._leaders.setdefault(place, place)
        while leader != self._leaders[leader]:
            leader = self._leaders[leader]
        return leader


@dataclass(frozen=True)
class References:
    """References between the columns of a database."""

    catalogue: Catalogue
    equals: Equals
    targets: frozenset[Place]
    """Columns that others refer to."""
    profile: Place
    course: Place

    @classmethod
    def of(
        cls, catalogue: Catalogue, known: Iterable[tuple[Place, Place]], profile: Place, course: Place
    ) -> "References":
        """`known` pairs are like foreign keys, although the catalogue has none."""
        pairs = [*known, *(pair for relation in catalogue.tables for pair in _foreign_keys(relation))]
        return cls(
            catalogue, Equals(pairs), frozenset({profile, course, *(target for _, target in pairs)}), profile, course
        )

    def is_profile(self, place: Place) -> bool:
        return self.equals.of(place) == self.equals.of(self.profile)

    def is_course(self, place: Place) -> bool:
        return self.equals.of(place) == self.equals.of(self.course)


class Routing:
    """Finds the routes from tables to profiles, by columns that are read."""

    def __init__(self, references: References, reads: Mapping[Table, frozenset[str]]) -> None:
        self._references = references
        self._reads = reads

    def routes(self, table: Table) -> tuple[Route, ...]:
        """All routes from a row of `table`."""
        if table == self._references.course[0]:
            return ()
        direct = [Route(name) for name in self._people(table)]
        if table == self._references.profile[0]:
            others = [Route(self._references.profile[1], (hop,)) for hop in self._between_people()]
            return (Route(self._references.profile[1]), *others)
        down = self._onward(table, is_target=True)
        return (*direct, *down) or tuple(self._onward(table, is_target=False))

    def by(self, column: str, to: Place) -> tuple[Route, ...]:
        """The routes from a row that begin with a step from its `column` to another table's."""
        people = [self._references.profile[1]] if to[0] == self._references.profile[0] else self._people(to[0])
        return tuple(Route(column, (self._hop(to, name),)) for name in people)

    def concerns_everyone(self, table: Table) -> bool:
        """Whether columns are read that belong to courses, and lead to no profile."""
        if table == self._references.course[0]:
            return True
        return any(
            self._references.is_course((table, name)) or self._hangs_together((table, name))
            for name in self._reads[table]
        )

    def _hangs_together(self, place: Place) -> bool:
        """Whether a course refers to the row, or the row to a course."""
        courses = self._references.course[0]
        same = self._references.equals.of(place)
        return any(self._references.equals.of((courses, name)) == same for name in self._reads.get(courses, ()))

    def _people(self, table: Table) -> list[str]:
        """Columns that hold keys of profiles; of the profiles' table only its key."""
        if table == self._references.profile[0]:
            return [self._references.profile[1]]
        return [name for name in sorted(self._reads.get(table, ())) if self._references.is_profile((table, name))]

    def _between_people(self) -> Iterator[Hop]:
        """Rows that connect two profiles."""
        for table in self._reads:
            names = [name for name in sorted(self._reads[table]) if self._references.is_profile((table, name))]
            for key in names:
                for onward in names:
                    if key != onward and (table, key) != self._references.profile:
                        yield self._hop((table, key), onward)

    def _onward(
        self, table: Table, *, is_target: bool, left: int = MOST_HOPS, seen: tuple[Table, ...] = ()
    ) -> list[Route]:
        """Routes by columns that others refer to; or by columns that refer to the same key as others."""
        found: list[Route] = []
        for name in sorted(self._reads.get(table, ())):
            place = (table, name)
            if ((place in self._references.targets) is not is_target) or self._references.is_course(place):
                continue
            for other in self._same(place, (*seen, table)):
                people = [each for each in self._people(other[0]) if each != other[1]]
                found += [Route(name, (self._hop(other, each),)) for each in people]
                if not people and left > 1:
                    further = [
                        route
                        for down in (True, False)
                        for route in self._onward(other[0], is_target=down, left=left - 1, seen=(*seen, table))
                        if route.column != other[1]
                    ]
                    found += [Route(name, (self._hop(other, each.column), *each.hops)) for each in further]
        return found

    def _same(self, place: Place, seen: tuple[Table, ...]) -> Iterator[Place]:
        """Columns of other tables that hold the same keys."""
        same = self._references.equals.of(place)
        for table, names in self._reads.items():
            for name in sorted(names):
                if table not in seen and (table, name) != place and self._references.equals.of((table, name)) == same:
                    yield table, name

    def _hop(self, to: Place, onward: str) -> Hop:
        kind = self._references.catalogue.relations[to[0]].columns[to[1]].type
        return Hop(to[0], to[1], kind, onward)


def _foreign_keys(relation: Relation) -> Iterator[tuple[Place, Place]]:
    """Of a key of several columns, only the last one: the others are shared by many rows."""
    for key in relation.foreign_keys:
        pairs = list(zip(key.columns, key.referenced, strict=True))
        for own, other in pairs if len(pairs) == 1 else pairs[-1:]:
            yield (relation.table, own), (key.table, other)

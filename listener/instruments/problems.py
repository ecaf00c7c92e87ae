"""The list of problems, the same for `status`, `diagnose`, the port, metrics and alerts."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import asyncpg

from listener import sql
from listener.database.rows import Executor
from listener.instruments.problem_kinds import KINDS, Kind, Severity
from listener.instruments.sample import COUNTED, Sample
from listener.numerals import counted
from listener.texts import MORE, one_line

LAG_SECONDS = 10.0
"""A change that has waited for longer is a problem."""

MOST_EXAMPLES = 5

OF_TRIGGER = re.compile(r"trigger .* is missing or disabled", re.DOTALL)

SEEN = sql.read("instruments/problems", "seen")
TELL = sql.read("instruments/problems", "tell")

MAPPING = ("mapping_broken", "triggers_missing")

LEADERS = frozenset(
    {
        *MAPPING,
        "everybody_refused",
        "reaction_blocked",
        "audit_failing",
        "audit_overdue",
        "wanted_missing",
        "drift_returns",
        "foreign_triggers",
        "route_missed",
        "polling",
        "no_standby",
    }
)
"""Codes that the leader alone knows, and tells in the database."""

HAD_STANDBY = "had_standby"
HAD_LEADER = "had_leader"
"""Facts that are told like problems: a standby was there, so a missing standby is a problem; a daemon has led."""


@dataclass(frozen=True)
class Problem:
    code: str
    since: float | None = None
    """Unix seconds by the server's clock; None if unknown."""
    affected: int = 1
    examples: tuple[str, ...] = ()
    """For readers of the database: keys, roles, messages of the server's."""
    to_anybody: str = ""
    """Details for all readers of the port."""

    @property
    def kind(self) -> Kind:
        return KINDS[self.code]

    @property
    def severity(self) -> Severity:
        return self.kind.severity

    @property
    def what(self) -> str:
        if not self.kind.one:
            return self.kind.what
        more = "or more " if self.affected >= COUNTED else ""
        return counted(self.affected, self.kind.one, f"{more}{self.kind.what}")

    @property
    def moment(self) -> datetime | None:
        return None if self.since is None else datetime.fromtimestamp(self.since, UTC)

    def __str__(self) -> str:
        """In a single line."""
        told = f": {'; '.join(map(one_line, self.examples))}" if self.examples else ""
        return f"{self.code}: {self.what}{told}. {self.kind.do[:1].upper()}{self.kind.do[1:]}: {self.kind.mend}"

    def to_dict(self) -> dict[str, Any]:
        return self._told() | {"examples": list(self.examples)}

    def to_dict_for_anybody(self) -> dict[str, Any]:
        """No keys, no roles, no messages of the server's."""
        return self._told() | ({"detail": self.to_anybody} if self.to_anybody else {})

    def _told(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": self.severity,
            "since": None if self.moment is None else self.moment.isoformat(timespec="seconds"),
            "affected": self.affected,
            "what": self.what,
            "do": self.kind.do,
            "mend": self.kind.mend,
        }


@dataclass(frozen=True)
class Sight:
    """The result of a look at the database."""

    seen: tuple[Problem, ...]
    told: Mapping[str, Problem]
    """The leader's problems, and HAD_STANDBY and HAD_LEADER, by code."""

    @classmethod
    def from_row(cls, row: asyncpg.Record) -> "Sight":
        return cls(tuple(map(_from_row, row["seen"])), {each["code"]: _from_row(each) for each in row["told"]})

    @property
    def has_leader(self) -> bool:
        return all(each.code != "no_leader" for each in self.seen)

    def led(self) -> "Sight":
        """The same, for a caller that knows that a daemon leads."""
        return replace(self, seen=tuple(each for each in self.seen if each.code != "no_leader"))

    def problems(
        self, sample: Sample, own: Iterable[Problem] | None = None, mapping: Iterable[Problem] | None = None
    ) -> tuple[Problem, ...]:
        """All problems, the worst first. `own`: problems that the leader alone knows; None: as the leader told, if a
        daemon leads. `mapping`: the mapping's problems, if the caller has looked, in place of the leader's."""
        if own is None:
            own = [each for each in self.told.values() if each.code in LEADERS] if self.has_leader else []
        if mapping is not None:
            own = [*(each for each in own if each.code not in MAPPING), *mapping]
        return in_order((*self.seen, *_lag(sample), *own), self.told)


async def tell(executor: Executor, problems: Iterable[Problem]) -> None:
    """Write the leader's problems into the database, whatever its encoding, for all readers."""
    rows = [
        {
            "code": each.code,
            "since": each.since,
            "affected": each.affected,
            "examples": [example.replace(MORE, "...") for example in each.examples],
        }
        for each in problems
    ]
    await executor.fetchrow(TELL, json.dumps(rows))


def in_order(problems: Iterable[Problem], told: Mapping[str, Problem]) -> tuple[Problem, ...]:
    """The worst first, each code once; a missing start time comes from `told`."""
    by_code = {each.code: each for each in problems if each.code in KINDS}
    if "everybody_refused" in by_code and "students_refused" not in by_code:
        del by_code["everybody_refused"]
    found = []
    for code in KINDS:
        problem = by_code.get(code)
        if problem is not None:
            if problem.since is None and code in told:
                problem = replace(problem, since=told[code].since)
            found.append(problem)
    return tuple(found)


def of_mapping(
    rows: Iterable[Mapping[str, str]],
    describe: Callable[[dict[str, str]], str],
    describe_to_anybody: Callable[[dict[str, str]], str] | None = None,
) -> list[Problem]:
    """Problems that keep the adapter from working: a mapped name is gone, or a trigger is off."""
    found = []
    known = [dict(each) for each in rows]
    for code, wanted in zip(MAPPING, (False, True), strict=True):
        its = [each for each in known if is_of_trigger(each) is wanted]
        if its:
            examples = tuple(map(describe, its[:MOST_EXAMPLES]))
            to_anybody = "; ".join(map(describe_to_anybody, its[:MOST_EXAMPLES])) if describe_to_anybody else ""
            found.append(Problem(code, affected=len(its), examples=examples, to_anybody=to_anybody))
    return found


def is_of_trigger(row: Mapping[str, str]) -> bool:
    return OF_TRIGGER.fullmatch(row["problem"]) is not None


def _from_row(row: Mapping[str, Any]) -> Problem:
    return Problem(row["code"], row["since"], row["affected"], tuple(row["examples"]))


def _lag(sample: Sample) -> list[Problem]:
    if sample.lag_seconds <= LAG_SECONDS:
        return []
    waited = f"the oldest change has waited for {sample.lag_seconds:.0f} s"
    return [Problem("feed_lag", sample.oldest_unhandled_at, sample.backlog, (waited,), waited)]

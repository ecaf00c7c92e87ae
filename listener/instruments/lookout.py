"""The list of problems, with start times, from looks at the database and from the daemon's own knowledge."""

from collections.abc import Mapping
from dataclasses import replace

from listener.instruments.look import Look
from listener.instruments.problems import HAD_LEADER, HAD_STANDBY, LEADERS, Problem
from listener.instruments.sampler import Sampler
from listener.instruments.state import State

STEADY_LOOKS = 4
"""A standby in so many looks in a row is there on purpose; a standby in passing is the next leader."""

FORGET_SECONDS = 86_400.0
"""A standby that has been away for so long is not missed any more."""


class Lookout:
    def __init__(self, state: State) -> None:
        self._state = state
        self._since: dict[str, float] = {}
        self._is_new = True
        self._standby_looks = 0
        self._had_standby = False

    def begin_to_lead(self) -> None:
        """The first look takes over the last leader's problems."""
        self._is_new = True

    def stands_by(self, look: Look) -> None:
        self._state.saw(look.sight.problems(look.sample))

    async def leads(self, look: Look, blocked: Mapping[str, str], sampler: Sampler) -> None:
        """`blocked`: reactions that fail as a whole, and why."""
        if self._is_new:
            self._is_new = False
            self._inherit(look.sight.told)
        own = self._own(look, blocked)
        found = self._dated(look.sight.problems(look.sample, own), look.sample.sampled_at)
        self._state.saw(found)
        tells = [each if each.code in LEADERS else Problem(each.code, each.since) for each in found]
        tells.append(Problem(HAD_LEADER, look.sample.sampled_at))
        if self._had_standby:
            tells.append(Problem(HAD_STANDBY, look.sample.sampled_at))
        if sorted(map(_said, tells)) != sorted(map(_said, look.sight.told.values())):
            await sampler.tell(tells)

    def _inherit(self, told: Mapping[str, Problem]) -> None:
        self._had_standby = self._had_standby or HAD_STANDBY in told
        self._since = {code: each.since for code, each in told.items() if each.since is not None} | self._since
        if "everybody_refused" in told:
            self._state.refusals.inherit(told["everybody_refused"].affected)

    def _dated(self, found: tuple[Problem, ...], now: float) -> tuple[Problem, ...]:
        """A problem without a start gets the time of the first look with the problem."""
        self._since = {each.code: self._since.get(each.code, now) for each in found}
        return tuple(each if each.since is not None else replace(each, since=self._since[each.code]) for each in found)

    def _own(self, look: Look, blocked: Mapping[str, str]) -> list[Problem]:
        found = [*self._state.mapping, *self._state.audit.problems()]
        if self._state.refusals.are_all:
            found.append(Problem("everybody_refused", affected=self._state.refusals.count))
        if blocked:
            examples = tuple(f"{name}: {error}" for name, error in blocked.items())
            names = ", ".join(blocked)
            found.append(Problem("reaction_blocked", affected=len(blocked), examples=examples, to_anybody=names))
        if self._state.warning is not None:
            found.append(Problem("polling"))
        if self._misses_standby(look):
            found.append(Problem("no_standby"))
        return found

    def _misses_standby(self, look: Look) -> bool:
        if look.sample.standbys:
            self._standby_looks += 1
            self._had_standby = self._had_standby or self._standby_looks >= STEADY_LOOKS
            return False
        self._standby_looks = 0
        since = self._since.get("no_standby", look.sample.sampled_at)
        self._had_standby = self._had_standby and look.sample.sampled_at - since < FORGET_SECONDS
        return self._had_standby


def _said(problem: Problem) -> tuple[str, int, tuple[str, ...]]:
    """The parts of a problem that are told again after a change."""
    return problem.code, problem.affected, problem.examples

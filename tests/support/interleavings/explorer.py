"""Goes through all schedules of a program, depth first, by running each of them.

A schedule is run from its beginning: the state is the server's, and cannot be kept. Of schedules that differ only in
the order of steps that commute (`commuting.py`) one is run: *sleep sets* hold the sessions whose next step was taken
before in the same place, as long as only steps follow that commute with it. Of sessions that do the same, the first
begins first. A transaction that did nothing ends at once.

What was asked is not asked once more: schedules begin alike, and the same *effects* in the same order (steps that wrote
something, or waited) come to the same rows. So what must hold is looked at once after the same effects, and a lone
leader catches up once after the same.

Which sessions can go on is the server's word: a statement that is blocked is left alone, and goes on within the step
that lets it go on.
"""

import asyncio
import time
from dataclasses import dataclass, field

import asyncpg

from listener.database.locks import CHANNEL
from tests.support.interleavings.commuting import Move, commute
from tests.support.interleavings.ground import Ground
from tests.support.interleavings.sessions import Actor, Blocking, Violation
from tests.support.interleavings.steps import Kind, Program, Step

TIDY_EVERY = 300
"""Schedules, after which the dead rows are cleared away."""


@dataclass
class Node:
    """A place where several sessions could go on."""

    sessions: list[int]
    taken: int
    asleep: dict[int, Step]


@dataclass(frozen=True)
class Line:
    """One step of a schedule that was run: what was sent, and what came of it."""

    session: int
    step: Step
    texts: tuple[str, ...]
    told: str
    is_first: bool
    """Whether its transaction begins with it."""


@dataclass
class Found:
    """What was found wrong, and by which schedule."""

    problem: str
    lines: list[Line]


@dataclass
class Result:
    """What came of a program."""

    program: Program
    schedules: int = 0
    steps: int = 0
    cut: int = 0
    """Schedules that were left, as others stand for them."""
    seconds: float = 0.0
    is_whole: bool = True
    violations: list[Found] = field(default_factory=list)
    behaviours: set[tuple[tuple[str, ...], ...]] = field(default_factory=set)
    """What each session was told, step by step."""


class Explorer:
    def __init__(self, ground: Ground, program: Program, *, all_orders: bool = False) -> None:
        """`all_orders`: also those that others stand for."""
        self._ground = ground
        self._all_orders = all_orders
        self._program = program
        pools = {False: iter(ground.lms), True: iter(ground.daemons)}
        self._actors = [
            Actor(number, each, next(pools[each.is_daemon])) for number, each in enumerate(program.sessions)
        ]
        self._blocking = Blocking(ground.control, self._actors)
        self._stack: list[Node] = []
        self._lines: list[Line] = []
        self._paused: set[str] = set()
        self._begun = 0
        self._alike = program.alike
        self._effects: tuple[tuple[int, int], ...] = ()
        """The steps of this schedule that had any: session, and place in it."""
        self._looked = set[tuple[tuple[int, int], ...]]()
        """Effects after which all was right."""
        self._caught_up = set[tuple[tuple[int, int], ...]]()
        """The same, at the end of a schedule."""

    async def explore(self, *, violations: int = 1, most: int | None = None) -> Result:
        """Until so many violations, or schedules."""
        result = Result(self._program)
        started = time.monotonic()
        await self._ground.begin_again(thoroughly=True)
        await self._listen()
        while True:
            await self._ground.prepare(self._program)
            try:
                if await self._run():
                    result.schedules += 1
                    result.behaviours.add(self._behaviour())
                else:
                    result.cut += 1
            except (Violation, asyncpg.PostgresError) as error:
                result.schedules += 1
                result.violations.append(Found(str(error), list(self._lines)))
                del self._stack[len(self._lines) :]
            result.steps += len(self._lines)
            await self._clean_up()
            await self._ground.restore(self._program)
            if len(result.violations) >= violations or (most is not None and result.schedules >= most):
                result.is_whole = False
                break
            await self._ground.begin_again(thoroughly=(result.schedules + result.cut) % TIDY_EVERY == 0)
            if not self._advance():
                break
        for actor in self._actors:
            await actor.leave()
        result.seconds = time.monotonic() - started
        return result

    async def _listen(self) -> None:
        for actor in self._actors:
            await self._listen_to(actor)

    async def _listen_to(self, actor: Actor) -> None:
        if self._program.has_bell and actor.session.is_daemon:
            await actor.connection.add_listener(CHANNEL, actor.ring)

    def _advance(self) -> bool:
        """To the next schedule; False if that was the last."""
        while self._stack and self._stack[-1].taken + 1 >= len(self._stack[-1].sessions):
            self._stack.pop()
        if not self._stack:
            return False
        self._stack[-1].taken += 1
        return True

    async def _run(self) -> bool:
        """Run one schedule: to its end, or until others stand for it."""
        self._lines, self._paused, self._begun, self._effects = [], set(), 0, ()
        for actor in self._actors:
            actor.begin(0)
        asleep: dict[int, Step] = {}
        while ready := self._ready():
            depth = len(self._lines)
            if depth == len(self._stack):
                awake = [number for number in ready if number not in asleep]
                if not awake:
                    return False
                self._stack.append(Node(awake, 0, asleep))
            node = self._stack[depth]
            number = node.sessions[node.taken]
            told = [(line.session, line.texts, line.told) for line in self._lines]
            assert number in ready, f"the same steps did not come to the same twice: {told}"
            asleep = await self._take_from(node, self._actors[number])
        await self._end()
        return True

    def _ready(self) -> list[int]:
        ready = [
            actor.number
            for actor in self._actors
            if actor.is_ready and not (actor.place == 0 and self._waits_for_its_like(actor.number))
        ]
        if not (self._program.locks_tables or self._all_orders):
            killed = {step.kills for number in ready if (step := self._actors[number].next) is not None}
            for number in ready:
                if self._actors[number].has_no_effect and number not in killed:
                    return [number]
        return ready

    def _waits_for_its_like(self, number: int) -> bool:
        return number in self._alike and self._actors[self._alike[number]].place == 0

    async def _take_from(self, node: Node, actor: Actor) -> dict[int, Step]:
        """Take the actor's next step; the sessions that sleep after it."""
        step = actor.next
        assert step is not None
        earlier = dict(node.asleep)
        for other in node.sessions[: node.taken]:
            theirs = self._actors[other].next
            assert theirs is not None
            earlier[other] = theirs
        move = self._move(actor, step)
        commuting = {
            other: theirs
            for other, theirs in earlier.items()
            if not self._all_orders and commute(self._move(self._actors[other], theirs), move)
        }
        await self._take(actor, step)
        return commuting

    def _move(self, actor: Actor, step: Step) -> Move:
        who = actor if step.kills is None else self._actors[step.kills]
        is_waited_for = any(who.pid in each.blockers for each in self._actors if each.task is not None)
        if step.kills is None:
            has_no_effect = actor.has_no_effect and not self._program.locks_tables
        else:
            is_waited_for = is_waited_for or who.holds_bell  # who writes looks whether anybody has it
            has_no_effect = who.task is None and not who.is_open
        return Move(step, who.number, is_waited_for, has_no_effect)

    async def _take(self, actor: Actor, step: Step) -> None:
        is_first = not actor.is_open
        has_no_effect, actor.had_no_effect = actor.has_no_effect, False
        if actor.place == 0 and step.kills is None:
            self._begun += 1
            actor.key = 100 * self._begun
        actor.place += 1
        paused = set(self._paused)
        effects = (*self._effects, (actor.number, actor.place))
        actor.looks = self._all_orders or effects not in self._looked
        try:
            if step.kind is Kind.GO:
                await self._blocking.go(actor)
            elif step.kind is Kind.SLEEP:
                actor.is_asleep = actor.holds_bell
            elif step.kills is not None:
                victim = self._actors[step.kills]
                if not victim.is_killed:
                    await self._blocking.kill(victim, look=actor.looks)
            else:
                if step.stops_at is not None:
                    await self._blocking.stop(actor)
                await self._send(actor, step)
            for other in self._actors:
                if other.task is not None and (other is not actor or step.kind is Kind.GO):
                    await self._blocking.wait(other)
        finally:
            self._lines.append(Line(actor.number, step, tuple(actor.texts(step)), actor.told, is_first))
        if self._program.locks_tables or not (has_no_effect or actor.had_no_effect):
            self._effects = effects
        if actor.task is None:  # (What waits is looked at later, and beside others.)
            self._looked.add(effects)
        if step.kind is Kind.PAUSE:
            (reaction,) = step.about
            (self._paused.add if ".pause(" in step.statements[0] else self._paused.discard)(reaction)
        elif step.about and step.about <= paused and (actor.row.get("changes") or actor.row.get("tried")):
            raise Violation(f"{', '.join(step.about)} is paused, and handles a batch")

    async def _send(self, actor: Actor, step: Step) -> None:
        others = any(each is not actor and (each.is_open or each.task is not None) for each in self._actors)
        if step.gives_up or not step.can_block or step.is_end or not (others or step.stops_at):
            await actor.send(step)
        else:
            actor.task = asyncio.ensure_future(actor.send(step))
            await self._blocking.wait(actor)

    def _behaviour(self) -> tuple[tuple[str, ...], ...]:
        return tuple(
            (*(line.told for line in self._lines if line.session == actor.number), actor.told) for actor in self._actors
        )

    async def _end(self) -> None:
        for actor in self._actors:
            if actor.task is not None:  # a deadlock, which the server ends
                await asyncio.wait_for(actor.task, 10)
                actor.task = None
            if await actor.overslept():
                raise Violation("it sleeps, nobody rang, and there is something to do")
        if self._all_orders or self._effects not in self._caught_up:
            await self._ground.catch_up(self._program.drain)
            self._caught_up.add(self._effects)

    async def _clean_up(self) -> None:
        """Nothing stays open, whatever has happened."""
        for actor in self._actors:
            await self._blocking.go(actor)
        for _ in self._actors:
            for actor in self._actors:
                if actor.task is not None:
                    await asyncio.wait([actor.task], timeout=0.2)
                    if not actor.task.done():
                        continue
                    actor.task.exception()
                    actor.task = None
                if actor.is_killed:
                    actor.join(await self._ground.replace(actor.connection, daemon=actor.session.is_daemon))
                    await self._listen_to(actor)
                    actor.is_killed = False
                if actor.connection.is_in_transaction():
                    await actor.connection.execute("rollback")
                if actor.holds_bell:
                    await actor.connection.execute("select pg_advisory_unlock_all()")
                    actor.holds_bell = False
        await self._ground.control.execute("select pg_advisory_unlock_all()")

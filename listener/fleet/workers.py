"""A command for many schools: each in a process forked from this one, so many at a time."""

import inspect
import io
import json
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import typer

from listener.commands import repair, schema, status_view
from listener.commands.failures import EXPECTED, told
from listener.commands.flags import Command
from listener.errors import ListenerError
from listener.settings import Settings

COMMANDS: dict[str, Command] = {
    "install": schema.install,
    "diagnose": repair.diagnose,
    "uninstall": schema.uninstall,
}


@dataclass(frozen=True)
class Result:
    school: str
    exit_status: int
    output: str = ""
    problem: str = ""
    """Why it failed, in one line; or what it said beside its output."""

    @property
    def lines(self) -> list[str]:
        return [line for line in self.output.splitlines() if line.strip()]

    @property
    def answer(self) -> dict[str, Any]:
        """Of a command that answers in JSON; empty if it did not."""
        return dict(json.loads(self.output)) if self.output.startswith("{") else {}


def run(
    command: str,
    schools: Mapping[str, Settings | ListenerError],
    flags: dict[str, Any],
    *,
    parallel: int,
    stops: bool,
) -> Iterator[Result]:
    """As they come. With `stops`, none begins after one has failed. Settings that are an error have failed."""
    pool = ProcessPoolExecutor(parallel, multiprocessing.get_context("fork"), _heed_no_interrupt)
    waiting = iter(schools.items())
    in_hand: dict[Future[Result], str] = {}
    begins = True
    with pool:
        while True:
            while begins and len(in_hand) < parallel and (following := next(waiting, None)) is not None:
                name, settings = following
                if isinstance(settings, ListenerError):
                    yield Result(name, settings.exit_status, problem=str(settings))
                    begins = not stops
                else:
                    in_hand[pool.submit(_of_one, command, name, settings, flags)] = name
            if not in_hand:
                return
            for each in wait(in_hand, return_when=FIRST_COMPLETED).done:
                result = _result(each, in_hand.pop(each))
                begins = begins and not (stops and result.exit_status)
                yield result


def _result(future: Future[Result], name: str) -> Result:
    try:
        return future.result()
    except BrokenProcessPool:
        return Result(name, 2, problem="the process that did it was killed")


def _heed_no_interrupt() -> None:
    """Ctrl-C in a terminal reaches all: what is in hand is finished."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _of_one(command: str, name: str, settings: Settings, flags: dict[str, Any]) -> Result:
    output, beside = io.StringIO(), io.StringIO()
    status, problem = 0, ""
    with redirect_stdout(output), redirect_stderr(beside):
        try:
            status = _work(command)(settings, flags)
        except EXPECTED as error:
            lines, status = told(error)
            problem = "; ".join(lines)
    return Result(name, status, output.getvalue(), problem or " ".join(beside.getvalue().split()))


def _work(command: str) -> Callable[[Settings, dict[str, Any]], int]:
    if command == "status":
        return lambda settings, flags: anyio.run(
            partial(status_view.show, settings.as_owner().url(), as_json=True, every=None, **flags)
        )
    return partial(_exit_status, COMMANDS[command])


def _exit_status(command: Command, settings: Settings, flags: dict[str, Any]) -> int:
    parameters = inspect.signature(inspect.unwrap(command)).parameters.values()
    defaults = {each.name: each.default for each in parameters if each.default is not each.empty}
    try:
        command.of_one(settings, defaults | flags)
    except typer.Exit as ended:
        return ended.exit_code
    return 0

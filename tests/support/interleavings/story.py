"""Tells a schedule as SQL that a person can run by hand, in as many sessions as it has."""

from collections.abc import Iterator

from tests.support.interleavings.explorer import Found, Line
from tests.support.interleavings.mutants import Mutant
from tests.support.interleavings.sessions import STOPPED_AT
from tests.support.interleavings.steps import Kind, Program

LETTERS = "ABCDEFGH"


def tell(program: Program, found: Found, mutant: Mutant | None = None) -> str:
    """The whole of it: what to begin with, who does what in which order, what came of it, and what is wrong then."""
    return "\n".join([*_beginning(program, mutant), *_steps(found.lines), f"-- Wrong: {found.problem}"])


def _beginning(program: Program, mutant: Mutant | None) -> Iterator[str]:
    fault = "" if mutant is None else f' --fault "{mutant.fault}"'
    yield f"-- {program.name}"
    yield f"-- python -m tests.support.interleavings {program.ground}{fault}"
    if mutant is not None:
        pairs = [(mutant.old, mutant.new), *([mutant.also] if mutant.also else [])]
        for old, new in pairs:
            yield f"-- (In {mutant.function}, instead of: {' '.join(old.split())}"
            yield f"--  it says: {' '.join(new.split()) or 'nothing'})"
    for text in (program.before, program.before and "call proof.catch_up(64)", program.then):
        if text:
            yield f"Z: {text};"
    for number, session in enumerate(program.sessions):
        who = "a daemon: \\i daemon.sql" if session.is_daemon else "the LMS's, or anybody's"
        yield f"-- {LETTERS[number]} is {who}"


def _steps(lines: list[Line]) -> Iterator[str]:
    """`Z` is a session beside them."""
    for line in lines:
        who, step = LETTERS[line.session], line.step
        came = f"  -- {line.told}" if line.told and (line.told != "waits" or step.kind is not Kind.GO) else ""
        if step.kind is Kind.GO:
            yield f"Z: select pg_advisory_unlock({STOPPED_AT}, {line.session});{came}"
            continue
        if step.kills is not None:
            yield f"Z: select pg_terminate_backend(…);  -- the process of {LETTERS[step.kills]}"
            continue
        if step.kind is Kind.SLEEP:
            yield f"{who}: -- waits for a ring"
            continue
        if step.stops_at is not None:
            yield f"Z: select pg_advisory_lock({STOPPED_AT}, {line.session});"
        texts = [text.strip() for text in line.texts]
        begins = line.is_first and (step.stays_open or len(texts) > 1 or step.stops_at is not None)
        if step.time_passes:
            texts.insert(0, "call proof.time_passes()")
        if begins and not step.is_end:
            texts.insert(int(step.time_passes), "begin")
        if step.gives_up:
            texts.insert(-1, "set lock_timeout = '10ms'")
            texts.append("set lock_timeout = 0")
        if step.stops_at is not None:
            texts.insert(-1, f"set local proof.stop = '{step.stops_at}'; set local proof.session = {line.session}")
        if begins and not step.stays_open:
            texts.append("commit")
        yield f"{who}: {'; '.join(texts)};{came}"

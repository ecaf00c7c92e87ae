"""What is lost, doubled or left lying when the worker is killed in mid-run and started again a second later."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import Any

from benchmarks import variants
from benchmarks.figures import Measured
from benchmarks.measure import running_server
from benchmarks.queues import PEERS, Queue
from benchmarks.signups import caught_up, left_out, prepared
from benchmarks.variants import Variant
from benchmarks.workers import errors
from benchmarks.writers import Load, Writers
from tests.support.postgres import Server

RATE = 100
"""Sign-ups a second: few enough that what is missing was not merely late."""
SIDE_BY_SIDE = 3
"""Variants at a time: those that lose students are waited for in vain, meanwhile the others have their turn."""


def interrupted(server: Server, variant: Variant, load: Load, catch_up: float) -> dict[str, Any]:
    """What a variant came to, whose worker was killed halfway through the sign-ups and was gone for a second."""
    variant.clear(server)
    first = variant.start(server)
    assert first is not None
    writers = Writers(server, variant.name, variant.sign_up, load)
    try:
        time.sleep(load.seconds / 2)
        first.kill()
        time.sleep(1)
        with variant.working(server) as second:
            assert second is not None
            written = writers.wait()
            reached, seconds = caught_up(server, variant, catch_up)
            logged = errors(first) + errors(second)
    finally:
        first.clean_up()
    return {
        "label": variant.label,
        **asdict(reached),
        "missing": reached.missing,
        **({"drift": reached.drift} if variant.counts else {}),
        "caught_up_seconds": seconds,
        "waited_seconds": catch_up,
        "failed": written.failed,
        "errors": logged,
        **({"taken_again": variant.again} if isinstance(variant, Queue) else {}),
    }


def attempted(server: Server, variant: Variant, *, load: Load, catch_up: float) -> dict[str, Any]:
    """What a variant came to, by its name; of a queue that broke, how."""
    try:
        return {variant.name: interrupted(server, variant, load, catch_up)}
    except RuntimeError as error:
        if not isinstance(variant, Queue):
            raise
        return left_out(variant, error)


def run(*, quick: bool) -> Measured:
    """Ours, a naive listener and the job queues: profiles, enrolled, missing, enrolled twice, drift."""
    load, catch_up = (Load(2, rate=RATE), 2.0) if quick else (Load(6, rate=RATE), 40.0)
    with running_server(max_connections="200") as server:
        ready, skipped = prepared(server, (variants.LIVE, variants.NAIVE, *PEERS))
        measured: dict[str, Any] = {}
        with ThreadPoolExecutor(SIDE_BY_SIDE) as side_by_side:
            for told in side_by_side.map(partial(attempted, server, load=load, catch_up=catch_up), ready):
                measured |= told
    skipped |= {name: told for name, told in measured.items() if "skipped" in told}
    measured = {name: told for name, told in measured.items() if name not in skipped}
    ours = measured[variants.LIVE.name]
    problems = [f"ours: {ours[name]} {name}" for name in ("missing", "twice", "drift") if ours[name]]
    return Measured((), measured | skipped, tuple(problems), tuple(note(one) for one in measured.values()))


def note(told: dict[str, Any]) -> str:
    """One variant in a sentence."""
    finished, again = told["caught_up_seconds"], told.get("taken_again")
    if finished is not None:
        when = f"{finished:.1f} s after the last sign-up"
    else:
        when = f"{told['waited_seconds']:g} s after the last sign-up"
    off = f", {told['drift']} counted wrongly" if told.get("drift") else ""
    later = f" (its docs: what the killed worker had taken is taken again {again})" if again and told["missing"] else ""
    return (
        f"Killed for a second, {told['label']}: {when}, {told['missing']:,} of {told['profiles']:,} not enrolled"
        f"{off}{later}."
    )

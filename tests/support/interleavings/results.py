"""What came of each program and each fault, kept in a file for each version, so that a long run goes on where it was
stopped; `python -m tests.support.interleavings.results FOLDER` writes the tables at the end of docs/proof.md."""

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.support.interleavings.mutants import MUTANTS
from tests.support.interleavings.programs import PARTS
from tests.support.interleavings.steps import Program
from tests.support.project import ROOT

FOLDER = "PROOF_RESULTS"
"""The variable with the folder of the files. Without it nothing is kept."""
TICKS: int = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Kept:
    """What came of a program, or of a fault in one."""

    name: str
    program: str
    schedules: int
    cut: int = 0
    steps: int = 0
    processor_seconds: float = 0.0
    problem: str = ""


class Results:
    """Those of one version."""

    def __init__(self, version: int, folder: str | None = None) -> None:
        where = folder or os.environ.get(FOLDER)
        self._path = Path(where) / f"proof.{version}.out" if where else None
        text = self._path.read_text(encoding="utf-8") if self._path and self._path.exists() else ""
        self.kept = {kept.name: kept for kept in (Kept(**json.loads(line)) for line in text.splitlines())}

    def keep(self, kept: Kept) -> None:
        self.kept[kept.name] = kept
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(kept)) + "\n")


def processor_seconds(server: int) -> float:
    """Of this process, and of a server with all its sessions, those that are gone among them."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    return time.process_time() + sum(_of(pid) for pid in (str(server), *children))


def _of(pid: str) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(field) for field in fields[11:15]) / TICKS


PAGE = ROOT / "docs" / "proof.md"
MARK = "<!-- What follows is written by `python -m tests.support.interleavings.results FOLDER`. -->\n"


def tables(versions: dict[int, Results]) -> Iterator[str]:
    """As they stand in docs/proof.md."""
    every = list(versions.values())
    yield f"| program | {' | '.join(f'schedules, on {each} | seconds' for each in versions)} |"
    yield "|---" * (1 + 2 * len(versions)) + "|"
    for part, programs in PARTS.items():
        yield f"| **{part}**, {len(programs)} programs | {' | '.join(_sum(each, programs) for each in every)} |"
        for program in programs:
            yield f"| {program.name} | {' | '.join(_cell(each.kept.get(program.name)) for each in every)} |"
    yield ""
    yield f"| fault | found by | {' | '.join(f'schedule, on {each}' for each in versions)} |"
    yield "|---" * (2 + len(versions)) + "|"
    for mutant in MUTANTS:
        found = [each.kept.get(mutant.fault) for each in every]
        numbers = " | ".join(str(each.schedules) if each else "" for each in found)
        yield f"| {mutant.fault} | {mutant.program} | {numbers} |"


def _sum(results: Results, programs: tuple[Program, ...]) -> str:
    found = [results.kept[program.name] for program in programs if program.name in results.kept]
    schedules, seconds = sum(each.schedules for each in found), sum(each.processor_seconds for each in found)
    return f"**{schedules:,}** | **{seconds:.0f}**"


def _cell(kept: Kept | None) -> str:
    return f"{kept.schedules:,} | {kept.processor_seconds:.0f}" if kept else " | "


if __name__ == "__main__":
    told = "\n".join(tables({version: Results(version, sys.argv[1]) for version in (16, 18)}))
    PAGE.write_text(f"{PAGE.read_text(encoding='utf-8').partition(MARK)[0]}{MARK}\n{told}\n", encoding="utf-8")

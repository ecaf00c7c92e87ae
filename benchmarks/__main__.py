"""Runs the benchmarks and prints what they find beside the goals; `--json` writes everything."""

import argparse
import json
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from benchmarks import machine, regressions, table
from benchmarks.lines import LINES, Line


def main() -> int:
    """The command. Its exit status is 1 if something could not be measured, came out wrong, or has become worse."""
    names = [line.name for line in LINES]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    longer = [line.name for line in LINES if line.has_long_form]
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="few and short rounds: to see that it works, not to quote")
    form.add_argument("--long", action="store_true", help=f"the long form of {' and '.join(longer)}")
    parser.add_argument("--only", metavar="NAME[,NAME]", help=f"some of: {', '.join(names)}")
    parser.add_argument("--json", type=Path, help="write everything here; what is there of other benchmarks is kept")
    parser.add_argument(
        "--against",
        type=Path,
        nargs="?",
        const=regressions.RECORDED,
        metavar="FILE",
        help="compare with what is recorded there (benchmarks/results.json), and tell what is more than 10 %% worse",
    )
    options = parser.parse_args()
    wanted = names if options.only is None else options.only.split(",")
    if unknown := sorted(set(wanted) - set(names)):
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(names)}")
    try:
        recorded = None if options.against is None else regressions.read(options.against)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    results: table.Results = {"lines": {}}
    if options.json is not None and options.json.exists():
        results = json.loads(options.json.read_text(encoding="utf-8"))
    measured: dict[str, Any] = {}
    for line in LINES:
        if line.name in wanted:
            measured[line.name] = measure(line, quick=options.quick, long=options.long and line.has_long_form)
            every = results["lines"] | measured
            results["lines"] = {name: every[name] for name in names if name in every}
            if options.json is not None:
                options.json.write_text(json.dumps(results, separators=(",", ":")) + "\n", encoding="utf-8")
    console = table.console()
    console.print(table.terminal({"lines": measured}))
    complaints = table.complaints({"lines": measured})
    for complaint in complaints:
        console.print(complaint, style="red", markup=False)
    is_worse = recorded is not None and regressions.tell({"lines": measured}, recorded, console)
    return 1 if complaints or is_worse else 0


def measure(line: Line, *, quick: bool, long: bool) -> dict[str, Any]:
    """One benchmark, with what it was measured on."""
    print(f"{line.name} …", file=sys.stderr, flush=True)
    facts = machine.facts()
    started = time.monotonic()
    try:
        found: dict[str, Any] = line.run(quick=quick, **({"long": True} if long else {})).to_json()
    except Exception as error:  # noqa: BLE001  (the others are measured all the same, and the exit status tells)
        traceback.print_exc()
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
        found = {"error": f"{type(error).__name__}: {said}", "problems": []}
    form = {"quick": quick, **({"long": True} if long else {})}
    seconds = round(time.monotonic() - started, 1)
    print(f"{line.name}: {seconds:.0f} s", file=sys.stderr, flush=True)
    return {**form, "seconds": seconds, "machine": facts, **found}


if __name__ == "__main__":
    sys.exit(main())

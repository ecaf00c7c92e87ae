"""Runs the benchmarks and prints their ratios; `--json` writes everything."""

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import signups


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few and short rounds: to see that it works, not to quote")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    rounds, seconds = (2, 2) if options.quick else (7, 8)
    results = {"sign_ups": signups.run(rounds=rounds, seconds=seconds)}
    console = Console()
    for flush, figures in results["sign_ups"].items():
        table = Table("variant", "to no triggers", "to the least", "to synchronous", "outcome", title=f"{flush} flush")
        for figure in figures.values():
            ratios = (figure[name]["median"] for name in ("to_none", "to_least", "to_synchronous"))
            table.add_row(figure["label"], *(f"{each:.2f}" for each in ratios), str(figure["outcome"]))
        console.print(table)
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

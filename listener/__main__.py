"""`python -m listener` is the `listener` command; so is the script of that name."""

import gc
import sys
from typing import Any

gc.disable()  # imported modules stay: to collect them takes a third of the start


def _import_without(absent: str) -> None:
    """structlog imports rich, wherever there is one, to draw tracebacks. A log's are plain; and rich would be a twelfth
    of an idle daemon's memory, and of a command's start."""
    modules: dict[str, Any] = sys.modules
    if absent not in modules:
        modules[absent] = None
        import structlog  # noqa: F401

        del modules[absent]


_import_without("rich")

from listener.cli import main  # noqa: E402

gc.enable()
gc.freeze()

if __name__ == "__main__":
    main()

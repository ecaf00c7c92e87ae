"""What every `listener` command does before it looks at what it was asked: imported by the process that the tests' own
commands are forked from."""

from importlib import import_module
from importlib.util import find_spec

from listener.cli import COMMANDS, command

for name in (None, *COMMANDS):
    command(name)
import_module("anyio._backends._asyncio")
if find_spec("uvloop") is not None:
    import_module("uvloop")

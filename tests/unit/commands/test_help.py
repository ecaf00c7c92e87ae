"""What `--help` says: each value has a name that says what it is."""

from typing import Any

import pytest
from typer.core import TyperOption

from listener.cli import command

PARSER: Any = command()
COMMANDS = PARSER.commands


@pytest.mark.parametrize("name", COMMANDS)
def test_each_value_of_a_flag_is_named_for_what_it_is(name: str) -> None:
    values = {
        flag.opts[0]: flag.metavar
        for flag in COMMANDS[name].params
        if isinstance(flag, TyperOption) and not flag.is_flag and flag.name != "help"
    }
    assert [flag for flag, value in values.items() if value is None] == []

"""What each problem says is to be done stands in the runbook, too, in the section of its alert."""

import re

import pytest

from listener.instruments.problem_kinds import KINDS
from tests.support.project import ROOT
from tests.support.troubles import ALERTS

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("code", KINDS)
def test_the_command_of_a_problem_stands_in_the_section_of_its_alert_word_for_word(code: str) -> None:
    command = KINDS[code].mend.split(", then")[0]
    assert command in " ".join(SECTIONS[ALERTS[code]].split())

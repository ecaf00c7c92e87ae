"""What is run in every order: some sessions of the LMS's that write, and some of daemons and others that look.

To add a program, give it a name that says what happens, few sessions of few steps each, and put it into a list here.
The number of schedules grows with each step by a factor; `is_quick=False` keeps a program for the long form.
"""

from tests.support.interleavings.programs import beside, counting, enrolling, killing, lane, paying
from tests.support.interleavings.steps import Program

PARTS: dict[str, tuple[Program, ...]] = {
    "enrolling": enrolling.PROGRAMS,
    "counting": counting.PROGRAMS,
    "beside": beside.PROGRAMS,
    "lane": lane.PROGRAMS,
    "paying": paying.PROGRAMS,
    "killing": killing.PROGRAMS,
}
PROGRAMS = tuple(program for part in PARTS.values() for program in part)
BY_NAME = {program.name: program for program in PROGRAMS}

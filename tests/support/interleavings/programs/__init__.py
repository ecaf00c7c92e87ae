"""What is run in every order: some sessions of the LMS's that write, and some of daemons and others that look.

To add a program, give it a name that says what happens, few sessions of few steps each, and put it into a list here. The
number of schedules grows with each step by a factor; `is_quick=False` keeps a program for the long form.
"""

from tests.support.interleavings.programs import beside, counting, enrolling, paying
from tests.support.interleavings.steps import Program

PROGRAMS: tuple[Program, ...] = (*enrolling.PROGRAMS, *counting.PROGRAMS, *beside.PROGRAMS, *paying.PROGRAMS)
BY_NAME = {program.name: program for program in PROGRAMS}

"""Deliberate faults, each put into one function that is installed, as another text in its definition.

Each must be found by some schedule of the program that it names. That is how the programs were tuned: a fault that
lives says which program is missing.
"""

from tests.support.interleavings.mutants import feed, lane, others
from tests.support.interleavings.mutants.mutant import Mutant as Mutant

MUTANTS: tuple[Mutant, ...] = (*feed.MUTANTS, *lane.MUTANTS, *others.MUTANTS)

"""One deliberate fault."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """Another text in the definition of a function that is installed."""

    fault: str
    function: str
    old: str
    new: str
    program: str
    is_quick: bool = True
    """Whether it is found by few schedules, and so in the short form, too."""
    also: tuple[str, str] | None = None
    """Another text and what takes its place, where two guards stand for the same."""

"""Asks about all open points in a single answer; or guesses, where a person accepts guesses."""

from collections.abc import Awaitable
from typing import TypeVar

from listener.errors import Questions, Undecided
from listener.mapping.lists import listed, listing

Thing = TypeVar("Thing")

ACCEPTED = "accept_guesses"
"""The name under which accepted guesses are kept: a later question is a new question."""
ALL = "*"


class Asking:
    """Collects the questions about an LMS."""

    def __init__(self, accepted: str | None) -> None:
        self._accepted = listed(accepted or "")
        self._open: list[tuple[Undecided, str | None]] = []
        self.guessed: dict[str, str] = {}
        """Guesses, by subject."""

    async def answer(self, found: Awaitable[Thing], about: str, guess: str | None, assumed: Thing) -> Thing:
        """The found answer; or `assumed`, which `guess` says in words (None: no guess is possible), and a question."""
        try:
            return await found
        except Undecided as error:
            self.add(error, about, guess)
            return assumed

    def add(self, question: Undecided, about: str, guess: str | None) -> None:
        """Ask, unless the guess was accepted."""
        if guess is not None and (ALL in self._accepted or about in self._accepted):
            self.guessed[about] = guess
        else:
            self._open.append((question, guess))

    @property
    def kept(self) -> dict[str, str]:
        """The setting that keeps accepted guesses."""
        return {ACCEPTED: listing(self.guessed)} if self.guessed else {}

    def check(self) -> None:
        """Raise Undecided or Questions if anything is open."""
        if not self._open:
            return
        if len(self._open) == 1:
            question, guess = self._open[0]
            raise question if guess is None else type(question)(**question.details | {"setting": _or(question, guess)})
        lines = [
            f"{number}. {question}" + ("" if guess is None else f" --accept-guesses: {guess}.")
            for number, (question, guess) in enumerate(self._open, 1)
        ]
        raise Questions(lines, lasts=any(question.lasts for question, _ in self._open))


def _or(question: Undecided, guess: str) -> str:
    return f"{question.details['setting']}; or --accept-guesses: {guess}"

"""One reaction: a consumer of the feed, when it is due, and how much it takes at once."""

from dataclasses import dataclass, field

from listener import sql
from listener.feed.consumer import Batch, Consumer

SHOWN = 20
"""Ids that a statement returns for the log."""

BATCH_SECONDS = 0.25
"""What a batch should take at most: so long are its locks held. Larger batches cost less for each change."""

FIRST_BATCH = 2000
SMALLEST_BATCH = 100
"""Changes in a batch, within LISTENER_BATCH_SIZE: what a new leader begins with, and the least it comes down to."""


@dataclass
class Reaction:
    """One consumer of the feed, and when it is due."""

    name: str
    together: Consumer
    each: Consumer
    arguments: tuple[object, ...] = ()
    text: str | None = None
    """As it was installed; None for those that are built in."""
    pause: float = 0.0
    """Least seconds from a batch that took all there was to the next."""
    notes_left: bool = False
    """Whether the last batch was as large as it may be, and there is more: that does not pause."""
    batch_size: int = FIRST_BATCH
    due: bool = True
    paused: bool = False
    """Whether somebody told it to wait. (Its statements look for themselves, and do nothing then.)"""
    last_at: float = field(default=float("-inf"))
    careful_until: float = field(default=float("-inf"))
    blocked_pause: float = 0.0
    """Least pause between two attempts while not even the batch can be read."""

    @classmethod
    def load(cls, name: str, *, pause: float = 0.0, concerned: str | None = None) -> "Reaction":
        """The reaction in `sql/reactions/NAME.sql`, with its two ways to treat a batch. `concerned` is
        what is true of the notes that concern it."""
        text = sql.read(f"reactions/{name}")
        return cls(
            name=name,
            together=_consumer(name, text, "together", sql.read(f"reactions/{name}_few"), concerned),
            each=_consumer(name, text, "each"),
            arguments=(SHOWN,),
            pause=pause,
        )

    @classmethod
    def installed(cls, name: str, text: str) -> "Reaction":
        """A reaction that somebody installed, which has one way to treat a batch, and returns its summary. It begins
        with few changes: nobody knows what one costs."""
        consumer = Consumer(name, text)
        return cls(name=name, together=consumer, each=consumer, text=text, batch_size=SMALLEST_BATCH)

    def resize(self, batch: Batch, seconds: float, most: int) -> None:
        """Aim at batches of BATCH_SECONDS, `most` changes at most, after one that took `seconds`."""
        if batch.notes_left or seconds > BATCH_SECONDS:
            factor = min(2.0, max(0.5, BATCH_SECONDS / seconds))
            least = min(SMALLEST_BATCH, most, self.batch_size)
            self.batch_size = max(least, min(most, int(self.batch_size * factor)))

    def wait(self, now: float) -> float:
        """Seconds until this reaction should run; infinite if there is nothing for it to do."""
        if self.paused or not self.due:
            return float("inf")
        pause = 0.0 if self.notes_left else self.pause
        return max(0.0, self.last_at + max(pause, self.blocked_pause) - now)


def _consumer(name: str, text: str, manner: str, few: str | None = None, concerned: str | None = None) -> Consumer:
    return Consumer(name, text.replace("{{outcome}}", sql.read(f"reactions/{name}_{manner}")), few, concerned)

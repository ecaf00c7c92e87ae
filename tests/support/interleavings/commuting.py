"""Which steps commute: whatever comes after them cannot tell which of the two was first.

Everybody who looks at the feed sees committed rows, and a snapshot: which transactions are over, up to the highest
number of these. Two steps commute if they leave the same rows, locks and numbers in either order, and if nobody looks
between them who could see more than one of the two:

- A writer's insert, and another transaction's commit or rollback. The numbers of both were given in the same order
  before or are given after, whichever is first: the insert's comes after that of the transaction that ends. Neither
  sees the other's rows.
- A rollback, and another transaction's commit or rollback. What was rolled back was seen by nobody.
- A pause, and another transaction's end. The pause leaves no note, and its number is the higher one in either order.
- The end of a transaction that did nothing, and anything: it had no number, and no lock that anybody waits for, unless
  somebody locks tables. (`Explorer` knows which have done nothing.)
- A kill ends a transaction as a rollback does. It does not commute with what the session that is killed would do; where
  that session has no transaction and no bell in hand, it commutes with all that others do.

A session that waits for another one goes on, and looks, as soon as the other one ends. So no step of that other session
commutes with anything. Steps of the remaining sessions do: the waiting session goes on waiting.

Two inserts do not commute: their numbers are in another order. Nor does a pause with an insert or a batch, for the same
reason. Nor do two commits: what must hold in every snapshot is asked between them, where one is over and the other not.
"""

from dataclasses import dataclass

from tests.support.interleavings.steps import Kind, Step


@dataclass(frozen=True)
class Move:
    """A session's next step, and what is known of that session."""

    step: Step
    session: int
    """Whose transaction it is about: a kill is about the other one's."""
    is_waited_for: bool
    """Whether somebody is blocked by that session."""
    has_no_effect: bool
    """Whether it ends what did nothing."""

    @property
    def ends(self) -> bool:
        return self.step.is_end or self.step.kind is Kind.KILL


def commute(one: Move, other: Move) -> bool:
    """Whether the next steps of two sessions commute."""
    if one.is_waited_for or other.is_waited_for or one.session == other.session:
        return False
    return one.has_no_effect or other.has_no_effect or _commute(one, other) or _commute(other, one)


def _commute(one: Move, other: Move) -> bool:
    match one.step.kind:
        case Kind.WRITE:
            return other.ends and not one.step.can_block
        case Kind.ROLLBACK | Kind.PAUSE | Kind.KILL:
            return other.ends
        case _:
            return False

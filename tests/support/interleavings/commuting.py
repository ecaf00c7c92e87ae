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

While a session is blocked nothing commutes, for an end may let it go on, and look.

Two inserts do not commute: their numbers are in another order. Nor does a pause with an insert or a batch, for the same
reason. Nor do two commits: what must hold in every snapshot is asked between them, where one is over and the other not.
"""

from tests.support.interleavings.steps import Kind, Step


def commute(one: Step, other: Step) -> bool:
    """Whether the next steps of two sessions commute, while nobody is blocked."""
    return _commute(one, other) or _commute(other, one)


def _commute(one: Step, other: Step) -> bool:
    match one.kind:
        case Kind.WRITE:
            return other.is_end and not one.can_block
        case Kind.ROLLBACK | Kind.PAUSE:
            return other.is_end
        case _:
            return False

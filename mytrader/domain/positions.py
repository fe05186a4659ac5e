"""Positions, folded from executions; what the broker reports only widens what is possible."""

from typing import Final

from msgspec import Struct

UNBOUNDED: Final = 1_000_000
"""Stands for infinity: no position of ours is near a million contracts."""


class PositionView(Struct, frozen=True):
    """What is known of the position in one contract.

    `booked` is the signed sum of de-duplicated executions. `confirmed` is false until positions
    and executions have been answered completely since the last (re)connect. `reported` is the
    broker's newest report received after the newest execution, `None` if there is none;
    `doubt` names a reason (a corrected execution, an orphan fill) that makes it unknown.
    `disagreeing_books` counts the complete books in a row that reported another position.
    """

    con_id: int
    booked: int = 0
    confirmed: bool = False
    reported: int | None = None
    doubt: str | None = None
    disagreeing_books: int = 0

    @property
    def interval(self) -> tuple[int, int]:
        """The smallest interval [P_lo, P_hi] holding every position that is possible."""
        if not self.confirmed or self.doubt is not None:
            return (-UNBOUNDED, UNBOUNDED)
        booked, reported = self.booked, self.reported
        if reported is None or reported == booked:
            return (booked, booked)
        return (booked, reported) if booked < reported else (reported, booked)

    @property
    def known(self) -> bool:
        """Whether exactly one position is possible."""
        low, high = self.interval
        return low == high

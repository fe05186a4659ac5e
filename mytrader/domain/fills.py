"""Executions, identified by the broker's own id."""

from datetime import datetime

from msgspec import Struct

from mytrader.domain.orders import Side


def base_of(exec_id: str) -> str:
    """Return an execution id without its last part: equal for all its corrections (B19)."""
    return exec_id.rpartition(".")[0] or exec_id


class Execution(Struct, frozen=True):
    """One fill of one order: price in ticks, quantity in contracts, time aware UTC."""

    exec_id: str
    ref: str
    order_id: int
    perm_id: int
    con_id: int
    side: Side
    quantity: int
    price: int
    at: datetime

    @property
    def base_id(self) -> str:
        """The id without its last part: equal for an execution and its corrections (B19)."""
        return base_of(self.exec_id)

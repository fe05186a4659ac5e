"""Orders as a broker holds them, and where its choices come from: parts of the adversary."""

from typing import Protocol

from mytrader.domain.orders import OrderSpec, Role


class Chance(Protocol):
    """Where the broker's choices come from."""

    def below(self, bound: int) -> int:
        """Return a whole number from 0 to `bound - 1`."""
        ...


class Resting:
    """One order as the broker holds it: the truth."""

    def __init__(self, spec: OrderSpec, order_id: int) -> None:
        self.spec = spec
        self.order_id = order_id
        self.perm_id = order_id + 900
        self.filled = 0
        self.accepted = False
        self.active = spec.parent_ref is None
        self.over = False
        self.change: OrderSpec | None = None
        self.cancelling = False
        self.marketable = spec.role is Role.EXIT

    def take_change(self) -> None:
        """Let the new version take the place of the old one."""
        if self.change is not None:
            self.spec, self.change = self.change, None
            self.marketable = True

    @property
    def left(self) -> int:
        """Contracts that may still fill."""
        return 0 if self.over else self.spec.quantity - self.filled

    @property
    def status(self) -> str:
        """The broker's word for where it stands."""
        if self.over:
            return "Filled" if self.filled == self.spec.quantity else "Cancelled"
        stop = self.spec.stop is not None
        return "PreSubmitted" if stop or not self.active else "Submitted"

    @property
    def why_held(self) -> str:
        """Why a presubmitted order waits."""
        if not self.active:
            return "child"
        return "trigger" if self.spec.stop is not None else ""


class Fixed:
    """Chance that always says the same."""

    def __init__(self, number: int) -> None:
        self.number = number

    def below(self, bound: int) -> int:
        """Return the number, or the highest one allowed."""
        return min(self.number, bound - 1)

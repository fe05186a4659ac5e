"""What a script may expect of us: one small value per command, compared by its description."""

from typing import Protocol

from msgspec import Struct

from mytrader.domain import commands
from mytrader.domain.commands import AnyCommand
from mytrader.domain.orders import OrderSpec, Side


class Wanted(Protocol):
    """Something that we must do: the command's description."""

    @property
    def text(self) -> str:
        """What `described` says of such a command."""
        ...


def described(command: AnyCommand) -> str:
    """Return one command in one line."""
    match command:
        case commands.AskAdvice():
            text = "ask advice"
        case commands.AskMargin(quantity=quantity, side=side):
            text = f"ask margin {side} {quantity}"
        case commands.PlaceBracket(approved):
            text = f"place bracket {approved.order.side} {approved.order.quantity}"
        case commands.PlaceExit(approved):
            text = f"place {_placed(approved.order)}"
        case commands.PlaceEmergencyStop(approved, parent_ref):
            text = f"place {_placed(approved.order)} for {parent_ref[30:]}"
        case commands.ChangeOrder(approved):
            text = f"change {approved.order.ref[30:]}"
        case commands.CancelOrder(ref):
            text = f"cancel {ref[30:]}"
        case commands.QueryBook():
            text = "ask book"
        case commands.RaiseAlert(level, code):
            text = f"{level} {code}"
    return text


def _placed(spec: OrderSpec) -> str:
    return f"{spec.ref[30:]} {spec.side} {spec.quantity}"


class AskAdvice(Struct, frozen=True):
    """Put the proposal before the advisors."""

    text: str = "ask advice"


class AskBook(Struct, frozen=True):
    """Ask for open orders, executions and positions."""

    text: str = "ask book"


class PlaceBracket(Struct, frozen=True):
    """Send the entry with its protection."""

    quantity: int = 1
    side: Side = Side.BUY

    @property
    def text(self) -> str:
        """Side and lots."""
        return f"place bracket {self.side} {self.quantity}"


class PlaceExit(Struct, frozen=True):
    """Send a marketable exit."""

    quantity: int = 1
    name: str = "X1"
    side: Side = Side.SELL

    @property
    def text(self) -> str:
        """Name, side and contracts."""
        return f"place {self.name} {self.side} {self.quantity}"


class PlaceEmergencyStop(Struct, frozen=True):
    """Send the stop that is missing."""

    quantity: int = 1
    name: str = "M1"
    parent: str = "E1"
    side: Side = Side.SELL

    @property
    def text(self) -> str:
        """Name, side, contracts and the entry that it protects."""
        return f"place {self.name} {self.side} {self.quantity} for {self.parent}"


class Change(Struct, frozen=True):
    """Modify a resting exit."""

    name: str

    @property
    def text(self) -> str:
        """Which one."""
        return f"change {self.name}"


class Cancel(Struct, frozen=True):
    """Ask for a cancel."""

    name: str

    @property
    def text(self) -> str:
        """Of which order."""
        return f"cancel {self.name}"


class Tell(Struct, frozen=True):
    """Inform people."""

    code: str

    @property
    def text(self) -> str:
        """The alert."""
        return f"info {self.code}"


class Warn(Struct, frozen=True):
    """Warn people."""

    code: str

    @property
    def text(self) -> str:
        """The alert."""
        return f"warning {self.code}"


class Page(Struct, frozen=True):
    """Page a person."""

    code: str

    @property
    def text(self) -> str:
        """The alert."""
        return f"page {self.code}"

"""Everything we can ask for. `step` returns commands; the loop carries them out."""

from enum import StrEnum

from msgspec import Struct

from mytrader.domain.decision import Signal
from mytrader.domain.orders import Approved, Bracket, OrderSpec, Side


class Command(Struct, frozen=True, tag_field="kind"):
    """An intent. It is durable, with the event that led to it, before anything is sent."""


class AskAdvice(Command, frozen=True, tag="ask_advice"):
    """Put the proposal before the advisors; the answer returns as `AdviceGiven`."""

    cycle_id: str
    con_id: int
    signal: Signal


class AskMargin(Command, frozen=True, tag="ask_margin"):
    """Ask what an entry would do to the margin; no order results, `MarginStated` answers.

    `limit` is a price in ticks at which the order, were it one, would not trade.
    """

    cycle_id: str
    con_id: int
    side: Side
    quantity: int
    limit: int


class PlaceBracket(Command, frozen=True, tag="place_bracket"):
    """Send an approved entry with its protection."""

    approved: Approved[Bracket]


class PlaceExit(Command, frozen=True, tag="place_exit"):
    """Send an approved order that may only reduce the position."""

    approved: Approved[OrderSpec]


class PlaceEmergencyStop(Command, frozen=True, tag="place_emergency_stop"):
    """Send the stop that an entry's fill is missing."""

    approved: Approved[OrderSpec]
    parent_ref: str
    parent_order_id: int


class ChangeOrder(Command, frozen=True, tag="change_order"):
    """Modify a resting exit order."""

    approved: Approved[OrderSpec]
    why: str


class CancelOrder(Command, frozen=True, tag="cancel_order"):
    """Ask the broker to cancel one order."""

    ref: str
    why: str


class QueryBook(Command, frozen=True, tag="query_book"):
    """Ask for open orders, executions and positions; answered by `BookAnswered`."""

    number: int
    why: str


class AlertLevel(StrEnum):
    """INFO is told, WARNING wants a look, PAGE wants a person now."""

    INFO = "info"
    WARNING = "warning"
    PAGE = "page"


class RaiseAlert(Command, frozen=True, tag="alert"):
    """Tell people; `code` is stable, `text` is a sentence."""

    level: AlertLevel
    code: str
    text: str
    cycle_id: str | None = None
    ref: str | None = None


AnyCommand = (
    AskAdvice
    | AskMargin
    | PlaceBracket
    | PlaceExit
    | PlaceEmergencyStop
    | ChangeOrder
    | CancelOrder
    | QueryBook
    | RaiseAlert
)


def new_orders(command: AnyCommand) -> list[OrderSpec]:
    """Return the orders that a command lets out for the first time, none for most commands."""
    match command:
        case PlaceBracket(approved):
            return [spec for lot in approved.order.lots for spec in lot]
        case PlaceExit(approved) | PlaceEmergencyStop(approved):
            return [approved.order]
        case _:
            return []

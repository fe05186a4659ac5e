"""Commands: which of them let new orders out."""

from mytrader.domain.commands import (
    CancelOrder,
    ChangeOrder,
    PlaceBracket,
    PlaceEmergencyStop,
    PlaceExit,
    QueryBook,
    new_orders,
)
from mytrader.domain.orders import Approved, Bracket, OrderKind, OrderSpec, Side

ENTRY = OrderSpec("mt/a/E1", 1, Side.BUY, 1, OrderKind.LMT, 27_600)
STOP = OrderSpec("mt/a/S1", 1, Side.SELL, 1, OrderKind.STP_LMT, 27_500, stop=27_520)
BRACKET = Bracket("a", 1, Side.BUY, 27_600, 27_520, 27_700, ((ENTRY, STOP),))


def test_a_bracket_lets_out_every_leg_of_every_lot() -> None:
    assert new_orders(PlaceBracket(Approved(BRACKET))) == [ENTRY, STOP]


def test_exits_and_emergency_stops_are_new_orders() -> None:
    assert new_orders(PlaceExit(Approved(STOP))) == [STOP]
    assert new_orders(PlaceEmergencyStop(Approved(STOP), ENTRY.ref, 7)) == [STOP]


def test_a_change_and_a_cancel_let_nothing_new_out() -> None:
    """They go out under a number that is long on record."""
    for command in (
        ChangeOrder(Approved(STOP), "trail"),
        CancelOrder(STOP.ref, "over"),
        QueryBook(1, "look"),
    ):
        assert new_orders(command) == []

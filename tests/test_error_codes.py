"""No code alone kills an order: every code the broker knows, against every life of an order.

The table is the protocol's (errors and notices that name an order, a request or the whole link)
with the codes that the client library treats in a way of its own. What must hold is the same for
each of them and does not ask what the code means (SAFETY.md H28, I6): the order lives, it counts
as much as before, the mode does not rise, nothing raises.
"""

from typing import Final

import pytest
from msgspec.structs import replace

from mytrader.domain import commands, events
from mytrader.domain.orders import OrderKind, OrderLife, TrackedOrder
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution import order_tracking
from mytrader.execution.exposure import Reach, reach
from mytrader.execution.trade_cycle import step
from tests.playbook import (
    CON_ID,
    ENTRY,
    LINK_BACK,
    LINK_LOST,
    NOON,
    TARGET,
    Advised,
    Answered,
    Elapsed,
    Filled,
    Playbook,
    Quoted,
    Stated,
    StopWorking,
    Written,
    asked,
    entering,
    opened,
    proposed,
    the_start,
)

CODES: Final[dict[int, str]] = {
    0: "no code at all",
    100: "message rate exceeded",
    101: "too many tickers",
    102: "duplicate ticker id",
    103: "duplicate order id",
    104: "cannot modify a filled order",
    105: "the modification does not match the order",
    106: "cannot transmit the order id",
    107: "cannot transmit an incomplete order",
    109: "the price is out of the percentage limit",
    110: "the price is off the grid",
    111: "tif and order type do not go together",
    113: "tif must be DAY for this order type",
    116: "the order cannot be transmitted to a dead exchange",
    117: "block order size",
    118: "VWAP order route",
    119: "only VWAP orders may be placed there",
    120: "too late for VWAP",
    121: "bad bid price for VWAP",
    122: "the size is too small for the exchange",
    124: "exercise mode",
    125: "exercise size",
    126: "exercise data",
    129: "short sale slot",
    131: "the order id must be positive",
    133: "submit of the new order failed",
    134: "modify of the order failed",
    135: "order id not found",
    136: "the order cannot be cancelled",
    137: "the VWAP order cannot be cancelled",
    140: "the size must be a whole number",
    141: "the price must be a number",
    144: "order size does not match",
    145: "error in the order's values",
    146: "invalid trigger method",
    147: "the conditional contract is incomplete",
    148: "conditional submission failed",
    151: "the group is not known",
    152: "the order is not known to the group",
    153: "the order must be transmitted",
    154: "the exchange does not support the order in its hours",
    155: "attribute not supported",
    156: "discretionary orders have limits",
    157: "the order can be either iceberg or discretionary",
    158: "the discretionary amount",
    160: "the order was not accepted by the exchange",
    161: "not in a cancellable state",
    162: "historical data service error",
    163: "the price would violate the percentage precaution",
    164: "there is no market data for the percentage precaution",
    165: "historical data query message",
    166: "unknown hedge",
    168: "the tick size is not known",
    200: "no security definition",
    201: "rejected",
    202: "cancelled",
    203: "the security is not allowed for this account",
    300: "ticker id not found",
    309: "too many depth requests",
    312: "the combination details are wrong",
    315: "a limit price is needed",
    320: "the server could not read the request",
    321: "the request failed validation",
    322: "the server could not process the request",
    323: "the server error",
    326: "the client id is in use",
    328: "trailing stops need a price",
    329: "the order type cannot be changed",
    336: "a time is wrong",
    354: "no market data subscription",
    355: "the size does not match the market's rules",
    361: "the trigger price is wrong",
    366: "no such historical request",
    382: "the price exceeds the limit set",
    383: "the size exceeds the limit set",
    387: "the order type is not supported there",
    388: "the size is below the minimum",
    391: "the good-till time is wrong",
    399: "order message",
    404: "the order is held for a locate",
    411: "the display size",
    412: "the contract is not available for trading",
    417: "the order is not valid in this state",
    422: "the order cannot be exercised",
    424: "the algorithm is unknown",
    427: "an algorithm attribute",
    430: "the fundamental data request",
    434: "the size is zero",
    436: "an allocation is needed",
    439: "the scale order",
    440: "the minimum trigger size",
    449: "the warning must be confirmed",
    451: "the value is not known",
    460: "no trading permission",
    461: "the order is over the limit",
    492: "a warning that the client library knows",
    501: "already connected",
    502: "cannot connect",
    503: "the terminal is out of date",
    504: "not connected",
    505: "an unknown message",
    507: "bad message length",
    509: "an exception on the socket",
    511: "sending a cancel failed",
    512: "sending an order failed",
    1100: "the gateway lost the broker",
    1101: "regained, data lost",
    1102: "regained, data kept",
    1300: "the port was reset",
    2100: "account data unsubscribed",
    2101: "account data is not subscribed",
    2102: "the order is still being processed",
    2103: "market data farm down",
    2104: "market data farm up",
    2105: "historical farm down",
    2106: "historical farm up",
    2107: "historical farm idle",
    2108: "market data farm idle",
    2109: "outside regular hours is ignored",
    2110: "the gateway's link is broken",
    2129: "the product is for information",
    2137: "the cross side warning",
    2148: "an order warning",
    2157: "definition farm down",
    2158: "definition farm up",
    2161: "a precaution warns",
    10006: "a missing parent order",
    10007: "a delta-neutral order",
    10015: "the group is not allowed",
    10026: "the bracket could not be made",
    10043: "a missing parameter",
    10052: "invalid time in force",
    10067: "this order type needs an algorithm",
    10089: "market data needs another subscription",
    10090: "part of the market data is not subscribed",
    10147: "the id to cancel was not found",
    10148: "the order cannot be cancelled in its state",
    10149: "wrong order attributes",
    10167: "delayed data is shown",
    10168: "no subscription and delayed data is off",
    10182: "live updates were disconnected",
    10185: "positions failed",
    10187: "historical ticks failed",
    10197: "a competing session has the data",
    10225: "a bust event",
    10268: "an attribute is not supported",
    10311: "direct routing warns",
    10318: "the order leaves nothing",
    10326: "an order group revision",
    10327: "the group's type cannot be changed",
    10329: "the connection may be down",
    10331: "the order is bound to another client",
    10349: "the time in force was set by a preset",
    99_999: "a code that nobody has written down",
    -1: "a code that cannot be",
}

PROTOCOL: Final = frozenset(
    {100, 103, 104, 105, 110, 135, 161, 162, 200, 201, 202, 321, 322, 326, 354, 366, 399, 434}
    | {1100, 1101, 1102, 2103, 2104, 2105, 2106, 2107, 2108, 2109, 2110, 2157, 2158}
    | {502, 504, 507, 10147, 10148, 10349}
)
"""Every code that the protocol's description names."""
CLIENT: Final = frozenset({105, 110, 165, 202, 321, 329, 399, 404, 434, 492, 10167})
"""Every code that the client library treats in a way of its own."""


def _written() -> Playbook:
    script = Playbook().past(proposed(), Advised())
    return script.past(Written("E1"), Written("S1"))


def _partly_filled() -> Playbook:
    """Two lots of three have filled: the cycle holds what works beside what is done."""
    script = entering(3).past(Filled("E1", ENTRY), StopWorking("S1"), Filled("E2", ENTRY))
    return script.past(StopWorking("S2"))


def _partly_filled_exit() -> Playbook:
    """One exit for two contracts, of which one has filled."""
    script = opened(2)
    refused = replace(script.state, move_stop_refused=frozenset({OrderKind.STP_LMT}))
    script = replace(script, state=refused).past(asked(events.Request.FLATTEN))
    both = (Stated("S1", "Inactive"), Stated("S1", "Cancelled"), Stated("S2", "Cancelled"))
    script = script.past(*both, Answered(), Answered())
    return script.past(Written("X1"), Stated("X1", "Submitted"), Filled("X1", ENTRY))


LIVES: Final[dict[str, tuple[Playbook, str]]] = {
    "intended": (Playbook().past(proposed(), Advised()), "E1"),
    "written": (_written(), "E1"),
    "written child": (_written(), "S1"),
    "held": (entering(), "S1"),
    "working": (entering(), "E1"),
    "partly filled cycle": (_partly_filled(), "E3"),
    "partly filled": (_partly_filled_exit(), "X1"),
    "working stop": (opened(), "S1"),
    "stop of a fill without a word": (entering().past(Filled("E1", ENTRY)), "S1"),
    "cancel asked": (entering().past(Elapsed(10), Written("E1", "cancel")), "E1"),
    "cancelling": (entering().past(Elapsed(10), Stated("E1", "PendingCancel")), "E1"),
    "inactive": (entering().past(Stated("E1", "Inactive")), "E1"),
    "called cancelled": (entering().past(Stated("E1", "Cancelled")), "E1"),
    "change pending": (opened().past(Quoted(TARGET)), "S1"),
    "change written": (opened().past(Quoted(TARGET), Written("S1", "change")), "S1"),
    "change unknown": (opened().past(Quoted(TARGET), LINK_LOST), "S1"),
    "change unknown, link back": (opened().past(Quoted(TARGET), LINK_LOST, LINK_BACK), "S1"),
    "second identity": (opened().past(Stated("S1", "PreSubmitted", perm_id=77)), "S1"),
}


ORDERS: Final = (
    commands.PlaceBracket,
    commands.PlaceExit,
    commands.PlaceEmergencyStop,
    commands.ChangeOrder,
)


def order_of(state: TraderState, ref: str) -> TrackedOrder:
    """Return one of our orders; its cycle is still open."""
    return next(cycle.orders[ref] for cycle in state.cycles.values() if ref in cycle.orders)


def harm(before: TraderState, after: TraderState, *, ref: str) -> list[str]:
    """Everything that a code must not have done to the order or to the trader."""
    was, order = order_of(before, ref), order_of(after, ref)
    found = [] if order.live else [f"it is dead: {order.death}"]
    if order.remaining < was.remaining:
        found.append(f"{order.remaining} of {was.remaining} are left")
    if order.filled != was.filled:
        found.append(f"{order.filled} are filled instead of {was.filled}")
    found += less(reach(before, CON_ID), reach(after, CON_ID))
    if after.mode.rank < before.mode.rank:
        found.append(f"the mode rose from {before.mode} to {after.mode}")
    if after.position(CON_ID) != before.position(CON_ID):
        found.append("the position changed")
    return found


def less(before: Reach, after: Reach) -> list[str]:
    """What counts less than before, by name."""
    names = Reach.__struct_fields__
    return [name for name in names if getattr(after, name) < getattr(before, name)]


def erred(script: Playbook, name: str, code: int) -> events.ErrorReported:
    """Return the error as the broker says it of one order."""
    ref = f"mt/{script.cycle.cycle_id}/{name}"
    return events.ErrorReported(ref, script.order(name).order_id, code, CODES[code])


# The table


def test_the_table_holds_every_code_of_the_protocol_of_the_client_and_of_the_kernel() -> None:
    """A code that is treated in a way of its own is in the table, or it is not tested."""
    kernel = order_tracking.CHANGE_REFUSAL_CODES | order_tracking.CANCEL_REFUSED_CODES
    kernel |= {order_tracking.CANCELLED_CODE, order_tracking.UNKNOWN_ORDER_CODE}
    assert CODES.keys() >= PROTOCOL | CLIENT | kernel | order_tracking.REFUSAL_CODES
    assert len(CODES) > 150


def test_the_lives_are_what_they_are_called() -> None:
    """Every life that an order can have but death, and what may hang over it."""
    orders = {name: script.order(order) for name, (script, order) in LIVES.items()}
    assert {order.life for order in orders.values()} == set(OrderLife) - {OrderLife.DEAD}
    assert orders["change pending"].change is not None
    assert orders["change unknown"].change_unknown
    assert orders["cancel asked"].cancel_asked
    assert orders["called cancelled"].claims
    assert len(orders["second identity"].perm_ids) == 2
    assert (orders["partly filled"].filled, orders["partly filled"].remaining) == (1, 1)


@pytest.mark.parametrize("life", LIVES)
def test_no_code_alone_kills_an_order_or_makes_it_count_less(life: str) -> None:
    """Nor does it move the mode up, the position, or an order: at most it makes us ask."""
    script, name = LIVES[life]
    found = {}
    for code in CODES:
        event = erred(script, name, code)
        after, wanted = step(script.state, event, script.now)
        worse = harm(script.state, after, ref=event.ref)
        worse += [str(command) for command in wanted if isinstance(command, ORDERS)]
        if worse:
            found[code] = worse
    assert found == {}


@pytest.mark.parametrize("life", LIVES)
def test_no_number_of_codes_kills_an_order_and_no_time_does(life: str) -> None:
    """All of them one after the other, twice, and a minute of silence after each row."""
    script, name = LIVES[life]
    start = script.state
    for _row in range(2):
        for code in CODES:
            script = script.past(erred(script, name, code))
        ref = f"mt/{script.cycle.cycle_id}/{name}"
        assert order_of(script.state, ref).live
        assert order_of(script.state, ref).remaining >= order_of(start, ref).remaining
        assert less(reach(start, CON_ID), reach(script.state, CON_ID)) == []
        script = script.past(Elapsed(60))
        assert order_of(script.state, ref).live
    assert script.state.mode.rank >= start.mode.rank


@pytest.mark.parametrize("mode", Mode)
def test_no_code_moves_the_mode_up(mode: Mode) -> None:
    """Only people do (I8)."""
    script, name = LIVES["working stop"]
    state = replace(script.state, mode=mode)
    ends = {step(state, erred(script, name, code), script.now)[0].mode.rank for code in CODES}
    assert min(ends) >= mode.rank


@pytest.mark.parametrize("ref", ["", "not ours", "mt/01JCXW5M7Q0000000000000099/E1"])
def test_a_code_about_nothing_of_ours_changes_nothing(ref: str) -> None:
    """A request, the whole link, somebody else's order: the order path does not listen."""
    for state in (the_start(), opened().state):
        for code, text in CODES.items():
            event = events.ErrorReported(ref, 0, code, text)
            after, wanted = step(state, event, NOON)
            assert (after.cycles, after.positions, after.mode) == (
                state.cycles,
                state.positions,
                state.mode,
            )
            assert wanted == []

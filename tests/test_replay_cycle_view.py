"""A cycle as JSON: everything that its id joins, money to the cent."""

import json
from decimal import Decimal

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.cycle import ExitReason, Phase
from mytrader.domain.decision import AdvisorCall
from mytrader.domain.limits import Limits
from mytrader.domain.memory import Recall
from mytrader.domain.orders import Role, Side, TrackedOrder
from mytrader.domain.trader import TraderState
from mytrader.replay.cycle_book import CycleBook
from mytrader.replay.cycle_view import cycle_view, money, view_in
from tests.domain_samples import CYCLE_ID, NOON, a_cycle, a_fill, an_order

DESIGN_FIELDS = {
    "cycle_id", "symbol", "phase", "side", "quantity", "signal", "advice", "verdicts", "orders",
    "fills", "entry_price", "exit_price", "gross_usd", "commission_usd", "net_usd", "exit_reason",
    "opened_at", "closed_at",
}  # fmt: skip


def test_a_closed_cycle_adds_up() -> None:
    cycle = replace(
        a_cycle(
            a_fill(Side.BUY, 27_200),
            a_fill(Side.BUY, 27_201, exec_id="0002.01"),
            a_fill(Side.SELL, 27_204, quantity=2, exec_id="0003.01"),
        ),
        phase=Phase.CLOSED,
        exit_reason=ExitReason.TARGET,
        commissions_usd={"0001.01": Decimal("2.40"), "0003.01": Decimal("4.80")},
        opened_at=NOON,
        closed_at=NOON,
    )
    view = cycle_view(cycle, ["LINK_DOWN"])
    assert set(view) >= DESIGN_FIELDS
    assert (view["entry_price"], view["exit_price"]) == ("6800.12", "6801.00")
    assert (view["gross_usd"], view["commission_usd"]) == ("87.50", "7.20")
    assert view["net_usd"] == "80.30"
    assert view["fills"][1]["commission"] is None, "not reported yet"
    assert view["signal"]["stop"] == "6795.00"
    assert view["alert_codes"] == ["LINK_DOWN"]
    assert json.loads(json.dumps(view)) == view, "plain JSON"


def test_an_open_cycle_has_no_profit_yet() -> None:
    view = cycle_view(a_cycle(a_fill(Side.BUY, 27_200)))
    assert view["phase"] == "OPEN"
    assert view["gross_usd"] is None
    assert view["net_usd"] is None
    assert view["exit_price"] is None
    assert view["closed_at"] is None


def test_an_order_shows_the_price_that_triggers_it_and_its_fate() -> None:
    stop = TrackedOrder(an_order(Role.STOP), order_id=8, perm_ids=(80,))
    view = cycle_view(replace(a_cycle(), orders={stop.spec.ref: stop}))["orders"][0]
    assert view["order_ref"] == f"mt/{CYCLE_ID}/S1"
    assert (view["role"], view["type"], view["perm_id"]) == ("S", "STP LMT", 80)
    assert (view["price"], view["limit_price"]) == ("6750.00", "6745.00")
    assert view["status"] == "intended"


def test_a_leg_that_a_signal_did_not_give_is_null() -> None:
    cycle = a_cycle()
    view = cycle_view(replace(cycle, signal=replace(cycle.signal, stop=None)))
    assert view["signal"]["stop"] is None


def test_a_symbol_that_we_do_not_know_has_no_prices() -> None:
    view = cycle_view(replace(a_cycle(a_fill(Side.BUY, 1)), symbol="XX"))
    assert view["entry_price"] is None
    assert view["fills"][0]["price"] is None


def test_money_has_two_places() -> None:
    assert money(Decimal("-0.5")) == "-0.50"


def test_what_was_asked_outside_stands_beside_the_advice() -> None:
    call = AdvisorCall("risk", "agent", 1, "answered", 812.5, cost_usd=Decimal("0.004"))
    cycle = replace(a_cycle(), recall=Recall(support=0.3, trades=4))
    book = CycleBook()
    state = TraderState(limits=Limits(), finished=(cycle,))
    book.seen(events.AdvisorCalled(cycle.cycle_id, call), [], state)
    book.seen(events.AdvisorCalled("another's", call), [], state)
    view = view_in(book, cycle)
    assert [each["outcome"] for each in view["calls"]] == ["answered"]
    assert view["memory"]["support"] == 0.3
    assert json.loads(json.dumps(view, default=str))

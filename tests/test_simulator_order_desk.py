"""Orders through the real client: what it hears of a bracket, a change, a refusal, a fault."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ib_async import ExecutionFilter, Future

from mytrader.simulator.faults import EndMessage, Faults
from tests.virtual_desk import PRICE, Desk, connected, flat, run_desk, ticks

ASK = (PRICE + 1) / 4
CON_ID = 600202512


def test_bracket_fills_and_its_stop_works_from_then_on() -> None:
    async def scenario(desk: Desk) -> None:
        parent, stop = desk.bracket(ASK + 1, ASK - 10)
        await asyncio.sleep(1)
        assert (parent.orderStatus.status, stop.orderStatus.status) == ("Filled", "Submitted")
        assert desk.statuses == [
            (parent.order.orderId, "PreSubmitted"),
            (stop.order.orderId, "PreSubmitted"),
            (parent.order.orderId, "Submitted"),
            (parent.order.orderId, "Filled"),
            (stop.order.orderId, "Submitted"),
        ]
        (fill,) = parent.fills
        assert fill.execution.price == ASK
        assert fill.execution.orderRef == parent.order.orderRef
        assert fill.execution.execId.startswith("0000e0d5.")
        assert fill.commissionReport.commission == 2.4
        assert [each.position for each in desk.ib.positions()] == [1]
        assert desk.ib.positions()[0].avgCost == ASK * 50

    gateway = run_desk(connected(scenario), flat(60))
    assert gateway.ledger.position(CON_ID) == 1
    assert [order.terms.stop for order in gateway.ledger.orders] == [PRICE + 1 - 40]


def test_family_is_held_until_its_last_leg_transmits() -> None:
    async def scenario(desk: Desk) -> None:
        parent = desk.order("BUY", ASK + 1, transmit=False)
        desk.place(parent)
        await asyncio.sleep(5)
        assert desk.statuses == []
        assert await desk.ib.reqAllOpenOrdersAsync() == []
        assert desk.gateway.ledger.executions == ()
        desk.place(desk.order("SELL", ASK - 15, stop=ASK - 10, parentId=parent.orderId))
        await asyncio.sleep(1)
        assert len(desk.gateway.ledger.executions) == 1

    run_desk(connected(scenario), flat(60))


def test_child_waits_for_its_parent_and_dies_with_it() -> None:
    async def scenario(desk: Desk) -> None:
        parent, stop = desk.bracket(ASK - 5, ASK - 10)
        await asyncio.sleep(1)
        assert (parent.orderStatus.status, stop.orderStatus.status) == (
            "Submitted",
            "PreSubmitted",
        )
        assert stop.orderStatus.whyHeld == "child"
        desk.ib.cancelOrder(parent.order)
        await asyncio.sleep(1)
        assert (parent.orderStatus.status, stop.orderStatus.status) == ("Cancelled", "Cancelled")
        assert sorted(desk.errors) == [(parent.order.orderId, 202), (stop.order.orderId, 202)]

    gateway = run_desk(connected(scenario), flat(60))
    assert gateway.ledger.orders == ()
    assert [order.status for order in gateway.ledger.orders_over] == ["Cancelled", "Cancelled"]


def test_stop_is_moved_by_modifying_and_triggers_there() -> None:
    async def scenario(desk: Desk) -> None:
        _, stop = desk.bracket(ASK + 1, ASK - 10)
        await asyncio.sleep(1)
        perm_id = stop.orderStatus.permId
        stop.order.auxPrice, stop.order.lmtPrice = ASK + 5, ASK - 20
        desk.place(stop.order)
        await asyncio.sleep(1)
        assert stop.orderStatus.status == "Filled"
        assert stop.orderStatus.permId == perm_id
        assert stop.fills[0].execution.price == PRICE / 4
        assert stop.fills[0].commissionReport.realizedPNL == pytest.approx(-12.5 - 2.4)
        assert desk.ib.positions() == []

    gateway = run_desk(connected(scenario), flat(60))
    assert float(gateway.ledger.cash_usd) == 100_000 - 12.5 - 4.8
    assert gateway.ledger.position(CON_ID) == 0


def test_resting_order_is_cancelled() -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK - 5))
        await asyncio.sleep(1)
        desk.ib.cancelOrder(trade.order)
        await asyncio.sleep(1)
        assert trade.orderStatus.status == "Cancelled"
        assert desk.statuses[-2:] == [
            (trade.order.orderId, "PendingCancel"),
            (trade.order.orderId, "Cancelled"),
        ]
        assert desk.codes == [202]
        completed = await desk.ib.reqCompletedOrdersAsync(False)
        assert [each.orderStatus.status for each in completed] == ["Cancelled"]

    run_desk(connected(scenario), flat(60))


def test_executions_are_told_again_and_filtered() -> None:
    async def scenario(desk: Desk) -> None:
        desk.bracket(ASK + 1, ASK - 10)
        await asyncio.sleep(1)
        assert len(await desk.ib.reqExecutionsAsync()) == 1
        for wanted in (
            ExecutionFilter(side="SELL"),
            ExecutionFilter(symbol="MES"),
            ExecutionFilter(clientId=99),
            ExecutionFilter(time="20251212 23:59:59 US/Central"),
        ):
            assert await desk.ib.reqExecutionsAsync(wanted) == []
        assert len(await desk.ib.reqExecutionsAsync(ExecutionFilter(side="BUY"))) == 1
        # The real client never ends a request that is answered with 321: ask past it.
        desk.client.reqExecutions(900, ExecutionFilter(time="yesterday"))
        await asyncio.sleep(1)
        assert desk.codes == [321]

    run_desk(connected(scenario), flat(60))


REFUSED: list[tuple[str, dict[str, Any], int]] = [
    ("limit off the grid", {"lmtPrice": ASK + 0.1}, 110),
    ("stop off the grid", {"orderType": "STP LMT", "auxPrice": ASK - 0.1}, 110),
    ("no quantity", {"totalQuantity": 0}, 434),
    ("half a contract", {"totalQuantity": 0.5}, 321),
    ("trailing stop", {"orderType": "TRAIL"}, 321),
    ("good till date", {"tif": "GTD"}, 321),
    ("foreign account", {"account": "DU9"}, 321),
    ("OCA type", {"ocaGroup": "a", "ocaType": 4}, 321),
    ("unknown parent", {"parentId": 4711}, 135),
]


@pytest.mark.parametrize(
    ("changes", "code"),
    [(c, code) for _, c, code in REFUSED],
    ids=[name for name, _, _ in REFUSED],
)
def test_refused_order_gets_its_code_and_never_works(changes: dict[str, Any], code: int) -> None:
    async def scenario(desk: Desk) -> None:
        desk.place(desk.order("BUY", **{"limit": ASK - 5, **_as_arguments(changes)}))
        await asyncio.sleep(1)
        assert desk.codes == [code]
        assert desk.gateway.ledger.orders == ()

    run_desk(connected(scenario), flat(30))


def _as_arguments(changes: dict[str, Any]) -> dict[str, Any]:
    return {("limit" if name == "lmtPrice" else name): value for name, value in changes.items()}


def test_order_of_an_unlisted_contract_gets_200() -> None:
    async def scenario(desk: Desk) -> None:
        desk.contract = Future("NQ", "202512", "CME")
        desk.place(desk.order("BUY", ASK))
        await asyncio.sleep(1)
        assert desk.codes == [200]

    run_desk(connected(scenario), flat(30))


def test_order_id_that_was_used_gets_103() -> None:
    async def scenario(desk: Desk) -> None:
        first = desk.order("BUY", ASK - 5)
        desk.place(first)
        await asyncio.sleep(1)
        desk.place(desk.order("BUY", ASK - 5, orderId=first.orderId - 1))
        await asyncio.sleep(1)
        assert desk.errors == [(first.orderId - 1, 103)]
        assert len(desk.gateway.ledger.orders) == 1

    run_desk(connected(scenario), flat(30))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"action": "SELL"}, 105),
        ({"orderRef": "another"}, 105),
        ({"orderType": "STP LMT", "auxPrice": ASK - 6}, 329),
        ({"lmtPrice": ASK + 0.1}, 110),
        ({"tif": "IOC"}, 321),
    ],
)
def test_refused_change_leaves_the_old_order_at_work(changes: dict[str, Any], code: int) -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK - 5))
        await asyncio.sleep(1)
        for name, value in changes.items():
            setattr(trade.order, name, value)
        desk.place(trade.order)
        await asyncio.sleep(1)
        assert desk.codes == [code]
        (order,) = desk.gateway.ledger.orders
        assert order.terms.limit == PRICE + 1 - 20

    run_desk(connected(scenario), flat(30))


def test_change_and_cancel_of_a_filled_order_come_too_late() -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK + 1))
        await asyncio.sleep(1)
        order = trade.order
        desk.client.placeOrder(order.orderId, desk.contract, order)
        desk.client.cancelOrder(order.orderId)
        desk.client.cancelOrder(4711)
        await asyncio.sleep(1)
        assert desk.errors == [(order.orderId, 104), (order.orderId, 10148), (4711, 10147)]

    run_desk(connected(scenario), flat(30))


def test_cancel_that_loses_the_race_gets_161() -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", (PRICE - 40) / 4))
        await asyncio.sleep(1)
        # The market falls to the order's price at 15:00:20; the cancel arrives just after.
        await asyncio.sleep((20.0 - 0.0005) - (desk.loop.time() - 5.0))
        desk.ib.cancelOrder(trade.order)
        await asyncio.sleep(1)
        assert trade.orderStatus.status == "Filled"
        assert desk.codes == [161]

    run_desk(connected(scenario), ticks([PRICE] * 20 + [PRICE - 60] * 20))


def test_order_without_time_in_force_becomes_day_with_a_notice() -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK - 5, tif=""))
        await asyncio.sleep(1)
        assert desk.codes == [10349]
        assert trade.order.tif == "DAY" or desk.gateway.ledger.orders[0].terms.tif == "DAY"

    run_desk(connected(scenario), flat(30))


def test_global_cancel_ends_every_clients_orders() -> None:
    async def scenario(desk: Desk) -> None:
        other = Desk(desk.loop, desk.gateway)
        await other.connect(8)
        theirs = other.place(other.order("BUY", ASK - 5))
        desk.place(desk.order("BUY", ASK - 6))
        await asyncio.sleep(1)
        assert len(await desk.ib.reqAllOpenOrdersAsync()) == 2
        assert len(await desk.ib.reqOpenOrdersAsync()) == 1
        desk.client.reqGlobalCancel()
        await asyncio.sleep(1)
        assert theirs.orderStatus.status == "Cancelled"
        other.ib.disconnect()

    gateway = run_desk(connected(scenario), flat(60))
    assert gateway.ledger.orders == ()


def test_orders_work_on_while_their_client_is_away() -> None:
    async def scenario(desk: Desk) -> None:
        _, stop = desk.bracket(ASK + 1, ASK - 10)
        await asyncio.sleep(1)
        desk.ib.disconnect()
        await asyncio.sleep(30)
        assert desk.gateway.ledger.position(CON_ID) == 0
        await desk.connect()
        assert desk.ib.positions() == []
        assert sorted(fill.execution.side for fill in desk.ib.fills()) == ["BOT", "SLD"]
        assert desk.ib.client.getReqId() > stop.order.orderId

    run_desk(connected(scenario), ticks([PRICE] * 20 + [PRICE - 45] * 30))


# Faults.


def test_rejected_child_stop_leaves_its_parent_naked() -> None:
    async def scenario(desk: Desk) -> None:
        parent, stop = desk.bracket(ASK + 1, ASK - 10)
        await asyncio.sleep(1)
        assert (parent.orderStatus.status, stop.orderStatus.status) == ("Filled", "Cancelled")
        assert desk.errors == [(stop.order.orderId, 201)]
        _, second = desk.bracket(ASK + 1, ASK - 10)
        await asyncio.sleep(1)
        assert second.orderStatus.status == "Submitted"

    gateway = run_desk(connected(scenario), flat(60), faults=Faults(reject_child_stops=1))
    assert gateway.ledger.position(CON_ID) == 2


def test_marketable_change_of_a_stop_is_refused_and_the_old_stop_stays() -> None:
    async def scenario(desk: Desk) -> None:
        _, stop = desk.bracket(ASK + 1, ASK - 10)
        await asyncio.sleep(1)
        stop.order.auxPrice = ASK + 5
        desk.place(stop.order)
        await asyncio.sleep(1)
        assert desk.errors == [(stop.order.orderId, 201)]
        assert stop.orderStatus.status == "Cancelled"  # the client is wrong: the order is live
        stop.order.auxPrice = ASK - 9
        desk.client.placeOrder(stop.order.orderId, desk.contract, stop.order)
        await asyncio.sleep(1)

    faults = Faults(refuse_marketable_stop_changes=True)
    gateway = run_desk(connected(scenario), flat(60), faults=faults)
    (order,) = gateway.ledger.orders
    assert order.terms.stop == PRICE + 1 - 36


def test_dropped_acknowledgement_of_a_stop_hides_a_live_order() -> None:
    async def scenario(desk: Desk) -> None:
        parent, stop = desk.bracket(ASK + 1, ASK - 10)
        await asyncio.sleep(5)
        assert parent.orderStatus.status == "Filled"
        assert stop.orderStatus.status == "PendingSubmit"

    faults = Faults(drop_stop_acknowledgements=True)
    gateway = run_desk(connected(scenario), flat(60), faults=faults)
    assert [order.status for order in gateway.ledger.orders] == ["Submitted"]


def test_delays_move_messages_and_not_the_orders() -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK + 1))
        resting = desk.place(desk.order("BUY", ASK - 5))
        await asyncio.sleep(1)
        assert desk.gateway.ledger.position(CON_ID) == 1
        assert trade.orderStatus.status == "PendingSubmit"
        await asyncio.sleep(2)
        assert (trade.orderStatus.status, trade.fills) == ("Submitted", [])
        await asyncio.sleep(2)
        assert trade.orderStatus.status == "Filled"
        assert [each.position for each in desk.ib.positions()] == [1]
        desk.ib.cancelOrder(resting.order)
        await asyncio.sleep(4)
        assert resting.orderStatus.status == "PendingCancel"
        assert desk.gateway.ledger.orders == ()
        await asyncio.sleep(2)
        assert resting.orderStatus.status == "Cancelled"

    faults = Faults(acknowledgement_delay_ms=2000, fill_delay_ms=4000, cancel_delay_ms=5000)
    run_desk(connected(scenario), flat(60), faults=faults)


def test_an_order_is_changed_by_whoever_knows_it_from_the_gateway_alone() -> None:
    async def scenario(desk: Desk) -> None:
        desk.place(desk.order("BUY", ASK - 5))
        await asyncio.sleep(1)
        desk.ib.disconnect()
        await asyncio.sleep(1)
        await desk.connect()
        (trade,) = desk.ib.openTrades()
        trade.order.lmtPrice = ASK - 6
        desk.ib.placeOrder(desk.contract, trade.order)
        await asyncio.sleep(1)
        assert desk.codes == []
        assert desk.gateway.ledger.orders[0].terms.limit == PRICE + 1 - 24

    run_desk(connected(scenario), flat(60))


def test_executions_may_be_forgotten_at_midnight() -> None:
    midnight = datetime(2025, 12, 12, 6, 0, tzinfo=UTC)
    market = ticks([PRICE] * 120, start=midnight - timedelta(seconds=60))

    async def scenario(desk: Desk) -> None:
        desk.place(desk.order("BUY", ASK + 1))
        await asyncio.sleep(1)
        assert len(await desk.ib.reqExecutionsAsync()) == 1
        await asyncio.sleep(70)
        assert await desk.ib.reqExecutionsAsync() == []
        assert [each.position for each in desk.ib.positions()] == [1]

    run_desk(connected(scenario), market, faults=Faults(executions_since_midnight=True), bars=())


@pytest.mark.parametrize("end", list(EndMessage))
def test_missing_end_message_fails_the_clients_synchronization(end: EndMessage) -> None:
    async def scenario(desk: Desk) -> None:
        with pytest.raises(ConnectionError, match="timed out"):
            await desk.connect()

    run_desk(scenario, flat(30), faults=Faults(missing_end=end))


def test_a_question_about_margin_is_answered_and_enters_no_book() -> None:
    async def scenario(desk: Desk) -> None:
        state = await desk.ib.whatIfOrderAsync(desk.contract, desk.order("BUY", ASK + 5))
        assert (state.initMarginBefore, state.initMarginChange) == ("0.00", "15000.00")
        assert (state.initMarginAfter, state.equityWithLoanAfter) == ("15000.00", "100000.00")
        await asyncio.sleep(5)
        assert await desk.ib.reqAllOpenOrdersAsync() == []
        assert await desk.ib.reqCompletedOrdersAsync(False) == []

    gateway = run_desk(connected(scenario), flat(60))
    ledger = gateway.ledger
    assert (ledger.orders, ledger.orders_over, ledger.executions) == ((), (), ())


def test_a_question_under_the_number_of_an_order_is_refused_and_changes_nothing() -> None:
    """Hazard: the same message without its mark is a change of that order."""

    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK - 5))
        await asyncio.sleep(1)
        desk.client.placeOrder(
            trade.order.orderId,
            desk.contract,
            desk.order("BUY", ASK + 5, orderId=trade.order.orderId, whatIf=True),
        )
        await asyncio.sleep(1)
        assert desk.codes == [103]

    gateway = run_desk(connected(scenario), flat(30))
    (order,) = gateway.ledger.orders
    assert order.terms.limit == PRICE + 1 - 20
    assert gateway.ledger.executions == ()


def test_the_number_of_a_question_is_no_orders_number_later() -> None:
    async def scenario(desk: Desk) -> None:
        number = desk.client.getReqId()
        for what_if in (True, False):
            order = desk.order("BUY", ASK - 5, orderId=number, whatIf=what_if)
            desk.client.placeOrder(number, desk.contract, order)
            await asyncio.sleep(1)
        assert desk.codes == [103]

    assert run_desk(connected(scenario), flat(30)).ledger.orders == ()


def test_completed_orders_are_told_of_until_their_trading_date_has_passed() -> None:
    statuses: list[list[str]] = []

    async def scenario(desk: Desk) -> None:
        desk.place(desk.order("BUY", ASK + 1, orderRef="mt/x/E1"))
        await asyncio.sleep(5)
        for _ in range(2):
            over = await desk.ib.reqCompletedOrdersAsync(False)
            statuses.append([trade.orderStatus.status for trade in over])
            await asyncio.sleep(8 * 3600)

    run_desk(connected(scenario), flat(10))
    assert statuses == [["Filled"], []]


def test_market_stop_waits_at_the_broker_and_fills_within_its_protection() -> None:
    async def scenario(desk: Desk) -> None:
        opened = desk.place(desk.order("BUY", 0, orderType="MKT", outsideRth=False))
        stop = desk.order("SELL", 0, orderType="STP", auxPrice=ASK - 3)
        resting = desk.place(stop)
        await asyncio.sleep(1)
        assert opened.orderStatus.status == "Filled"
        status = resting.orderStatus
        assert (status.status, status.whyHeld) == ("PreSubmitted", "trigger")
        await asyncio.sleep(20)
        assert resting.orderStatus.status == "Filled"
        assert resting.fills[0].execution.price == (PRICE - 20) / 4

    market = ticks([PRICE] * 15 + [PRICE - 20] * 30)
    assert run_desk(connected(scenario), market).ledger.position(CON_ID) == 0


def test_good_till_date_ends_the_order_at_its_time() -> None:
    async def scenario(desk: Desk) -> None:
        order = desk.order("BUY", ASK - 5, tif="GTD", goodTillDate="20251212-15:00:20")
        trade = desk.place(order)
        await asyncio.sleep(1)
        assert trade.orderStatus.status == "Submitted"
        await asyncio.sleep(20)
        assert trade.orderStatus.status == "Cancelled"
        assert desk.codes == [202]

    run_desk(connected(scenario), flat(60))


def test_market_order_hears_that_outside_hours_mean_nothing_to_it() -> None:
    async def scenario(desk: Desk) -> None:
        desk.place(desk.order("BUY", 0, orderType="MKT"))
        await asyncio.sleep(1)
        assert desk.codes == [2109]

    assert run_desk(connected(scenario), flat(60)).ledger.position(CON_ID) == 1

"""Rules at work between the real client and the gateway."""

import asyncio
from collections import Counter
from decimal import Decimal

from mytrader.simulator import fault_rules as effects
from mytrader.simulator.fault_catalogue import CATALOGUE
from mytrader.simulator.fault_rules import Effect, Match, Rule, When
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import SimulatedGateway
from tests.virtual_desk import PRICE, Desk, Scenario, connected, flat, run_desk, ticks

ASK = (PRICE + 1) / 4


def _run(
    scenario: Scenario,
    message: str,
    effect: Effect,
    *,
    when: When = When(),  # noqa: B008 - frozen
    **where: str,
) -> SimulatedGateway:
    rule = Rule(effect, "it", "test", when, Match(message, where=where))  # type: ignore[arg-type]  # every subclass is one of the union
    return run_desk(connected(scenario), flat(60), faults=Faults(rules=(rule,)))


async def _buy(desk: Desk) -> None:
    desk.place(desk.order("BUY", ASK + 1))
    await asyncio.sleep(3)


def test_counts_are_kept_by_name_and_family() -> None:
    gateway = _run(_buy, "OpenOrder", effects.Repeat())
    assert gateway.faults.fired == Counter(it=2)
    assert gateway.faults.families == Counter(test=2)


def test_occasions_are_skipped_and_firings_limited() -> None:
    when = When(skip=1, times=2)
    gateway = _run(_buy, "TickPrice", effects.Drop(), when=when)
    assert gateway.faults.fired["it"] == 2


def test_a_rule_keeps_to_its_hours() -> None:
    async def scenario(desk: Desk) -> None:
        await _buy(desk)
        assert desk.statuses == []
        await asyncio.sleep(20)
        trade = desk.place(desk.order("BUY", ASK + 1))
        await asyncio.sleep(3)
        assert trade.orderStatus.status == "Filled"

    when = When(after_s=1, until_s=20)
    _run(scenario, "PlaceOrder", effects.Drop(), when=when)


def test_a_muted_subscription_is_dead_and_another_one_lives() -> None:
    async def scenario(desk: Desk) -> None:
        async def bars() -> list[object]:
            found = await desk.ib.reqHistoricalDataAsync(
                desk.contract, "", "1 D", "1 min", "TRADES", False, keepUpToDate=True
            )
            news: list[object] = []
            found.updateEvent += lambda *_: news.append(1)
            return news

        await desk.subscribe()
        await asyncio.sleep(15)
        dead = await bars()
        await asyncio.sleep(15)
        alive = await bars()
        await asyncio.sleep(15)
        assert dead == []
        assert alive

    gateway = _run(scenario, "HistoricalDataUpdate", effects.Mute(), when=When(times=1))
    assert gateway.faults.fired["it"] == 1


def test_fields_decide() -> None:
    async def scenario(desk: Desk) -> None:
        first = desk.place(desk.order("BUY", ASK + 1, orderRef="a"))
        second = desk.place(desk.order("BUY", ASK + 1, orderRef="b"))
        await asyncio.sleep(1)
        assert [each.orderStatus.status for each in (first, second)] == ["Filled", "Cancelled"]
        assert desk.errors == [(second.order.orderId, 201)]

    _run(scenario, "PlaceOrder", effects.Answer(201), order_ref="b")


def test_fields_may_decide_by_what_they_are_not() -> None:
    async def scenario(desk: Desk) -> None:
        parent, stop = desk.bracket(ASK + 1, ASK - 10)
        await asyncio.sleep(1)
        assert desk.errors == [(stop.order.orderId, 201)]
        assert parent.orderStatus.status == "PendingSubmit"

    _run(scenario, "PlaceOrder", effects.Answer(201), parent_id="!0")


def test_a_rule_that_is_overdue_acts_whatever_its_chance() -> None:
    when = When(chance=0.0, by_s=3)
    gateway = _run(_buy, "TickPrice", effects.Repeat(), when=when)
    assert gateway.faults.fired["it"] == 1


def test_a_day_has_its_hours() -> None:
    # The market by hand opens at 09:00 US Central.
    when = When(daily_at="09:01", within_s=5)
    rule = Rule(effects.Notice(2108, "idle"), "it", when=when)
    gateway = run_desk(connected(_buy), flat(60), faults=Faults(rules=(rule,)))
    assert gateway.faults.fired["it"] == 0

    async def long(desk: Desk) -> None:
        await asyncio.sleep(70)
        assert desk.codes == [2108]

    gateway = run_desk(connected(long), flat(90), faults=Faults(rules=(rule,)))
    assert gateway.faults.fired["it"] == 1


def test_notices_set_off_nothing_that_would_be_told_by_notices() -> None:
    async def scenario(desk: Desk) -> None:
        await asyncio.sleep(1)
        desk.gateway.say(2108, "idle")
        await asyncio.sleep(1)
        assert desk.codes == [2108]

    for effect in (effects.Notice(2110, "again"), effects.LoseLink(0)):
        gateway = _run(scenario, "Problem", effect)
        assert gateway.faults.fired["it"] == 0


def test_an_answer_may_end_the_connection() -> None:
    async def scenario(desk: Desk) -> None:
        desk.place(desk.order("BUY", ASK + 1))
        await asyncio.sleep(1)
        assert desk.codes == [201]
        assert not desk.ib.isConnected()

    _run(scenario, "PlaceOrder", effects.Answer(201, close=True))


def test_a_stop_that_is_refused_on_arrival_leaves_its_parent_naked() -> None:
    async def scenario(desk: Desk) -> None:
        parent, stop = desk.bracket(ASK + 1, ASK - 10)
        await asyncio.sleep(1)
        assert parent.orderStatus.status == "Filled"
        assert desk.errors == [(stop.order.orderId, 201)]
        assert [order.terms.stop for order in desk.gateway.ledger.orders] == []

    _run(scenario, "PlaceOrder", effects.Refuse(), parent_id="!0")


def test_a_change_that_is_refused_on_arrival_leaves_the_old_order() -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK - 5))
        await asyncio.sleep(1)
        trade.order.lmtPrice = ASK - 6
        desk.place(trade.order)
        await asyncio.sleep(1)
        assert desk.codes == [201]
        assert [order.terms.limit for order in desk.gateway.ledger.orders] == [PRICE + 1 - 20]

    _run(scenario, "PlaceOrder", effects.Refuse(), when=When(skip=1))


def test_a_dozing_gateway_takes_what_waited_when_it_wakes() -> None:
    async def scenario(desk: Desk) -> None:
        resting = desk.place(desk.order("BUY", ASK - 5))
        desk.ib.cancelOrder(resting.order)
        await asyncio.sleep(1)
        late = desk.place(desk.order("BUY", ASK - 6))
        await asyncio.sleep(1.5)
        assert late.orderStatus.status == "PendingSubmit"
        await asyncio.sleep(1)
        assert late.orderStatus.status == "Submitted"

    _run(scenario, "CancelOrder", effects.Doze(3000))


def test_a_busted_execution_was_never_made() -> None:
    async def scenario(desk: Desk) -> None:
        await _buy(desk)
        assert await desk.ib.reqExecutionsAsync() == []
        assert desk.ib.positions() == []
        await _buy(desk)

    gateway = _run(scenario, "ExecutionDetails", effects.Bust(), when=When(times=1))
    (fill,) = gateway.ledger.executions
    assert gateway.ledger.position(600202512) == 1
    assert gateway.ledger.cash_usd == Decimal(100_000) - fill.commission_usd
    assert fill.exec_id.startswith("0000e0d5.6571a2b4.")


def test_an_answer_may_go_with_the_real_thing() -> None:
    async def scenario(desk: Desk) -> None:
        await _buy(desk)
        assert desk.codes == [399]

    gateway = _run(scenario, "PlaceOrder", effects.Answer(399, "so", carry_out=True))
    assert len(gateway.ledger.executions) == 1


def test_a_swapped_message_comes_after_the_next() -> None:
    seen: list[str] = []

    async def scenario(desk: Desk) -> None:
        desk.ib.execDetailsEvent += lambda *_: seen.append("execution")
        desk.ib.orderStatusEvent += lambda trade: seen.append(trade.orderStatus.status)
        await _buy(desk)

    _run(scenario, "ExecutionDetails", effects.Swap())
    assert seen == ["Submitted", "Filled", "execution"] or seen.index("execution") > 0


def test_an_altered_copy_may_come_first() -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK - 5))
        await asyncio.sleep(0.5)
        assert trade.orderStatus.status == "Inactive"
        await asyncio.sleep(1)
        assert trade.orderStatus.status == "Submitted"

    _run(scenario, "OrderStatus", effects.Precede({"status": "Inactive"}, 700))


def test_an_error_may_follow_what_was_told() -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK + 1))
        await asyncio.sleep(0.5)
        assert trade.orderStatus.status == "Filled"
        await asyncio.sleep(1)
        assert trade.orderStatus.status == "ValidationError"
        assert desk.errors == [(trade.order.orderId, 399)]

    _run(scenario, "OrderStatus", effects.Follow(399, "so", 900), status="Filled")


def test_a_correction_changes_the_account_and_is_told() -> None:
    async def scenario(desk: Desk) -> None:
        await _buy(desk)
        ids = [fill.execution.execId for fill in desk.ib.fills()]
        prices = [fill.execution.price for fill in desk.ib.fills()]
        assert [each[-3:] for each in ids] == [".01", ".02"]
        assert ids[0][:-3] == ids[1][:-3]
        assert prices == [ASK, ASK - 0.5]
        (fill,) = await desk.ib.reqExecutionsAsync()
        assert fill.execution.price == ASK - 0.5

    gateway = _run(scenario, "ExecutionDetails", effects.Correct(-2))
    (fill,) = gateway.ledger.executions
    assert fill.price == PRICE - 1
    assert gateway.ledger.cash_usd == Decimal(100_000) - fill.commission_usd


def test_an_order_fills_before_its_cancel_arrives() -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK - 5))
        await asyncio.sleep(1)
        desk.ib.cancelOrder(trade.order)
        await asyncio.sleep(1)
        assert trade.fills[0].execution.price == ASK - 5
        assert desk.codes == [10148]

    gateway = _run(scenario, "CancelOrder", effects.FillFirst())
    assert gateway.ledger.position(600202512) == 1


def test_a_frame_is_cut_and_the_order_lives_on() -> None:
    async def scenario(desk: Desk) -> None:
        desk.place(desk.order("BUY", ASK - 5))
        await asyncio.sleep(1)
        assert not desk.ib.isConnected()
        await desk.connect()
        assert [each.orderStatus.status for each in desk.ib.trades()] == ["Submitted"]

    _run(scenario, "OpenOrder", effects.Cut(), when=When(times=1))


def test_a_deaf_connection_stays_open_and_says_nothing() -> None:
    async def scenario(desk: Desk) -> None:
        await _buy(desk)
        assert desk.ib.isConnected()
        assert desk.statuses == []

    gateway = _run(scenario, "PlaceOrder", effects.Deafen())
    assert gateway.ledger.executions == ()


def test_split_and_held_bytes_arrive_whole() -> None:
    async def scenario(desk: Desk) -> None:
        await _buy(desk)
        assert [each.position for each in desk.ib.positions()] == [1]
        await asyncio.sleep(5)

    for effect in (effects.Split(5, pieces=9), effects.Split(5, pieces=90_000), effects.Hold(700)):
        gateway = _run(scenario, "OpenOrder", effect)
        assert gateway.faults.fired["it"] > 0


def test_fills_come_in_parts_while_the_book_is_thin() -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK + 1, totalQuantity=3))
        await asyncio.sleep(5)
        assert [fill.execution.shares for fill in trade.fills] == [1, 1, 1]

    rule = Rule(effects.Thin(1, 100))
    run_desk(connected(scenario), flat(60), faults=Faults(rules=(rule,)))


def test_equal_seeds_strike_equally() -> None:
    async def scenario(desk: Desk) -> None:
        for _ in range(5):
            await _buy(desk)

    names = ("status twice", "status out of order", "execution late", "commission late")
    rules = tuple(CATALOGUE[name] for name in names)
    days = [
        run_desk(connected(scenario), ticks([PRICE] * 60), faults=Faults(rules=rules))
        for _ in range(2)
    ]
    assert days[0].faults.fired == days[1].faults.fired
    assert days[0].faults.fired.total() > 0

"""What the market makes a trade do: the target, the overrun stop, the end of the session."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.commands import RaiseAlert
from mytrader.domain.cycle import ExitReason, Phase
from mytrader.domain.events import ContractStated, QuoteSeen, Request
from mytrader.domain.market import BAR_LENGTH, Bar, Quote
from mytrader.domain.orders import OrderKind, Side
from mytrader.execution import market_watch
from mytrader.execution.market_watch import due_exit_at
from tests.playbook import (
    CON_ID,
    ENTRY,
    LIMITS,
    LINK_BACK,
    LINK_LOST,
    NOON,
    SESSION,
    STOP,
    TARGET,
    Answered,
    Elapsed,
    Filled,
    Playbook,
    Quoted,
    asked,
    entering,
    opened,
    proposed,
)
from tests.wanted import (
    AskAdvice,
    AskBook,
    Cancel,
    Change,
    Page,
    Tell,
    Warn,
)

FLATTEN = asked(Request.FLATTEN)


def a_quote(bid: int | None, ask: int | None) -> QuoteSeen:
    """Return a quote of the contract."""
    return QuoteSeen(CON_ID, Quote(NOON, bid, ask, None))


@pytest.mark.parametrize(("con_id", "name"), [(CON_ID, "ES"), (7, "contract 7")])
def test_bars_that_stop_and_come_again_are_told_and_change_nothing(con_id: int, name: str) -> None:
    before = opened()
    stopped = events.BarFeedChanged(con_id, up=False, since=NOON, asked=2)
    script = before >> stopped
    (told,) = script.left
    assert isinstance(told, RaiseAlert)
    assert told.text.startswith(f"{name} trades, but no bar has come since ")
    assert told.text.endswith(" UTC: asked for them (2)")
    back = events.BarFeedChanged(con_id, up=True, since=NOON, asked=2)
    script = script << Warn("BARS_SILENT") >> back << Tell("BARS_BACK")
    assert (script.is_complete, script.state) == (True, before.state)


def test_an_instrument_that_is_not_ours_stays_unknown() -> None:
    """Nothing can be proposed for it."""
    stated = ContractStated(7, "CL", "CLZ5", date(2025, 12, 19), ())
    script = Playbook() >> stated << Warn("CONTRACT_UNKNOWN")
    assert (script.is_complete, 7 in script.state.contracts) == (True, False)


def test_a_new_contract_has_a_position_that_nobody_has_told_yet() -> None:
    """The book is asked; the same contract stated again asks nothing."""
    stated = ContractStated(7, "MES", "MESZ5", date(2025, 12, 19), (SESSION,))
    script = Playbook() >> stated << AskBook() >> stated
    assert (script.is_complete, script.state.position(7).known) == (True, False)
    script = script >> Answered()
    assert script.state.position(7).known


def test_of_bars_only_the_end_of_the_newest_is_kept() -> None:
    """The strategy sees them; a bar that comes late does not make the data older, or newer."""

    def bar(minutes: int) -> events.BarClosed:
        at = NOON + minutes * BAR_LENGTH
        return events.BarClosed(CON_ID, Bar(at, ENTRY, ENTRY, ENTRY, ENTRY, 1))

    script = opened() >> bar(0)
    assert script.state.bars == {CON_ID: NOON + BAR_LENGTH}
    assert (script >> bar(-3) >> bar(0)).state == script.state


def test_the_newest_time_never_goes_back() -> None:
    """A clock that was set back is seen by the guard that compares with it."""
    script = Playbook() >> Quoted(ENTRY)
    earlier = replace(script, now=NOON - timedelta(hours=1)) >> Quoted(ENTRY)
    assert earlier.state.newest_at == NOON


@pytest.mark.parametrize(
    ("side", "quote", "exits"),
    [
        (Side.BUY, a_quote(TARGET - 1, TARGET), False),
        (Side.BUY, a_quote(TARGET, TARGET + 1), True),
        (Side.BUY, a_quote(None, TARGET + 9), False),
        (Side.SELL, a_quote(2 * ENTRY - TARGET, 2 * ENTRY - TARGET + 1), False),
        (Side.SELL, a_quote(2 * ENTRY - TARGET - 1, 2 * ENTRY - TARGET), True),
        (Side.SELL, a_quote(2 * ENTRY - TARGET - 9, None), False),
    ],
)
def test_a_target_is_reached_where_it_can_be_had(
    side: Side, quote: QuoteSeen, *, exits: bool
) -> None:
    """At the bid for a long, at the ask for a short; a missing side says nothing."""
    script = opened(side=side) >> quote
    assert (script.cycle.exit is not None) == exits
    assert script.cycle.phase is (Phase.EXITING if exits else Phase.OPEN)


@pytest.mark.parametrize(
    ("side", "bid", "exits"),
    [
        (Side.BUY, STOP - 20, False),
        (Side.BUY, STOP - 21, True),
        (Side.SELL, 2 * ENTRY - STOP + 19, False),
        (Side.SELL, 2 * ENTRY - STOP + 20, True),
    ],
)
def test_a_market_beyond_the_limit_of_a_stop_is_chased(
    side: Side, bid: int, *, exits: bool
) -> None:
    """A triggered stop-limit that rests unfilled is not flat (X3)."""
    script = opened(side=side) >> Quoted(bid)
    assert (script.cycle.exit is not None) == exits
    if script.cycle.exit is not None:
        assert script.cycle.exit.reason is ExitReason.STOP


def test_a_missing_price_and_another_contract_decide_nothing() -> None:
    """No side, no statement."""
    script = opened() >> a_quote(None, None) >> QuoteSeen(7, Quote(NOON, TARGET, TARGET, None))
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)


def test_only_an_open_trade_is_watched() -> None:
    """Before the stop works there is nothing to move."""
    script = entering() >> Filled("E1", ENTRY) >> Quoted(TARGET)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.PROTECTING)


def test_a_limit_order_does_not_overrun() -> None:
    """Only a stop-limit has a limit that the market can leave behind."""
    script = opened()
    order = script.order("S1")
    limit = replace(order, spec=replace(order.spec, kind=OrderKind.LMT, stop=None))
    cycle = replace(script.cycle, orders={**script.cycle.orders, order.spec.ref: limit})
    assert not market_watch._overrun(cycle, STOP - 99)


def test_a_stop_that_cannot_fill_does_not_overrun() -> None:
    """The child of an entry that has not filled is dormant."""
    assert market_watch._overrun(opened().cycle, STOP - 99)
    assert not market_watch._overrun(entering().cycle, STOP - 99)


def test_a_quote_carries_a_late_exit_on() -> None:
    """The market moves before the timer does."""
    script = opened() >> Quoted(TARGET) << Change("S1")
    script = replace(script, now=script.now + timedelta(seconds=1)) >> Quoted(TARGET)
    assert script.is_complete
    script = replace(script, now=script.now + timedelta(seconds=1)) >> Quoted(TARGET) << AskBook()
    assert script.is_complete


# The session


def test_the_last_minutes_flatten_when_their_moment_has_come() -> None:
    """The timer is armed for it; a quote decides nothing about time."""
    script = opened()
    script = replace(script, now=SESSION[1] - timedelta(minutes=4)) >> Quoted(ENTRY)
    script = script >> events.TimeReached() << Change("S1")
    assert script.cycle.exit is not None
    assert script.cycle.exit.reason is ExitReason.SESSION_END


def test_two_open_trades_lose_the_day_together() -> None:
    """Neither has lost the limit alone: the sum over all contracts counts."""
    script = opened()
    limits = replace(LIMITS, loss_usd_daily_max=Decimal(200))
    other = replace(script.cycle, cycle_id="01JCXW5M7Q0000000000000009", con_id=CON_ID + 1)
    state = replace(script.state, limits=limits)
    contract = replace(state.contracts[CON_ID], con_id=CON_ID + 1)
    state = replace(
        state,
        cycles={**state.cycles, other.cycle_id: other},
        contracts={**state.contracts, CON_ID + 1: contract},
        quotes={**state.quotes, CON_ID + 1: Quote(NOON, ENTRY - 8, ENTRY - 7, None)},
    )
    script = replace(script, state=state) >> Quoted(ENTRY - 7)
    assert script.is_complete
    script = script >> Quoted(ENTRY - 8) << Page("MODE_REDUCE_ONLY")
    script = script << Change("S1") << Change("S1")
    assert script.is_complete


def test_a_position_that_outlived_its_session_is_due_at_the_next_open() -> None:
    """After a long stop the broker does not state the old session any more."""
    script = opened()
    opens = SESSION[1] + timedelta(hours=1)
    later = ((opens, opens + timedelta(hours=23)),)
    state = replace(script.state, sessions={CON_ID: later})
    assert due_exit_at(state, script.cycle) == opens
    script = (
        replace(script, state=state) >> Elapsed((opens - NOON).total_seconds()) << Change("S1")
    )
    assert script.cycle.exit is not None
    assert due_exit_at(replace(state, sessions={}), opened().cycle) is None


def test_only_an_open_trade_without_an_exit_has_a_session_end() -> None:
    """Everything else has deadlines of its own."""
    script = entering()
    assert due_exit_at(script.state, script.cycle) is None
    script = opened() >> Quoted(TARGET)
    assert due_exit_at(script.state, script.cycle) is None
    script = opened()
    unknown = replace(script.cycle, opened_at=None)
    assert due_exit_at(script.state, unknown) == SESSION[1] - timedelta(minutes=5)


# Flatten


def test_flattening_nothing_says_why_no_order_leaves() -> None:
    """Flat and known: nothing to exit."""
    script = Playbook() >> FLATTEN << Page("MODE_REDUCE_ONLY") << Warn("EXIT_WHEN_FLAT")
    assert script.is_complete


def test_flattening_while_the_position_is_unknown_sends_nothing() -> None:
    """Unknown is not flat, and it is not a position either."""
    script = Playbook() >> LINK_LOST << Warn("LINK_DOWN") >> FLATTEN
    script = script << Page("MODE_REDUCE_ONLY") << Warn("POSITION_UNKNOWN")
    assert script.is_complete


@pytest.mark.parametrize("held", [2, -2])
def test_flattening_a_position_that_no_cycle_owns_is_left_to_its_owner(held: int) -> None:
    """A person opened it by hand: the machine says that it will not touch it."""
    script = opened()
    fill = replace(
        script.cycle.fills[0],
        ref="by hand",
        exec_id="9.01",
        quantity=2,
        side=Side.BUY if held > 0 else Side.SELL,
    )
    script = (Playbook() >> events.ExecutionReported(fill)).ignoring()
    script = script >> FLATTEN << Warn("EXIT_WITHOUT_CYCLE")
    assert (script.is_complete, script.state.position(CON_ID).booked) == (True, held)


def test_a_flatten_of_one_contract_leaves_the_proposal_of_none() -> None:
    """A proposal has no orders, but it would: it is refused first."""
    script = Playbook() >> proposed() << AskAdvice() >> FLATTEN << Tell("MODE")
    assert script.cycle.phase is Phase.REFUSED


def test_an_entry_that_works_is_withdrawn() -> None:
    """Nothing is open yet; the cancel is watched to its proof."""
    script = entering() >> FLATTEN << Page("MODE_REDUCE_ONLY") << Cancel("E1")
    assert (script.is_complete, script.cycle.settle_due_at) == (True, NOON + timedelta(seconds=10))


def test_two_contracts_are_flattened_each_by_its_own_rule() -> None:
    """One has a trade, the other is flat."""
    stated = ContractStated(7, "MES", "MESZ5", date(2025, 12, 19), (SESSION,))
    script = opened() >> stated << AskBook() >> Answered(("S1",)) >> FLATTEN
    script = script << Page("MODE_REDUCE_ONLY") << Change("S1") << Warn("EXIT_WHEN_FLAT")
    assert script.is_complete
    assert (script >> LINK_BACK << AskBook()).is_complete

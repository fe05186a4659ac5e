"""A trade in the words of a desk, also where something of it is not known."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.alerts.trades import (
    cycle_line,
    entry_lines,
    exit_lines,
    lots_entered,
    net_usd,
    protection_line,
    title,
    wait_lines,
)
from mytrader.alerts.wording import Veil, without_tags
from mytrader.domain.cycle import ExitReason, TradeCycle
from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.memory import Recall, SimilarTrade
from mytrader.domain.orders import OrderLife, Role, Side, TrackedOrder
from tests.domain_samples import CYCLE_ID, NOON, a_cycle, a_fill, an_order

VEIL = Veil()
BOUGHT = a_fill(Side.BUY, 27_200, exec_id="in")
SOLD = a_fill(Side.SELL, 27_210, exec_id="out")


def protected(
    stop: int = 27_000, *, working: bool = True, target: int | None = None
) -> TradeCycle:
    """A long contract with a stop."""
    spec = replace(an_order(Role.STOP), stop=stop)
    life = OrderLife.WORKING if working else OrderLife.WRITTEN
    order = TrackedOrder(spec, life=life, perm_ids=(9,), status="PreSubmitted")
    return replace(a_cycle(BOUGHT), orders={spec.ref: order}, target=target)


def test_a_protected_position_says_stop_risk_and_target() -> None:
    assert protection_line(protected(target=27_400)) == (
        "stop 6,750.00 works, at risk $2,500.00, target 6,850.00"
    )


def test_a_stop_beyond_the_entry_locks_a_profit_in() -> None:
    assert protection_line(protected(27_204)).endswith("works, locked in $50.00")


def test_a_stop_that_nobody_confirmed_is_not_said_to_work() -> None:
    assert "not confirmed yet" in protection_line(protected(working=False))


def test_a_naked_position_is_said_in_bold() -> None:
    assert protection_line(a_cycle(BOUGHT)) == "<b>no stop rests at the broker</b>"


def test_flat_or_unknown_there_is_nothing_to_protect() -> None:
    assert protection_line(a_cycle(BOUGHT, SOLD)) == ""
    assert protection_line(replace(protected(), symbol="ZZ")) == ""


def test_a_flipped_position_has_no_entry_to_measure_from() -> None:
    """Everything it filled was on the other side."""
    order = replace(protected(), fills=(SOLD,))
    assert "at risk" not in protection_line(order)


def test_a_title_is_what_was_filled_or_what_is_wanted() -> None:
    assert title(a_cycle(BOUGHT, replace(BOUGHT, exec_id="2", price=27_202))) == (
        "BUY 2 ES at 6,800.25"
    )
    assert title(a_cycle()) == "BUY 1 ES at 6,800.00"
    assert title(replace(a_cycle(BOUGHT), symbol="ZZ")) == "BUY 1 ZZ at ?"


def test_an_exit_says_everything_that_is_known() -> None:
    cycle = replace(
        a_cycle(BOUGHT, SOLD),
        exit_reason=ExitReason.TIME_STOP,
        opened_at=NOON,
        closed_at=NOON + timedelta(minutes=61),
        commissions_usd={"in": Decimal("2.40")},
        emergency_stops=1,
    )
    assert exit_lines(cycle) == [
        "BUY 1 at 6,800.00 → 6,802.50, by time stop, held 1 h 1 min",
        "gross +$125.00, commission $2.40 (1 fill not reported yet)",
        "with 1 emergency stop",
    ]
    assert net_usd(cycle) == Decimal("122.60")
    assert lots_entered(cycle) == 1


def test_an_exit_says_no_more_than_is_known() -> None:
    cycle = replace(a_cycle(BOUGHT, SOLD), symbol="ZZ")
    assert exit_lines(cycle) == ["BUY 1 at ? → ?"]
    assert net_usd(cycle) is None


def test_an_entry_says_who_said_what() -> None:
    opinions = (
        Opinion("decision", AdvisorRole.DECISION, Advice.GO, "calm", 0.8),
        Opinion("risk", AdvisorRole.RISK, Advice.WAIT, "", failure="timeout"),
    )
    similar = (
        SimilarTrade("a", 0.1, Decimal(1), 0.5),
        SimilarTrade("b", 0.2, Decimal(1), 0.5, "mind the open"),
    )
    cycle = replace(
        protected(),
        opinions=opinions,
        recall=Recall(similar, 0.5, trades=2, wins=1),
        confidence=0.7,
    )
    lines = [without_tags(line) for line in entry_lines(cycle, VEIL)]
    assert lines[1:] == [
        "ema-cross, confidence 0.70",
        "decision GO calm",
        "risk timeout",
        "memory: 2 trades like it, 1 won mind the open",
    ]
    assert [without_tags(line) for line in wait_lines(cycle, VEIL)] == ["risk timeout"]


@pytest.mark.parametrize("recall", [None, Recall(), Recall(trades=3, failure="timeout")])
def test_a_memory_that_says_nothing_is_not_quoted(recall: Recall | None) -> None:
    lines = entry_lines(replace(protected(), recall=recall), VEIL)
    assert not any("memory" in line for line in lines)


def test_the_id_can_be_copied_by_a_tap() -> None:
    assert cycle_line(CYCLE_ID) == f"cycle <code>{CYCLE_ID}</code>"
    assert cycle_line(None) == ""

"""A closed hour, strategy or regime has no entries, and an unknown regime is no open one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mytrader.domain.limits import Limits
from mytrader.domain.orders import Approved, Refused, Side, Verdict
from mytrader.domain.regime import REGIMES, Regime
from mytrader.execution.entry_case import Case, open_case
from mytrader.execution.guards import approve_entry, approve_exit
from mytrader.execution.rule_guards import nothing_is_closed_by_rule
from tests.domain_samples import NOON
from tests.guard_samples import (
    LIMITS,
    a_case,
    a_proposal,
    a_proposed_cycle,
    a_signal,
    a_trader,
    exit_spec,
    holding,
    in_limits,
    refusals,
)

HOUR = 12
"""NOON is 18:00 UTC, in winter."""

TICK = timedelta(microseconds=1)


def seen(regime: Regime | None, **closed: tuple[object, ...]) -> Case:
    """Return the sample case in a regime, with something closed."""
    cycle = a_proposed_cycle(signal=a_signal(regime=regime))
    return a_case(a_proposal(cycle), limits=replace(LIMITS, **closed))


def proposed(at: datetime, *, hour: int, judged_after: timedelta = TICK) -> Case:
    """Return the case of a proposal made at a moment, with an hour closed."""
    state = a_trader(limits=replace(LIMITS, no_entry_hours=(hour,)))
    proposal = a_proposal(a_proposed_cycle(proposed_at=at))
    return open_case(proposal, state, now=at + judged_after)


def answer(case: Case) -> Verdict:
    """Return the verdict of this guard alone."""
    return nothing_is_closed_by_rule(case)


UP_HIGH, UP_LOW = REGIMES["UPTREND HIGH"], REGIMES["UPTREND LOW"]
ONE_O_CLOCK = NOON + timedelta(hours=1)
EDGES: list[tuple[str, Case, Case | None]] = [
    ("CLOSED_BY_RULE", in_limits(no_entry_hours=(3, HOUR)), in_limits(no_entry_hours=(3, 13))),
    ("CLOSED_BY_RULE", proposed(NOON, hour=12), proposed(NOON - TICK, hour=12)),
    ("CLOSED_BY_RULE", proposed(ONE_O_CLOCK - TICK, hour=12), proposed(ONE_O_CLOCK, hour=12)),
    # In summer noon in Chicago is 17:00 UTC.
    (
        "CLOSED_BY_RULE",
        proposed(datetime(2025, 7, 2, 17, tzinfo=UTC), hour=12),
        proposed(datetime(2025, 7, 2, 18, tzinfo=UTC), hour=12),
    ),
    (
        "CLOSED_BY_RULE",
        in_limits(no_entry_strategies=("breakout", "ema-cross")),
        in_limits(no_entry_strategies=("breakout", "ema")),
    ),
    (
        "CLOSED_BY_RULE",
        seen(UP_HIGH, no_entry_regimes=("RANGE LOW", "UPTREND HIGH")),
        seen(UP_LOW, no_entry_regimes=("RANGE LOW", "UPTREND HIGH")),
    ),
    ("CLOSED_BY_RULE", seen(None, no_entry_regimes=("RANGE LOW",)), seen(None)),
]


@pytest.mark.parametrize(("code", "spoiled", "allowed"), EDGES)
def test_the_guard_refuses_what_is_closed_and_passes_what_is_not(
    code: str, spoiled: Case, allowed: Case | None
) -> None:
    assert code in refusals(spoiled)
    assert allowed is None or code not in refusals(allowed)


def test_the_hour_is_that_of_the_proposal_whenever_it_is_judged() -> None:
    """Advice may take seconds; the tables of learning count the proposal's hour as well."""
    late = timedelta(seconds=4)
    assert not answer(proposed(ONE_O_CLOCK - TICK, hour=12, judged_after=late)).approved
    assert answer(proposed(ONE_O_CLOCK - TICK, hour=13, judged_after=late)).approved


@pytest.mark.parametrize(
    ("case", "detail"),
    [
        (in_limits(no_entry_hours=(HOUR,)), "no_entry_hours: 12 (US Central)"),
        (proposed(NOON + timedelta(hours=15), hour=3), "no_entry_hours: 03 (US Central)"),
        (in_limits(no_entry_strategies=("ema-cross",)), "no_entry_strategies: ema-cross"),
        (seen(UP_HIGH, no_entry_regimes=("UPTREND HIGH",)), "no_entry_regimes: UPTREND HIGH"),
        (
            seen(None, no_entry_regimes=("UPTREND HIGH",)),
            "no_entry_regimes: the signal names no regime",
        ),
    ],
)
def test_a_refusal_names_the_rule_and_the_value(case: Case, detail: str) -> None:
    assert answer(case) == Verdict("CLOSED_BY_RULE", approved=False, detail=detail)


def test_every_rule_that_refuses_is_named() -> None:
    case = seen(
        UP_LOW,
        no_entry_hours=(HOUR,),
        no_entry_strategies=("ema-cross",),
        no_entry_regimes=("UPTREND LOW",),
    )
    assert answer(case).detail == (
        "no_entry_hours: 12 (US Central); no_entry_strategies: ema-cross;"
        " no_entry_regimes: UPTREND LOW"
    )


def test_what_is_no_regime_of_ours_is_no_open_one() -> None:
    """A strategy of somebody else may say anything; an unknown is never approved."""
    odd: list[Any] = [Regime("SIDEWAYS", "LOW"), "UPTREND LOW"]  # type: ignore[arg-type]  # odd
    for regime in odd:
        case = seen(regime, no_entry_regimes=("RANGE LOW",))
        assert not answer(case).approved


def test_nothing_else_of_an_entry_is_refused_by_it_and_all_guards_are_recorded() -> None:
    case = in_limits(no_entry_hours=(HOUR,))
    assert refusals(case) == {"CLOSED_BY_RULE"}
    limits = replace(LIMITS, no_entry_hours=(HOUR,))
    refused, verdicts = approve_entry(a_proposal(), a_trader(limits=limits), now=NOON)
    _, without = approve_entry(a_proposal(), a_trader(), now=NOON)
    assert isinstance(refused, Refused)
    assert refused.code == "CLOSED_BY_RULE"
    assert [one.code for one in verdicts] == [one.code for one in without]


def test_an_open_hour_approves_the_entry() -> None:
    limits = replace(LIMITS, no_entry_hours=(HOUR + 1,))
    approved, _ = approve_entry(a_proposal(), a_trader(limits=limits), now=NOON)
    assert isinstance(approved, Approved)


def test_no_rule_reaches_an_exit() -> None:
    """Whatever is closed, what is open may be left."""
    limits = Limits(
        no_entry_hours=tuple(range(24)),
        no_entry_strategies=("ema-cross",),
        no_entry_regimes=tuple(REGIMES),
    )
    assert approve_exit(holding(1, limits=limits), exit_spec(Side.SELL))

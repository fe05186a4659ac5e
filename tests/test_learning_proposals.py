"""Proposals need enough evidence, make one step, and say by their numbers whether they tighten."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain.cycle import Phase
from mytrader.domain.regime import REGIMES, Regime
from mytrader.execution.rule_guards import nothing_is_closed_by_rule
from mytrader.learning.outcomes import (
    UNKNOWN,
    Before,
    Ended,
    Material,
    Outcome,
    outcomes_of,
)
from mytrader.learning.parameters import (
    HOUR_NAMES,
    Members,
    Parameter,
    Value,
    current_values,
)
from mytrader.learning.proposals import (
    LIFETIME_MAX,
    Proposal,
    Terms,
    _is_open,
    problem,
    proposals,
)
from mytrader.settings import Settings, TradingSettings, to_limits
from tests.domain_samples import NOON
from tests.guard_samples import a_case, a_proposed_cycle, a_signal
from tests.guard_samples import a_proposal as guarded
from tests.learning_samples import FRESH, NOW, a_closing, a_proposal, a_refusal, a_trade, around

VALUES = current_values(Settings())


def found(outcomes: Sequence[Outcome], **values: str) -> dict[Parameter, Proposal]:
    changed = {Parameter[name]: Decimal(value) for name, value in values.items()}
    made = proposals(outcomes, {**VALUES, **changed}, now=NOW)
    assert len({one.parameter for one in made}) == len(made)
    return {one.parameter: one for one in made}


def trades(
    mean: float, count: int = 25, *, before: Before = FRESH, **more: object
) -> list[Outcome]:
    made = [a_trade(n, r, before=before) for n, r in enumerate(around(mean, count))]
    return [replace(one, **more) for one in made]


def refusals(mean: float, *codes: str, before: Before = FRESH, **more: object) -> list[Outcome]:
    made = [a_refusal(n, *codes, r=r, before=before) for n, r in enumerate(around(mean, 25))]
    return [replace(one, **more) for one in made]


LOST_LATE = replace(FRESH, entries=17)
TIGHTENING: dict[Parameter, tuple[list[Outcome], str]] = {
    Parameter.CONFIDENCE: (trades(-0.8, confidence=0.62), "0.65"),
    Parameter.DAILY_TRADES: (trades(-0.8, before=LOST_LATE), "15"),
    Parameter.COOLDOWN: (
        trades(-0.8, before=replace(FRESH, entry_gap=timedelta(minutes=8))),
        "15",
    ),
    Parameter.LOSS_PER_TRADE: (trades(-0.8, risk_usd=Decimal(1100)), "1000"),
    Parameter.LOSS_STREAK: (trades(-0.8, before=replace(FRESH, losses_in_a_row=4)), "4"),
    Parameter.DAILY_LOSS: (
        trades(-0.8, before=replace(FRESH, realised_usd=Decimal(-1600))),
        "1600",
    ),
    Parameter.BEFORE_CLOSE: (
        trades(-0.8, before=replace(FRESH, to_close=timedelta(minutes=30))),
        "45",
    ),
}
LOOSENING: dict[Parameter, tuple[list[Outcome], str]] = {
    Parameter.CONFIDENCE: (refusals(0.8, "LOW_CONFIDENCE", confidence=0.57), "0.55"),
    Parameter.DAILY_TRADES: (
        refusals(0.8, "MODE", "TRADE_COUNT", before=replace(FRESH, entries=20)),
        "25",
    ),
    Parameter.COOLDOWN: (
        refusals(0.8, "COOLDOWN", before=replace(FRESH, entry_gap=timedelta(minutes=2))),
        "1",
    ),
    Parameter.LOSS_PER_TRADE: (refusals(0.8, "MAX_LOSS_PER_TRADE"), "1500"),
    Parameter.LOSS_STREAK: (
        refusals(0.8, "MODE", "LOSS_STREAK", before=replace(FRESH, losses_in_a_row=5)),
        "6",
    ),
    Parameter.DAILY_LOSS: (
        refusals(0.8, "DAILY_LOSS", before=replace(FRESH, realised_usd=Decimal(-2000))),
        "2400",
    ),
    Parameter.BEFORE_CLOSE: (
        refusals(0.8, "SESSION_END", before=replace(FRESH, to_close=timedelta(minutes=10))),
        "5",
    ),
}


@pytest.mark.parametrize("parameter", TIGHTENING)
def test_trades_that_a_step_would_have_kept_away_and_that_lost_propose_it(
    parameter: Parameter,
) -> None:
    outcomes, value = TIGHTENING[parameter]
    proposal = found(outcomes)[parameter]
    assert (proposal.value, proposal.tightens) == (Decimal(value), True)
    assert proposal.evidence.trades == 25
    assert proposal.evidence.high_r < 0
    assert "would keep away" in proposal.reason
    assert "mean -0.80 R" in proposal.reason
    assert problem(proposal) == ""
    assert proposal.expires_at - proposal.made_at == timedelta(days=14)


@pytest.mark.parametrize("parameter", LOOSENING)
def test_refusals_that_a_step_would_let_pass_and_that_would_have_gained_propose_it(
    parameter: Parameter,
) -> None:
    outcomes, value = LOOSENING[parameter]
    proposal = found(outcomes)[parameter]
    assert (proposal.value, proposal.tightens) == (Decimal(value), False)
    assert "would let pass would have earned" in proposal.reason
    assert problem(proposal) == ""


@pytest.mark.parametrize("parameter", LOOSENING)
def test_refusals_that_others_had_refused_too_propose_nothing(parameter: Parameter) -> None:
    """The step would not have made those trades."""
    outcomes = [replace(one, codes=(*one.codes, "AWS_WAIT")) for one in LOOSENING[parameter][0]]
    assert parameter not in found(outcomes)


# Lists of what is closed

ELSEWHERE = [
    replace(one, hour=14, strategy="breakout", regime="UPTREND HIGH") for one in trades(0.8)
]
"""Trades that gained, in another hour, strategy and regime."""

MEMBERS: dict[Parameter, tuple[str, str]] = {
    Parameter.HOURS: ("no_entry_hours", "12"),
    Parameter.STRATEGIES: ("no_entry_strategies", "ema-cross"),
    Parameter.REGIMES: ("no_entry_regimes", "RANGE LOW"),
}


def closing(**lists: Sequence[object]) -> Mapping[Parameter, Value]:
    """Return the values of settings that close something."""
    return current_values(Settings(trading=TradingSettings.model_validate(lists)))


def about(
    outcomes: Sequence[Outcome], parameter: Parameter, values: Mapping[Parameter, Value] = VALUES
) -> Proposal | None:
    """Return what is proposed about one parameter."""
    made = proposals(outcomes, values, now=NOW)
    return next((one for one in made if one.parameter is parameter), None)


@pytest.mark.parametrize("parameter", MEMBERS)
def test_an_hour_a_strategy_or_a_regime_that_surely_lost_is_closed(parameter: Parameter) -> None:
    _, member = MEMBERS[parameter]
    proposal = about([*trades(-0.8), *ELSEWHERE], parameter)
    assert proposal is not None
    assert (proposal.current, proposal.value) == ((), (member,))
    assert (proposal.tightens, proposal.member) == (True, member)
    assert proposal.needs_nobody is (parameter is not Parameter.STRATEGIES)
    assert proposal.evidence.trades == 25
    assert proposal.reason.startswith(
        f"{parameter} from none to {member}: 25 trades that it would keep away earned -2000.00"
    )
    assert problem(proposal) == ""


@pytest.mark.parametrize("parameter", MEMBERS)
def test_the_last_that_was_traded_is_never_closed(parameter: Parameter) -> None:
    assert about(trades(-0.8), parameter) is None
    _, member = MEMBERS[parameter]
    other = closing(**{MEMBERS[Parameter.HOURS][0]: [14]})
    if parameter is Parameter.HOURS:
        assert about([*trades(-0.8), *ELSEWHERE], parameter, other) is None, member


@pytest.mark.parametrize("parameter", MEMBERS)
def test_few_or_doubtful_losses_close_nothing(parameter: Parameter) -> None:
    assert about([*trades(-0.8, 19), *ELSEWHERE], parameter) is None
    mixed = [a_trade(n, (1.7, -1.0, -1.0)[n % 3]) for n in range(30)]
    assert about([*mixed, *ELSEWHERE], parameter) is None


def test_what_is_kept_away_already_is_no_evidence() -> None:
    """The losses of a closed strategy do not close their hour as well."""
    outcomes = [*trades(-0.8), *ELSEWHERE]
    assert about(outcomes, Parameter.HOURS, closing(no_entry_strategies=["ema-cross"])) is None
    held = {**VALUES, Parameter.STRATEGIES: ("ema-cross",)}
    made = proposals(outcomes, VALUES, now=NOW, held=held)
    assert not {one.parameter for one in made} & {Parameter.HOURS, Parameter.REGIMES}


def test_no_regime_is_closed_where_signals_without_one_were_traded() -> None:
    """They would all be refused, and nothing was seen of their regimes."""
    blind = [replace(one, regime=UNKNOWN) for one in trades(0.5)]
    outcomes = [*trades(-0.8), *ELSEWHERE, *blind]
    assert about(outcomes, Parameter.REGIMES) is None
    assert about(trades(-0.8, regime=UNKNOWN) + ELSEWHERE, Parameter.REGIMES) is None


def test_the_surest_member_is_proposed_and_what_is_barred_is_not() -> None:
    worse = [replace(one, hour=9) for one in trades(-1.5)]
    outcomes = [*trades(-0.8), *ELSEWHERE, *worse]
    first = about(outcomes, Parameter.HOURS)
    assert first is not None
    assert first.member == "09"
    made = proposals(outcomes, VALUES, now=NOW, barred={first.subject})
    assert [one.member for one in made if one.parameter is Parameter.HOURS] == ["12"]


def test_no_more_than_half_are_closed_with_all_that_is_in_force() -> None:
    outcomes = [*trades(-0.8), *ELSEWHERE]
    for count, wanted in ((11, True), (12, False)):
        held = {**VALUES, Parameter.HOURS: HOUR_NAMES[:count]}
        made = proposals(outcomes, VALUES, now=NOW, held=held)
        assert (Parameter.HOURS in {one.parameter for one in made}) is wanted


@pytest.mark.parametrize("parameter", MEMBERS)
def test_refusals_by_a_list_alone_that_would_have_gained_open_one_member(
    parameter: Parameter,
) -> None:
    key, member = MEMBERS[parameter]
    members = [int(member)] if parameter is Parameter.HOURS else [member]
    missed = refusals(0.8, "CLOSED_BY_RULE")
    values = closing(**{key: members})
    proposal = about(missed, parameter, values)
    assert proposal is not None
    assert (proposal.current, proposal.value, proposal.tightens) == ((member,), (), False)
    assert proposal.needs_nobody is False
    assert "25 refusals that it would let pass would have earned +2000.00 USD" in proposal.reason
    assert problem(proposal) == ""
    assert about(refusals(0.8, "CLOSED_BY_RULE", "COOLDOWN"), parameter, values) is None
    assert about(refusals(-0.8, "CLOSED_BY_RULE"), parameter, values) is None
    elsewhere = [replace(one, hour=3, strategy="x", regime="RANGE HIGH") for one in missed]
    assert about(elsewhere, parameter, values) is None


def test_what_another_list_closes_too_would_not_pass() -> None:
    values = closing(no_entry_hours=[12], no_entry_regimes=["RANGE LOW"])
    assert proposals(refusals(0.8, "CLOSED_BY_RULE"), values, now=NOW) == ()
    unknown = refusals(0.8, "CLOSED_BY_RULE", regime=UNKNOWN)
    assert proposals(unknown, values, now=NOW) == ()


@pytest.mark.parametrize("hour", [11, 12])
@pytest.mark.parametrize("strategy", ["ema-cross", "breakout"])
@pytest.mark.parametrize("regime", [None, *REGIMES.values()])
def test_what_is_closed_is_what_the_guard_closes(
    hour: int, strategy: str, regime: Regime | None
) -> None:
    """Learning may not import the guard, and judges by the same lists all the same."""
    at = NOON + timedelta(hours=hour - 12)
    signal = a_signal(strategy=strategy, regime=regime)
    cycle = a_proposed_cycle(signal=signal, proposed_at=at, phase=Phase.REFUSED)
    (one,) = outcomes_of(Material([cycle], {}))
    for closed in (
        {},
        {"no_entry_hours": [12]},
        {"no_entry_strategies": ["ema-cross"]},
        {"no_entry_regimes": ["RANGE LOW", "UPTREND HIGH"]},
        {"no_entry_hours": [3, 11], "no_entry_regimes": ["DOWNTREND MEDIUM"]},
    ):
        settings = Settings(trading=TradingSettings.model_validate(closed))
        case = a_case(guarded(cycle), limits=to_limits(settings))
        lists = {
            name: value for name, value in current_values(settings).items() if name in MEMBERS
        }
        is_open = _is_open(one, lists=cast("dict[Parameter, Members]", lists))
        assert is_open is nothing_is_closed_by_rule(case).approved


def test_a_proposal_of_a_list_is_read_as_it_was_written_and_numbers_as_before() -> None:
    """Lines of older ledgers keep their bytes, and with them their signatures."""
    proposal = a_closing(Parameter.HOURS, ("09",), ("09", "10"))
    again = msgspec.json.decode(msgspec.json.encode(proposal), type=Proposal)
    assert (again, again.code, again.subject) == (
        proposal,
        proposal.code,
        (Parameter.HOURS, "10"),
    )
    assert b'"current":"20","value":"15"' in msgspec.json.encode(a_proposal())


def test_nineteen_trades_are_not_enough() -> None:
    assert found(trades(-0.8, 19, confidence=0.62)) == {}
    terms = Terms(trades_min=5)
    assert proposals(trades(-0.8, 19, confidence=0.62), VALUES, now=NOW, terms=terms) == ()


def test_more_evidence_may_be_asked_for() -> None:
    outcomes = trades(-0.8, confidence=0.62)
    assert proposals(outcomes, VALUES, now=NOW, terms=Terms(trades_min=26)) == ()


def test_what_may_be_chance_proposes_nothing() -> None:
    mixed = [
        replace(a_trade(n, (1.7, -1.0, -1.0)[n % 3]), confidence=0.62, risk_usd=Decimal(1100))
        for n in range(30)
    ]
    assert found(mixed) == {}


def test_gains_do_not_tighten_and_losses_do_not_loosen() -> None:
    gains = trades(0.8, confidence=0.62, before=LOST_LATE)
    losses = refusals(-0.8, "LOW_CONFIDENCE", confidence=0.57)
    assert found([*gains, *losses]) == {}


def test_one_lot_fewer_follows_from_all_trades_one_more_from_many() -> None:
    fewer = found(trades(-0.8), QUANTITY="2")[Parameter.QUANTITY]
    assert (fewer.value, fewer.tightens) == (Decimal(1), True)
    assert Parameter.QUANTITY not in found(trades(-0.8))
    assert Parameter.QUANTITY not in found(trades(0.8, 99))
    more = found(trades(0.8, 100))[Parameter.QUANTITY]
    assert (more.value, more.tightens) == (Decimal(2), False)
    assert "100 trades earned" in more.reason


def test_where_both_directions_seem_right_the_safer_one_is_proposed() -> None:
    outcomes = [
        *trades(-0.8, confidence=0.62),
        *refusals(0.8, "LOW_CONFIDENCE", confidence=0.57),
    ]
    assert found(outcomes)[Parameter.CONFIDENCE].tightens


def test_trades_that_the_present_value_keeps_away_are_no_evidence() -> None:
    """They were made under other settings."""
    assert found(trades(-0.8, confidence=0.55)) == {}


def test_what_is_not_known_is_no_evidence() -> None:
    unknown = trades(-0.8, confidence=None, risk_usd=None, r=None)
    assert found(unknown) == {}
    assert Parameter.CONFIDENCE not in found(trades(-0.8, confidence=float("nan")))
    outside = refusals(0.8, "SESSION_END", before=replace(FRESH, to_close=None))
    assert found(outside) == {}
    never = [
        replace(one, would_be=None) for one in refusals(0.8, "LOW_CONFIDENCE", confidence=0.57)
    ]
    assert found(never) == {}
    aborted = trades(-0.8, confidence=0.62, ended=Ended.ABORTED)
    assert found(aborted) == {}


def test_id_and_code_follow_from_the_content() -> None:
    proposal = a_proposal()
    again = msgspec.json.decode(msgspec.json.encode(proposal), type=Proposal)
    assert (again, again.proposal_id, again.code) == (
        proposal,
        proposal.proposal_id,
        proposal.code,
    )
    other = replace(proposal, value=Decimal(16))
    assert other.proposal_id != proposal.proposal_id
    assert (len(proposal.proposal_id), len(proposal.code)) == (8, 4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": Decimal(14)},
        {"value": Decimal(20)},
        {"value": Decimal("NaN")},
        {"value": Decimal("15.5")},
        {"value": Decimal(26)},
        {"current": Decimal("Infinity")},
        {"current": Decimal(100)},
        {"expires_at": NOW},
        {"expires_at": NOW + LIFETIME_MAX + timedelta(seconds=1)},
    ],
)
def test_a_proposal_that_no_step_leads_to_may_not_stand(wrong: dict[str, object]) -> None:
    assert problem(a_proposal()) == ""
    assert problem(replace(a_proposal(), **wrong)) != ""


def test_no_proposal_stands_for_longer_than_sixty_days() -> None:
    terms = Terms(lifetime=timedelta(days=900))
    (made,) = proposals(trades(-0.8, confidence=0.62), VALUES, now=NOW, terms=terms)
    assert made.expires_at - NOW == LIFETIME_MAX


@pytest.mark.slow
@given(
    means=st.lists(st.sampled_from([-1.03, 1.7]), min_size=0, max_size=40),
    entries=st.integers(0, 25),
    code=st.sampled_from(["LOW_CONFIDENCE", "COOLDOWN", "DAILY_LOSS"]),
)
def test_whatever_happened_a_proposal_is_one_allowed_step(
    means: list[float], entries: int, code: str
) -> None:
    before = replace(FRESH, entries=entries)
    outcomes = [
        a_trade(n, r, before=before) if n % 2 else a_refusal(n, code, r=r, before=before)
        for n, r in enumerate(means)
    ]
    for proposal in proposals(outcomes, VALUES, now=NOW):
        assert problem(proposal) == ""
        assert proposal.evidence.trades >= 20

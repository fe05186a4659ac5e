"""From a signal to a bracket: advice may only make it smaller or stop it."""

from datetime import timedelta
from math import inf, nan

import pytest
from msgspec.structs import replace

from mytrader.domain import commands, events
from mytrader.domain.commands import AskMargin
from mytrader.domain.cycle import Phase
from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.events import Request
from mytrader.domain.known import Unknown
from mytrader.domain.limits import Limits
from mytrader.domain.market import Quote
from mytrader.domain.memory import Recall
from mytrader.domain.orders import OrderLife, Role, Side
from mytrader.domain.trader import TraderState
from mytrader.execution.trade_cycle import step
from tests.playbook import (
    AMPLE,
    CON_ID,
    CYCLE,
    ENTRY,
    LIMITS,
    NOON,
    STOP,
    TARGET,
    Advised,
    Elapsed,
    Playbook,
    asked,
    opened,
    proposed,
    the_start,
)
from tests.wanted import (
    AskAdvice,
    Cancel,
    PlaceBracket,
    Tell,
)

THREE = Playbook(the_start(Limits(quantity_per_entry=3)))


def test_an_approved_proposal_becomes_a_bracket_and_is_counted() -> None:
    """Its orders are intents from here on, its throttles and its deadline run."""
    script = Playbook() >> proposed() << AskAdvice() >> Advised() << PlaceBracket()
    cycle = script.cycle
    assert (cycle.phase, cycle.stop, cycle.target) == (Phase.ENTERING, STOP, TARGET)
    assert [order.spec.role for order in cycle.orders.values()] == [Role.ENTRY, Role.STOP]
    assert {order.life for order in cycle.orders.values()} == {OrderLife.INTENDED}
    assert cycle.entry_due_at == NOON + timedelta(seconds=10)
    assert (script.state.day.entries, script.state.day.last_entry_at) == (1, NOON)
    assert all(verdict.approved for verdict in cycle.verdicts)


def test_advice_for_nobody_is_nothing() -> None:
    """It came too late, or twice."""
    script = Playbook() >> events.AdviceGiven("nobody's", ())
    assert (script.is_complete, script.state.cycles) == (True, {})
    script = Playbook() >> proposed() << AskAdvice() >> Advised() << PlaceBracket()
    again = script >> Advised()
    assert (again.is_complete, again.state) == (True, script.state)


def test_a_signal_that_is_repeated_opens_one_cycle() -> None:
    """References are used once."""
    script = Playbook() >> proposed() << AskAdvice()
    again = script >> proposed()
    assert (again.is_complete, again.state) == (True, script.state)


@pytest.mark.parametrize(
    ("size", "lots"), [(1.0, 3), (0.99, 2), (0.34, 1), (7.0, 3), (inf, 0), (nan, 0), (-1.0, 0)]
)
def test_a_size_multiplier_rounds_down_and_never_enlarges(size: float, lots: int) -> None:
    """Zero lots is a refusal; what is no number permits nothing."""
    script = THREE >> proposed() << AskAdvice() >> Advised(size=size)
    wanted = PlaceBracket(lots) if lots else Tell("POSITION_LIMIT")
    script = script << wanted
    assert (script.is_complete, script.cycle.quantity) == (True, lots)


def test_the_smallest_size_of_all_advisors_counts_whatever_the_others_say() -> None:
    """One unreadable number among good ones permits nothing either."""
    said = [Opinion(role, role, Advice.GO, "-", confidence=0.9) for role in AdvisorRole]
    said[1] = replace(said[1], size_multiplier=nan)
    for opinions in (said, said[::-1]):
        script = THREE >> proposed() << AskAdvice() >> events.AdviceGiven(CYCLE, tuple(opinions))
        script = script << Tell("POSITION_LIMIT")
        assert (script.is_complete, script.cycle.quantity) == (True, 0)


def test_a_failed_decision_advisor_lends_no_confidence() -> None:
    """Its weight goes to the signal; its failure is a WAIT that binds."""
    failed = Opinion("a", AdvisorRole.DECISION, Advice.GO, "-", confidence=0.1, failure="timeout")
    script = Playbook() >> proposed() << AskAdvice() >> events.AdviceGiven(CYCLE, (failed,))
    assert script.cycle.confidence == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("sure", "final"),
    [((0.9, 0.4), 0.68), ((0.4, 0.9), 0.68), ((0.9, nan), nan), ((nan, 0.9), nan)],
)
def test_of_several_decision_advisors_the_least_sure_counts(
    sure: tuple[float, float], final: float
) -> None:
    """Whoever sits on the panel beside another one can only subtract."""
    said = tuple(
        Opinion(f"{number}", AdvisorRole.DECISION, Advice.GO, "-", confidence=confidence)
        for number, confidence in enumerate(sure)
    )
    script = Playbook() >> proposed() << AskAdvice() >> events.AdviceGiven(CYCLE, said)
    assert script.cycle.confidence == pytest.approx(final, nan_ok=True)


@pytest.mark.parametrize(
    ("support", "final"),
    [(None, 0.8), (1.0, 0.8), (0.8, 0.8), (0.3, 0.7), (0.0, 0.64)],
)
def test_the_memory_can_only_lower_the_confidence(support: float | None, final: float) -> None:
    """Its weight of 0.2 goes to the signal where it says nothing; what it said is on record."""
    said = tuple(Opinion(role, role, Advice.GO, "-", confidence=0.8) for role in AdvisorRole)
    recall = Recall(support=support, trades=7)
    script = Playbook() >> proposed() << AskAdvice() >> events.AdviceGiven(CYCLE, said, recall)
    assert script.cycle.confidence == pytest.approx(final)
    assert script.cycle.recall == recall


def test_a_memory_whose_support_is_no_number_permits_nothing() -> None:
    """The panel refuses such an answer; should one come, no guard accepts it."""
    said = tuple(Opinion(role, role, Advice.GO, "-", confidence=0.8) for role in AdvisorRole)
    answer = events.AdviceGiven(CYCLE, said, Recall(support=nan))
    script = Playbook() >> proposed() << AskAdvice() >> answer << Tell("LOW_CONFIDENCE")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.REFUSED)


@pytest.mark.parametrize(
    ("decision", "sure", "final"),
    [(Advice.GO, 0.9, 0.8), (Advice.GO, 0.4, 0.68), (Advice.WAIT, 0.9, 0.59), (None, 0.9, 0.8)],
)
def test_a_confident_wait_is_no_support_for_the_trade(
    decision: Advice | None, sure: float, final: float
) -> None:
    """0.7 of the signal's 0.8 and 0.3 of what the advisor's answer supports, never above 0.8."""
    role = AdvisorRole.RISK if decision is None else AdvisorRole.DECISION
    said = Opinion("a", role, decision or Advice.GO, "-", confidence=sure, advisory_only=True)
    script = Playbook() >> proposed() << AskAdvice() >> events.AdviceGiven(CYCLE, (said,))
    assert script.cycle.confidence == pytest.approx(final)


def test_an_overridden_wait_is_told_and_recorded() -> None:
    """Both outcomes are logged with their reason codes."""
    said = Opinion("a", AdvisorRole.DECISION, Advice.WAIT, "-", confidence=0.8, advisory_only=True)
    script = Playbook() >> proposed() << AskAdvice() >> events.AdviceGiven(CYCLE, (said,))
    script = script << Tell("AWS_WAIT_OVERRIDE") << PlaceBracket()
    assert (script.is_complete, script.cycle.reason_codes) == (True, ("AWS_WAIT_OVERRIDE",))


def test_without_a_contract_or_a_quote_there_is_no_bracket() -> None:
    """Every reason is recorded; the first one decides."""
    script = Playbook()
    bare = replace(script, state=replace(script.state, quotes={}))
    bare = bare >> proposed() << AskAdvice() >> Advised() << Tell("STALE_DATA")
    assert (bare.is_complete, bare.cycle.phase) == (True, Phase.REFUSED)
    strange = replace(script, state=replace(script.state, contracts={}))
    strange = strange >> proposed() << AskAdvice() >> Advised() << Tell("CONTRACT_NOT_ALLOWED")
    assert (strange.is_complete, strange.cycle.symbol) == (True, "")


def test_a_refusal_counts_as_a_signal_but_not_as_an_entry() -> None:
    """The same proposal is not put before the guards every second."""
    script = Playbook() >> proposed() << AskAdvice() >> Advised(Advice.WAIT) << Tell("AWS_WAIT")
    assert (script.state.day.entries, script.state.day.last_signal is not None) == (0, True)
    script = script >> proposed() << AskAdvice() >> Advised() << Tell("DUPLICATE_SIGNAL")
    assert script.is_complete


def test_a_refusal_without_words_is_told_by_its_code() -> None:
    """People read the text, programs the code."""
    script = Playbook() >> proposed() << AskAdvice() >> events.AdviceGiven(CYCLE, ())
    script = script << Tell("AWS_WAIT")
    assert (script.is_complete, script.cycle.closed_at) == (True, NOON)


def test_a_panel_that_never_answers_is_a_wait() -> None:
    """Its deadline refuses the proposal."""
    script = Playbook() >> proposed() << AskAdvice() >> Elapsed(4) << Tell("AWS_WAIT")
    assert (script.is_complete, script.cycle.opinions[0].failure) == (True, "timeout")


def test_a_proposal_that_waits_is_dropped_by_a_flatten() -> None:
    """No order of it may follow."""
    script = Playbook() >> proposed() << AskAdvice() >> asked(Request.FLATTEN) << Tell("MODE")
    assert script.cycle.phase is Phase.REFUSED


def test_a_deadline_of_another_keeps_the_proposal_waiting() -> None:
    """Time is not up for it."""
    script = Playbook() >> proposed() << AskAdvice() >> events.TimeReached()
    assert (script.is_complete, script.cycle.phase) == (True, Phase.PROPOSED)


def test_the_panel_gets_its_time_and_the_entry_gets_its_own() -> None:
    """Neither deadline acts before it has come."""
    script = Playbook() >> proposed() << AskAdvice() >> Elapsed(3.9)
    assert script.is_complete
    script = script >> Advised() << PlaceBracket() >> Elapsed(9.9)
    assert script.is_complete
    script = script >> Elapsed(0.1) << Cancel("E1")
    assert (script.is_complete, ENTRY > STOP) == (True, True)


# The margin


GO = tuple(Opinion(role, role, Advice.GO, "a test", confidence=0.9) for role in AdvisorRole)


def asked_margin(side: Side = Side.BUY, limits: Limits = LIMITS) -> tuple[TraderState, AskMargin]:
    """Return a trader with a proposal before everybody, and the question about its margin."""
    state, asked = step(the_start(limits), proposed(side), NOON)
    (question,) = [command for command in asked if isinstance(command, AskMargin)]
    return state, question


@pytest.mark.parametrize(("side", "limit"), [(Side.BUY, 27_199 - 40), (Side.SELL, 27_200 + 40)])
def test_the_margin_is_asked_at_a_price_that_would_not_trade(side: Side, limit: int) -> None:
    """Should the flag that makes it a question ever be lost, it must not trade."""
    _state, question = asked_margin(side, Limits(quantity_per_entry=2))
    assert question == AskMargin(CYCLE, CON_ID, side, 2, limit)


def test_a_proposal_is_judged_when_advice_and_margin_are_there_in_either_order() -> None:
    told = (events.AdviceGiven(CYCLE, GO), events.MarginStated(CYCLE, AMPLE))
    for first, second in (told, told[::-1]):
        state, _question = asked_margin()
        state, asked = step(state, first, NOON)
        assert asked == []
        _state, asked = step(state, second, NOON)
        assert [type(command) for command in asked] == [commands.PlaceBracket]


def test_a_margin_that_nobody_states_is_unknown_at_the_deadline_and_advice_is_kept() -> None:
    """An unknown is never ample; the record says which of the two was late."""
    state, _question = asked_margin()
    state, _asked = step(state, events.AdviceGiven(CYCLE, GO), NOON)
    state, _asked = step(state, events.TimeReached(), NOON + timedelta(seconds=4))
    (cycle,) = (*state.finished, *state.cycles.values())
    assert isinstance(cycle.margin, Unknown)
    assert cycle.opinions == GO


def test_the_first_margin_counts_and_none_after_the_decision() -> None:
    state, _question = asked_margin()
    state, _asked = step(state, events.MarginStated(CYCLE, Unknown("late")), NOON)
    state, _asked = step(state, events.MarginStated(CYCLE, AMPLE), NOON)
    assert isinstance(state.cycles[CYCLE].margin, Unknown)
    before = opened().state
    after, asked = step(before, events.MarginStated(CYCLE, AMPLE), NOON)
    assert (after.cycles, asked) == (before.cycles, [])
    assert step(before, events.MarginStated("another", AMPLE), NOON)[1] == []


@pytest.mark.parametrize("bid", [None, 30])
def test_without_a_price_the_margin_is_not_asked(bid: int | None) -> None:
    state = the_start()
    quote = Quote(NOON, bid, None if bid is None else bid + 1, None)
    state, asked = step(state, events.QuoteSeen(CON_ID, quote), NOON)
    state, asked = step(state, proposed(), NOON)
    assert not any(isinstance(command, AskMargin) for command in asked)
    assert isinstance(state.cycles[CYCLE].margin, Unknown)

"""What a guard's answer holds besides yes or no: it is the record that a person reads later."""

import pytest
from msgspec.structs import replace

from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.orders import Approved, Refused, Side
from mytrader.domain.positions import PositionView
from mytrader.execution.guards import approve_entry, approve_exit, judge_exit, should_block_on_wait
from tests.domain_samples import ES_DECEMBER, NOON
from tests.guard_samples import (
    LIMITS,
    a_proposal,
    a_proposed_cycle,
    a_signal,
    a_trader,
    code_of,
    exit_spec,
    holding,
)


@pytest.mark.parametrize("reported", [-1, 0, 1])
@pytest.mark.parametrize("side", Side)
def test_flat_by_our_fills_is_flat_on_both_sides(reported: int, side: Side) -> None:
    """The broker may report too much in either direction; nothing leaves on its word."""
    state = holding(0)
    view = PositionView(ES_DECEMBER, booked=0, confirmed=True, reported=reported)
    verdict = judge_exit(replace(state, positions={ES_DECEMBER: view}), exit_spec(side))
    assert (verdict.approved, verdict.code) == (False, "EXIT_WHEN_FLAT")


def test_a_refused_exit_carries_the_verdict_that_refused_it() -> None:
    """And a permitted one its code and its words."""
    refused = approve_exit(holding(-1), exit_spec(Side.SELL))
    assert isinstance(refused, Refused)
    assert [verdict.code for verdict in refused.verdicts] == [refused.code] == ["EXIT_WRONG_SIDE"]
    assert [verdict.detail for verdict in refused.verdicts] == [refused.detail]
    approved = approve_exit(holding(-1), exit_spec(Side.BUY))
    assert isinstance(approved, Approved)
    assert (approved.code, approved.detail) == ("EXIT_SAFE", "BUY 1 reduces -1")


def test_silence_is_a_wait_by_its_code() -> None:
    """No opinion at all is refused by the code of a WAIT."""
    verdict = should_block_on_wait([], signal_confidence=0.99, override=0.75)
    assert (verdict.approved, verdict.code) == (False, "AWS_WAIT")


def test_who_said_go_is_recorded() -> None:
    """The advisors by name."""
    said = [Opinion(role, role, Advice.GO, "a test", confidence=0.9) for role in AdvisorRole]
    verdict = should_block_on_wait(said, signal_confidence=0.8, override=0.75)
    assert (verdict.approved, verdict.code) == (True, "AWS_GO")
    assert verdict.detail == f"GO from {', '.join(AdvisorRole)}"


def test_an_entry_is_judged_with_the_signals_own_confidence_and_the_limits_threshold() -> None:
    """An advisory WAIT yields above the threshold of the limits and not at it."""
    wait = Opinion(
        AdvisorRole.DECISION, AdvisorRole.DECISION, Advice.WAIT, "unsure", confidence=0.9
    )
    wait = replace(wait, advisory_only=True)
    threshold = LIMITS.wait_override_confidence
    for confidence, permitted in ((threshold + 0.01, True), (threshold, False)):
        cycle = a_proposed_cycle(signal=a_signal(confidence=confidence), opinions=(wait,))
        answer, verdicts = approve_entry(a_proposal(cycle), a_trader(), now=NOON)
        assert isinstance(answer, Approved) is permitted
        if isinstance(answer, Refused):
            assert answer.verdicts == verdicts
            assert code_of(verdicts) == {"AWS_WAIT"}

"""Whether today's guards would have let a recorded order out."""

from decimal import Decimal
from pathlib import Path

import pytest

from mytrader.domain.instrument import ES
from mytrader.domain.orders import Side
from mytrader.replay.history import AnyFact, Doubtful, Leg, Reported
from mytrader.replay.source import read_history
from mytrader.replay.verdict import Decision, Explanation, Meaning, explain
from tests.replay_samples import (
    ADVISORY,
    REAL_HISTORY,
    REAL_LOG,
    START,
    advice,
    fill,
    good_entry,
    history,
    leg,
    line,
    needs_data,
    order,
    placed,
    reported,
    signal,
    write_log,
)

STOP, TARGET = Decimal(5995), Decimal(6010)


def codes(explanation: Explanation) -> set[str]:
    """Return the codes on which a refusal rests."""
    return {verdict.code for verdict in explanation.judged.refusals}


def reading_codes(explanation: Explanation, meaning: Meaning) -> list[str]:
    """Return every code of one reading."""
    (reading,) = [one for one in explanation.judged.readings if one.meaning is meaning]
    return [verdict.code for verdict in reading.verdicts]


def protected(second: int = 0) -> AnyFact:
    """Return order 1, which no guard refuses."""
    return order(1, second, side=Side.BUY, stop_loss=STOP, take_profit=TARGET)


def test_a_guarded_entry_is_allowed() -> None:
    answer = explain(history(protected(), fill(1, 1, side=Side.BUY)), 1)
    assert answer.judged.decision is Decision.ALLOWED
    assert answer.judged.decision.exit_status == 1


def test_an_entry_without_stop_and_target_is_refused() -> None:
    answer = explain(history(order(1, 0, side=Side.BUY)), 1)
    assert answer.judged.decision.exit_status == 0
    assert {"MISSING_STOP", "MISSING_TARGET"} <= codes(answer)


def test_if_meant_as_an_exit_is_named_but_does_not_count() -> None:
    """Where the record does not say what was meant, both readings are shown."""
    answer = explain(history(protected()), 1)
    assert reading_codes(answer, Meaning.EXIT) == ["EXIT_WHEN_FLAT"]
    assert codes(answer) == set()


def test_an_exit_on_a_position_that_only_the_report_shows_is_refused() -> None:
    """The founding incident, with a perfect bracket: the exit rule refuses all the same."""
    answer = explain(history(Reported(START, "ES", -1), protected(second=1)), 1)
    assert {"EXIT_WHEN_FLAT", "POSITION_UNKNOWN"} <= codes(answer)


def test_an_exit_leads_to_the_order_that_opened_the_trade() -> None:
    facts = (
        protected(),
        fill(1, 1, side=Side.BUY),
        order(2, 9, side=Side.SELL),
        fill(2, 10, side=Side.SELL, price=23_996),
    )
    answer = explain(history(*facts), 2)
    assert (answer.asked_id, answer.judged.order.order_id) == (2, 1)
    assert answer.trade is not None
    assert answer.trade.gross_usd(ES) == Decimal(-50)
    (later,) = answer.exits
    assert later.decision is Decision.ALLOWED


@pytest.mark.parametrize(
    ("side", "quantity", "code"),
    [
        (Side.SELL, 1, "EXIT_SAFE"),
        (Side.SELL, 2, "EXIT_EXCEEDS_POSITION"),
        (Side.BUY, 1, "EXIT_WRONG_SIDE"),
    ],
)
def test_a_later_order_is_judged_by_the_position(side: Side, quantity: int, code: str) -> None:
    facts = (protected(), fill(1, 1, side=Side.BUY), order(2, 9, side=side, quantity=quantity))
    assert reading_codes(explain(history(*facts), 2), Meaning.EXIT) == [code]


def test_an_exit_beside_a_working_stop_is_refused() -> None:
    """Long 1, stop SELL 1 working, SELL 1: both together reach short 1 (SAFETY.md 5.5)."""
    stop = order(2, 2, side=Side.SELL, parent_id=1, leg=Leg.STOP)
    facts = (protected(), fill(1, 1, side=Side.BUY), stop, order(3, 9, side=Side.SELL))
    answer = explain(history(*facts), 3)
    assert answer.judged.decision is Decision.REFUSED
    assert codes(answer) == {"EXIT_ALREADY_WORKING"}


def test_an_unfilled_leg_leads_to_its_parent() -> None:
    child = order(2, 1, side=Side.SELL, parent_id=1, leg=Leg.STOP)
    assert explain(history(protected(), child), 2).judged.order.order_id == 1


def test_a_leg_without_a_price_cannot_be_judged() -> None:
    """The record names the stop, so it is not missing; its price is."""
    child = order(2, 1, side=Side.SELL, parent_id=1, leg=Leg.STOP)
    entry = order(1, 0, side=Side.BUY, take_profit=TARGET)
    answer = explain(history(entry, child), 1)
    assert answer.judged.decision is Decision.CANNOT_TELL
    assert answer.judged.decision.exit_status == 2


def test_an_order_without_limit_is_judged_at_its_fill() -> None:
    market = order(1, 0, side=Side.BUY, stop_loss=STOP, take_profit=TARGET)
    unpriced = type(market)(
        market.at, 1, "ES", Side.BUY, 1, "MARKET", stop_loss=STOP, take_profit=TARGET
    )
    told = history(unpriced, fill(1, 1, side=Side.BUY))
    assert explain(told, 1).judged.decision is Decision.ALLOWED
    assert explain(history(unpriced), 1).judged.decision is Decision.CANNOT_TELL


def test_an_unknown_position_refuses_both_readings() -> None:
    """A guard that lacks its data refuses; a good bracket does not help."""
    answer = explain(history(Doubtful(START, "line 3"), protected(second=1)), 1)
    assert answer.judged.decision is Decision.REFUSED
    assert "POSITION_UNKNOWN" in codes(answer)
    assert "POSITION_OPEN" in codes(answer)


def explain_log(folder: Path, *lines: str) -> Explanation:
    """Explain order 7 of a made-up log."""
    return explain(read_history(write_log(folder, *lines)), 7)


def test_a_go_lets_a_guarded_entry_pass(tmp_path: Path) -> None:
    assert explain_log(tmp_path, *good_entry()).judged.decision is Decision.ALLOWED


@pytest.mark.parametrize("word", ["WAIT", "PERHAPS"])
def test_anything_but_go_refuses(tmp_path: Path, word: str) -> None:
    assert codes(explain_log(tmp_path, *good_entry(word=word))) == {"AWS_WAIT"}


@pytest.mark.parametrize(("confidence", "refused"), [("0.75", True), ("0.76", False)])
def test_an_advisory_wait_yields_only_above_the_threshold(
    tmp_path: Path, confidence: str, refused: bool
) -> None:
    lines = good_entry()
    lines[1] = signal(1, "BUY", confidence=confidence)
    lines[2:3] = [advice(2, "WAIT"), line(2, ADVISORY)]
    assert codes(explain_log(tmp_path, *lines)) == ({"AWS_WAIT"} if refused else set())


def test_a_wait_without_a_recorded_confidence_is_not_overridden(tmp_path: Path) -> None:
    lines = good_entry()
    lines[1:3] = [advice(2, "WAIT"), line(2, ADVISORY)]
    assert codes(explain_log(tmp_path, *lines)) == {"AWS_WAIT"}


def test_a_log_that_names_a_leg_without_price_cannot_tell(tmp_path: Path) -> None:
    lines = [reported(0, 0), placed(1, 7, action="BUY", limit="6000.00"), leg(2, 8, parent_id=7)]
    assert explain_log(tmp_path, *lines).judged.decision is Decision.CANNOT_TELL


@needs_data
def test_the_incident_is_refused_from_the_log() -> None:
    """Order 14812: every reason the postmortem names, and the loss of $1,700."""
    answer = explain(read_history(REAL_LOG), 14812)
    assert answer.judged.decision is Decision.REFUSED
    assert {"EXIT_WHEN_FLAT", "MISSING_STOP", "MISSING_TARGET", "AWS_WAIT"} <= codes(answer)
    assert answer.judged.moment.position.interval == (-1, 0)
    assert answer.judged.moment.contradicted
    assert answer.trade is not None
    assert answer.trade.gross_usd(ES) == Decimal(-1700)


@needs_data
def test_the_incident_is_refused_from_the_order_history() -> None:
    answer = explain(read_history(REAL_HISTORY), 14812)
    assert {"MISSING_STOP", "MISSING_TARGET"} <= codes(answer)
    assert reading_codes(answer, Meaning.EXIT) == ["EXIT_WHEN_FLAT"]


@needs_data
@pytest.mark.parametrize("path", [REAL_LOG, REAL_HISTORY], ids=["log", "history"])
def test_the_one_bracket_of_the_day_was_too_close(path: Path) -> None:
    answer = explain(read_history(path), 10944)
    assert "BRACKET_TOO_CLOSE" in codes(answer)
    assert not codes(answer) & {"MISSING_STOP", "MISSING_TARGET", "BRACKET_ORIENTATION"}


@needs_data
@pytest.mark.parametrize("path", [REAL_LOG, REAL_HISTORY], ids=["log", "history"])
def test_every_order_of_the_day_has_an_answer(path: Path) -> None:
    """All entries of that day would have been refused; its exits lead to them."""
    record = read_history(path)
    answers = {order.order_id: explain(record, order.order_id) for order in record.orders}
    assert {answer.judged.decision for answer in answers.values()} == {Decision.REFUSED}
    assert answers[15638].judged.order.order_id == 14812
    assert answers[21782].trade is None
    assert all(
        len(a.exits) == 1
        for a in answers.values()
        if a.trade and 10946 not in a.trade.exit_order_ids
    )

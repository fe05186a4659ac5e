"""A closed trade becomes the same document every time, and says by what rule it warns."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from mytrader.domain.cycle import ExitReason, Phase, TradeCycle
from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.memory import TradeDocument
from mytrader.domain.orders import Side
from mytrader.rag.documents import Unfit, document_of, document_text, lesson_of
from mytrader.rag.seeds import FOUNDING_LOSS
from tests.memory_samples import a_signal, a_trade, fill


def made(cycle: TradeCycle) -> TradeDocument:
    document = document_of(cycle)
    assert isinstance(document, TradeDocument), document
    return document


def lost(**changed: Any) -> TradeCycle:  # noqa: ANN401 - any field
    """A long that was stopped out at its stop, 20 ticks below: one R and the commissions."""
    return replace(a_trade(exit_price=27_180), **changed)


def test_a_winner_in_numbers_and_words() -> None:
    document = made(a_trade(exit_price=27_240))
    assert document.document_id == a_trade().cycle_id
    assert document.net_usd == Decimal("495.20")
    assert document.commission_usd == Decimal("4.80")
    assert document.risk_usd == Decimal(250)
    assert document.result_r == 1.9808
    assert document.closed_at - document.opened_at == timedelta(minutes=20)
    assert document.lesson == "BUY ES earned $495.20 (+1.98 R), closed by target."
    assert not document.avoid


def test_the_risk_is_that_of_the_contracts_that_filled() -> None:
    """Two were proposed and one filled: one was at risk."""
    assert made(replace(a_trade(), quantity=2)).risk_usd == Decimal(250)
    assert made(replace(a_trade(), symbol="MES")).risk_usd == Decimal(25)


def test_a_loss_of_the_agreed_size_is_no_lesson() -> None:
    document = made(lost())
    assert document.result_r == -1.0192
    assert document.exit_reason == "stop"
    assert not document.avoid


@pytest.mark.parametrize(
    ("cycle", "words"),
    [
        (lost(signal=a_signal(stop=None)), "nothing limited the loss"),
        (lost(signal=a_signal(stop=Decimal("6805.00"))), "nothing limited the loss"),
        (lost(signal=a_signal(stop=Decimal("NaN"))), "nothing limited the loss"),
        (a_trade(exit_price=27_168), "the loss was 1.6 times the risk to the stop"),
        (lost(reason_codes=("AWS_WAIT_OVERRIDE",)), "it was entered against an advisor's WAIT"),
        (lost(emergency_stops=1), "an emergency stop was needed"),
        (lost(exit_reason=ExitReason.EMERGENCY), "an emergency stop was needed"),
    ],
)
def test_a_loss_that_was_not_agreed_to_is_to_be_avoided(cycle: TradeCycle, words: str) -> None:
    document = made(cycle)
    assert document.avoid
    assert f"avoid: {words}" in document.lesson
    assert "\n" not in document.lesson


def test_a_winner_is_never_to_be_avoided() -> None:
    lucky = replace(a_trade(), signal=a_signal(stop=None), reason_codes=("AWS_WAIT_OVERRIDE",))
    assert not made(lucky).avoid
    assert made(lucky).result_r is None


def test_the_advice_is_kept_with_its_codes() -> None:
    wait = Opinion("local-decision", AdvisorRole.DECISION, Advice.WAIT, "chop", 0.6)
    document = made(replace(a_trade(), opinions=(wait,), reason_codes=("AWS_WAIT_OVERRIDE",)))
    assert document.advice == ("AWS_WAIT_OVERRIDE", "WAIT:local-decision")


def test_numbers_of_any_library_become_plain() -> None:
    numbers = {"atr": np.float64(1.5), "bars": 3}
    document = made(replace(a_trade(), signal=a_signal(features=numbers)))
    assert {name: type(value) for name, value in document.features.items()} == {
        "atr": float,
        "bars": int,
    }


def test_a_late_commission_changes_the_numbers_and_not_the_id() -> None:
    trade = a_trade()
    early = replace(trade, commissions_usd={})
    assert made(early).net_usd - made(trade).net_usd == Decimal("4.80")
    assert made(early).document_id == made(trade).document_id


@pytest.mark.parametrize(
    ("cycle", "why"),
    [
        (replace(a_trade(), phase=Phase.OPEN), "the trade is OPEN"),
        (replace(a_trade(), closed_at=None), "not closed"),
        (replace(a_trade(), symbol="ZZ"), "'ZZ' is no instrument"),
        (replace(a_trade(), fills=()), "no trade from flat to flat"),
        (
            replace(a_trade(), fills=(fill("x", "E1", side=Side.BUY, price=1, con_id=1),)),
            "no trade from flat to flat",
        ),
    ],
)
def test_what_is_no_closed_trade_has_no_document(cycle: TradeCycle, why: str) -> None:
    unfit = document_of(cycle)
    assert isinstance(unfit, Unfit)
    assert why in unfit.why


def test_a_document_reads_as_one_paragraph() -> None:
    text = document_text(FOUNDING_LOSS)
    assert text.startswith("BUY ES by no strategy of ours in RANGE, volatility MEDIUM, 2025-12-12")
    assert "08:53 CT" in text
    assert "lost $1700.00" in text
    assert "Codes: WAIT:decision." in text
    assert "atr 14.1663" in text
    assert "\n" not in text


def test_what_was_no_trade_has_no_lesson() -> None:
    assert lesson_of(replace(a_trade(), phase=Phase.REFUSED)) is None
    assert lesson_of(a_trade()) == document_of(a_trade())

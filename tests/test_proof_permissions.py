"""What an entry needed and was not given is named."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Signal
from mytrader.domain.orders import Side
from mytrader.proof.permissions import NUMBER, Permissions

NOON = datetime(2025, 12, 9, 18, tzinfo=UTC)
SIGNAL = Signal("dice", Side.BUY, 0.7, Decimal(1), None, None, {NUMBER: 5.0}, "")
GO = Opinion("a", AdvisorRole.DECISION, Advice.GO, "")
WAIT = Opinion("a", AdvisorRole.DECISION, Advice.WAIT, "")
ADVISORY = replace(WAIT, advisory_only=True)


def found(
    *opinions: Opinion | None, signal: Signal | None = SIGNAL, at: datetime = NOON
) -> list[str]:
    permissions = Permissions()
    permissions.quoted(at - timedelta(seconds=80))
    for opinion in opinions:
        assert signal is not None
        permissions.advised(signal, opinion)
    return [f"{invariant} {text}" for invariant, text in permissions.objections(at, signal)]


def test_two_permissions_and_a_fresh_quote_are_enough() -> None:
    assert found(GO, GO) == []


@pytest.mark.parametrize("opinions", [(), (GO, WAIT), (GO, None), (ADVISORY, GO)])
def test_less_is_not(opinions: tuple[Opinion | None, ...]) -> None:
    assert found(*opinions) == ["I7 sent without the advisors' permission"]


def test_an_advisory_wait_yields_to_confidence_but_a_risk_wait_does_not() -> None:
    sure = replace(SIGNAL, confidence=0.8)
    assert found(ADVISORY, GO, signal=sure) == []
    risk = replace(ADVISORY, role=AdvisorRole.RISK)
    assert found(GO, risk, signal=sure) != []


def test_confidence_below_the_minimum_forbids() -> None:
    assert found(GO, GO, signal=replace(SIGNAL, confidence=0.5)) == [
        "I7 sent with a confidence of 0.5"
    ]


def test_a_quote_that_is_old_or_was_never_sent_forbids() -> None:
    permissions = Permissions()
    permissions.advised(SIGNAL, GO)
    assert list(permissions.objections(NOON, SIGNAL)) == [
        ("I6", "sent on a quote that is too old")
    ]


@pytest.mark.parametrize(
    "at",
    [
        datetime(2025, 12, 9, 21, 45, tzinfo=UTC),
        datetime(2025, 12, 9, 22, 30, tzinfo=UTC),
        datetime(2025, 12, 9, 5, 15, tzinfo=UTC),
        datetime(2025, 12, 9, 6, 44, tzinfo=UTC),
    ],
)
def test_the_end_of_the_session_and_the_reset_forbid(at: datetime) -> None:
    assert [text[:2] for text in found(GO, at=at)] == ["I8"]


def test_a_cycle_that_nobody_recorded_forbids() -> None:
    assert found(signal=None) == ["I9 its cycle has no recorded signal"]

"""Outcomes, minutes and proposals for the tests of learning, each field with a plain default."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from mytrader.domain.cycle import ExitReason, Phase, TradeCycle
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.learning.counterfactual import WouldBe
from mytrader.learning.ledger import Ledger, ledger_path
from mytrader.learning.outcomes import Before, Ended, Heard, Outcome
from mytrader.learning.parameters import Members, Parameter, Value, stepped
from mytrader.learning.proposals import Evidence, Proposal
from mytrader.learning.seal import Seal
from tests.domain_samples import NOON, a_cycle, a_fill

NOW: Final = datetime(2025, 11, 14, 22, tzinfo=UTC)
"""Friday 16:00 US Central: the session is over."""

MINUTE: Final = timedelta(minutes=1)
KEY: Final = b"k" * 32
FRESH: Final = Before(
    entries=0,
    losses_in_a_row=0,
    realised_usd=Decimal(0),
    entry_gap=None,
    to_close=timedelta(hours=4),
)


def key(length: int) -> bytes:
    """Return the bytes that a test's key is made of."""
    return KEY[:length]


def a_seal(folder: Path) -> Seal:
    """Return a seal in a folder of the test's own."""
    return Seal(folder, draw=key)


def a_ledger(folder: Path, *, name: str = "x.journal") -> Ledger:
    """Return the ledger of a journal in `folder`, its key in a folder beside it."""
    return Ledger(ledger_path(folder / name), a_seal(folder / "keys"), new_id=lambda: f"L {name}")


def bars(*minutes: tuple[int, int, int, int], at: datetime = NOON) -> list[Bar]:
    """Return minutes from `at` on: open, high, low and close in ticks above 27,200."""
    return [
        Bar(at + place * MINUTE, 27_200 + first, 27_200 + high, 27_200 + low, 27_200 + last, 10)
        for place, (first, high, low, last) in enumerate(minutes)
    ]


def quiet(count: int, *, at: datetime = NOON, price: int = 0) -> list[Bar]:
    """Return minutes in which nothing happens."""
    return bars(*[(price, price, price, price)] * count, at=at)


def closed(
    number: int, *, at: datetime = NOON, ticks: int = 40, side: Side = Side.BUY
) -> TradeCycle:
    """Return a closed cycle that gained so many ticks on one ES, commission $4.80."""
    fills = (
        a_fill(side, 27_200, exec_id=f"{number}.1"),
        a_fill(side.opposite, 27_200 + ticks * side.sign, exec_id=f"{number}.2"),
    )
    cycle = a_cycle(*fills)
    signal = replace(
        cycle.signal,
        side=side,
        stop=Decimal(6800) - 5 * side.sign,
        target=Decimal(6800) + 10 * side.sign,
    )
    return replace(
        cycle,
        cycle_id=f"C{number:025d}",
        phase=Phase.CLOSED,
        side=side,
        signal=signal,
        proposed_at=at,
        opened_at=at,
        closed_at=at + 10 * MINUTE,
        confidence=0.7,
        exit_reason=ExitReason.TARGET if ticks > 0 else ExitReason.STOP,
        target=27_240,
        commissions_usd={f"{number}.1": Decimal("2.40"), f"{number}.2": Decimal("2.40")},
    )


def refused(number: int, *codes: str, at: datetime = NOON) -> TradeCycle:
    """Return a cycle that guards refused."""
    return replace(
        closed(number, at=at),
        phase=Phase.REFUSED,
        fills=(),
        commissions_usd={},
        reason_codes=codes,
        exit_reason=None,
        opened_at=None,
    )


def a_trade(number: int, r: float = 1.0, *, before: Before = FRESH) -> Outcome:
    """Return a trade that was made, an hour after the one before; its risk is $100."""
    return Outcome(
        cycle_id=f"C{number:025d}",
        ended=Ended.TRADED,
        at=NOON + number * timedelta(hours=1),
        strategy="ema-cross",
        symbol="ES",
        side=Side.BUY,
        regime="RANGE LOW",
        hour=12,
        heard=Heard.GO,
        confidence=0.7,
        quantity=1,
        exit_reason="target" if r > 0 else "stop",
        codes=(),
        before=before,
        net_usd=Decimal(str(round(100 * r, 2))),
        commission_usd=Decimal("4.80"),
        slippage_usd=Decimal("12.50"),
        risk_usd=Decimal(100),
        r=r,
    )


def a_refusal(number: int, *codes: str, r: float = 1.0, before: Before = FRESH) -> Outcome:
    """Return a refused proposal that would have been open for ten minutes."""
    made = a_trade(number, r, before=before)
    return replace(
        made,
        ended=Ended.REFUSED,
        codes=codes,
        exit_reason="",
        net_usd=None,
        risk_usd=None,
        r=None,
        slippage_usd=None,
        commission_usd=Decimal(0),
        would_be=WouldBe(
            entered_at=made.at,
            left_at=made.at + 10 * MINUTE,
            by=ExitReason.TARGET if r > 0 else ExitReason.STOP,
            net_usd=Decimal(str(round(100 * r, 2))),
            commission_usd=Decimal("4.80"),
            risk_usd=Decimal(100),
            r=r,
        ),
    )


def around(mean: float, count: int) -> Sequence[float]:
    """Return results that scatter a little around a mean, always the same ones."""
    return [mean + 0.1 * ((place * 7) % 5 - 2) for place in range(count)]


def a_proposal(
    parameter: Parameter = Parameter.DAILY_TRADES,
    current: str = "20",
    *,
    safer: bool = True,
    made_at: datetime = NOW,
    days: int = 14,
) -> Proposal:
    """Return one step of a parameter, a cut of the day's trades unless said otherwise."""
    value = stepped(parameter, Decimal(current), safer=safer)
    assert value is not None
    return _made(parameter, Decimal(current), value, made_at=made_at, days=days)


def a_closing(
    parameter: Parameter,
    current: Members,
    value: Members,
    *,
    made_at: datetime = NOW,
    days: int = 14,
) -> Proposal:
    """Return a proposal about one member of a list."""
    return _made(parameter, current, value, made_at=made_at, days=days)


def _made(
    parameter: Parameter, current: Value, value: Value, *, made_at: datetime, days: int
) -> Proposal:
    return Proposal(
        parameter=parameter,
        current=current,
        value=value,
        reason=f"{parameter} because of the figures",
        evidence=Evidence(25, -0.8, -1.0, -0.6, Decimal(-2000), ("C1", "C2")),
        made_at=made_at,
        expires_at=made_at + timedelta(days=days),
    )

"""Dice, fickle advisors and death draw from their seed, and say what they are about to do."""

import asyncio
import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from mytrader.domain.commands import AlertLevel, AnyCommand, CancelOrder, RaiseAlert
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Question, Signal
from mytrader.domain.instrument import ES
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.hostile_parties import AdvisorFailed, Dice, Fickle, Mortal, advisors
from mytrader.ports import Emit
from mytrader.proof.permissions import NUMBER
from mytrader.signals.features import FeatureEngine

NOON = datetime(2025, 12, 9, 18, tzinfo=UTC)
BAR = Bar(NOON, 27400, 27404, 27396, 27402, 100)
SIGNAL = Signal("dice", Side.BUY, 0.9, Decimal(6850), None, None, {NUMBER: 5.0}, "")


def chance(seed: int = 1) -> random.Random:
    return random.Random(seed)  # noqa: S311 - repeatable is the point


def test_dice_propose_brackets_that_differ() -> None:
    dice = Dice(ES, chance(), 0.5)
    features = FeatureEngine().update(BAR)
    proposals = [dice.on_bar(BAR, features) for _ in range(200)]
    made = [proposal for proposal in proposals if proposal is not None]
    assert 70 < len(made) < 130
    assert {proposal.side for proposal in made} == set(Side)
    assert len({proposal.features[NUMBER] for proposal in made}) == len(made)


def opine(seed: int, go: float) -> tuple[list[Opinion | None], object]:
    """What an advisor says it will do, and what it does."""
    heard: list[Opinion | None] = []

    async def at_once(_: float) -> None:
        return

    fickle = Fickle(
        AdvisorRole.RISK,
        chance(seed),
        go,
        heard=lambda _, opinion: heard.append(opinion),
        pause=at_once,
    )
    try:
        return heard, asyncio.run(fickle.opine(Question("", 1, "ES", SIGNAL), NOON))
    except AdvisorFailed as error:
        return heard, error


def test_an_advisor_that_lets_pass_says_so() -> None:
    (heard,), given = opine(1, 1.0)
    assert heard == given
    assert heard is not None
    assert heard.decision is Advice.GO


@pytest.mark.parametrize("seed", range(20))
def test_an_advisor_that_does_not_never_seems_to(seed: int) -> None:
    (heard,), given = opine(seed, 0.0)
    assert heard is None or heard.decision is Advice.WAIT
    assert heard is None or given == heard


def test_there_is_a_seat_for_each_role() -> None:
    async def at_once(_: float) -> None:
        return

    seats = advisors(chance(), 1.0, heard=lambda *_: None, pause=at_once)
    assert [seat.role for seat in seats] == list(AdvisorRole)


class Kept:
    """A broker that keeps what reaches it."""

    def __init__(self) -> None:
        self.commands: list[AnyCommand] = []
        self.heard: list[Emit] = []

    def listen(self, emit: Emit) -> None:
        """See `ports.Broker`."""
        self.heard.append(emit)

    def number(self, command: AnyCommand) -> tuple[tuple[str, int], ...]:
        """See `ports.Broker`."""
        self.commands.append(command)
        return (("a", 7),)

    def carry_out(self, command: AnyCommand) -> None:
        """See `ports.Broker`."""
        self.commands.append(command)


def test_death_may_come_before_an_order_has_its_number() -> None:
    kept, deaths = Kept(), list[str]()
    risk = [0.0]
    mortal = Mortal(kept, chance(), risk=lambda: risk[0], kill=lambda: deaths.append("dead"))
    assert mortal.number(CancelOrder("a", "")) == (("a", 7),)
    risk[0] = 1.0
    assert mortal.number(CancelOrder("a", "")) == ()
    mortal.carry_out(CancelOrder("a", ""))
    assert (len(kept.commands), deaths) == (1, ["dead"])


def test_death_comes_before_the_bytes_of_an_order_and_stays() -> None:
    kept, deaths = Kept(), list[str]()
    risk = [0.0]
    mortal = Mortal(kept, chance(), risk=lambda: risk[0], kill=lambda: deaths.append("dead"))
    mortal.listen(lambda _: None)
    mortal.carry_out(CancelOrder("a", ""))
    risk[0] = 1.0
    mortal.carry_out(RaiseAlert(AlertLevel.INFO, "CODE", "no order"))
    mortal.carry_out(CancelOrder("b", ""))
    risk[0] = 0.0
    mortal.carry_out(CancelOrder("c", ""))
    assert (len(kept.commands), deaths, len(kept.heard)) == (2, ["dead"], 1)

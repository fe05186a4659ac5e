"""Who takes part in a hostile day beside the trader: dice, advisors, and death.

All draws come from one seeded generator, in the order in which things happen.
"""

import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, cast

from mytrader.advisors.panel import Seat
from mytrader.domain import commands
from mytrader.domain.commands import AnyCommand
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Question, Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.ports import Broker, Emit
from mytrader.proof.permissions import NUMBER
from mytrader.signals.features import Features

ORDERS: Final = (
    commands.PlaceBracket,
    commands.PlaceExit,
    commands.PlaceEmergencyStop,
    commands.ChangeOrder,
    commands.CancelOrder,
)
CONFIDENCES: Final = (0.5, 0.65, 0.7, 0.8, 0.9, 0.95)
HANGS_S: Final = 5.0
MOODS: Final = ("wait", "advisory wait", "late", "raise", "garbage")

Heard = Callable[[Signal, Opinion | None], None]
"""Told of an opinion before it is given; `None` where none will be."""

Pause = Callable[[float], Awaitable[None]]
"""Waits so many seconds."""


class AdvisorFailed(RuntimeError):
    """What an advisor of another make raises."""


class Dice:
    """Proposes at the close of a minute with a chance, either side, near or far."""

    name = "dice"

    def __init__(self, instrument: Instrument, chance: random.Random, often: float) -> None:
        self._instrument = instrument
        self._chance = chance
        self._often = often

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """Return a proposal or nothing, whatever the features are."""
        del features
        chance = self._chance
        if chance.random() >= self._often:
            return None
        side = chance.choice(list(Side))
        stop, target = chance.randint(4, 16), chance.randint(5, 20)
        price = self._instrument.price
        return Signal(
            strategy=self.name,
            side=side,
            confidence=chance.choice(CONFIDENCES),
            entry=price(bar.close),
            stop=price(bar.close - side.sign * stop),
            target=price(bar.close + side.sign * target),
            features={NUMBER: float(chance.getrandbits(48))},
            reason="drawn",
        )


class Fickle:
    """An advisor that lets pass, argues, hangs, raises or answers nonsense, and says so first."""

    def __init__(
        self, role: AdvisorRole, chance: random.Random, go: float, *, heard: Heard, pause: Pause
    ) -> None:
        self._role = role
        self._chance = chance
        self._go = go
        self._heard = heard
        self._pause = pause

    async def opine(self, question: Question, now: datetime) -> Opinion:
        """Return an opinion, sometimes; see `ports.Advisor`."""
        del now
        chance = self._chance
        mood = "go" if chance.random() < self._go else chance.choice(MOODS)
        waits = mood in ("wait", "advisory wait")
        opinion = Opinion(
            advisor=self._role,
            role=self._role,
            decision=Advice.WAIT if waits else Advice.GO,
            rationale=mood,
            confidence=1.0,
            advisory_only=mood == "advisory wait",
        )
        self._heard(question.signal, opinion if mood == "go" or waits else None)
        await self._pause(HANGS_S if mood == "late" else chance.choice((0.0, 0.05, 0.7)))
        if mood == "raise":
            raise AdvisorFailed(mood)
        return cast("Opinion", {"decision": "BUY"}) if mood == "garbage" else opinion


def advisors(chance: random.Random, go: float, *, heard: Heard, pause: Pause) -> tuple[Seat, ...]:
    """Return two seats whose advisors let an entry pass with a chance of `go` each."""
    return tuple(
        Seat(role.value, role, Fickle(role, chance, go, heard=heard, pause=pause))
        for role in AdvisorRole
    )


class Mortal:
    """A broker whose process may die between its record and its bytes."""

    def __init__(
        self,
        broker: Broker,
        chance: random.Random,
        *,
        risk: Callable[[], float],
        kill: Callable[[], None],
    ) -> None:
        self._broker, self._chance = broker, chance
        self._risk, self._kill = risk, kill
        self._dead = False

    def listen(self, emit: Emit) -> None:
        """See `ports.Broker`."""
        self._broker.listen(emit)

    def number(self, command: AnyCommand) -> tuple[tuple[str, int], ...]:
        """Pass on, or die before the numbers are recorded."""
        self._live_on(command)
        return () if self._dead else self._broker.number(command)

    def carry_out(self, command: AnyCommand) -> None:
        """Pass on, or die first."""
        self._live_on(command)
        if not self._dead:
            self._broker.carry_out(command)

    def _live_on(self, command: AnyCommand) -> None:
        if self._dead or not isinstance(command, ORDERS):
            return
        if self._chance.random() < self._risk():
            self._dead = True
            self._kill()

"""The embedded advisors: two opinions that need no network, from the signal's own numbers.

The *decision* advisor argues against trades in chop; its WAIT is advisory. The *risk* advisor
looks at the circumstances; its WAIT binds. The decision advisor also hears what the memory says
of trades like this one (`mytrader/advisors/local_memory.py`). Both answer for any strategy that
puts the numbers of its features into the signal; a number that is missing or not finite is a
failure, and blocks.

Each confidence is that in the advisor's own answer: 0.5 at the threshold, where the answer could
as well be the other one, rising in a straight line to 1 at the far end named beside it.
"""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite, sqrt
from typing import Final

from msgspec import Struct

from mytrader.advisors.local_memory import Objection, objections
from mytrader.advisors.opinion import failed, plain
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Question, Signal
from mytrader.domain.memory import Recall

EFFICIENCY_BARS: Final = 20
CHOP_EFFICIENCY_BELOW: Final = 1 / sqrt(EFFICIENCY_BARS)
"""0.22: the efficiency ratio of a random walk over as many bars. Less is chop."""
THIN_VOLUME_BELOW: Final = 0.5
"""Half of what the minute of the day lets one expect."""
EXTREME_VOLATILITY_ABOVE: Final = 2.0
"""Twice the movement, four times the variance, that the session lets one expect."""
VOLUME_MINUTES_MIN: Final = 30
"""An expectation of volume that rests on less of the session is a guess."""


class UnusableFeature(ValueError):
    """A number that the advisor needs is missing or not finite."""


class _Concern(Struct, frozen=True):
    """One thing looked at. `room` is 1 where all is well, 0 at the threshold, -1 at worst."""

    room: float
    text: str


class LocalDecisionAdvisor:
    """Says WAIT, advisory only, when the last twenty bars went nowhere or the memory objects.

    Confidence in WAIT is full at an efficiency ratio of 0, in GO at a ratio of 1. Of several
    reasons to wait the surest decides, and all are told. A memory that failed is no empty one:
    its failure is this advisor's, and binds.
    """

    name = "local-decision"
    role = AdvisorRole.DECISION

    async def opine(self, question: Question, now: datetime) -> Opinion:
        """Return the opinion; never waits for anything."""
        del now
        return self.judge(question.signal, question.recall)

    def judge(self, signal: Signal, recall: Recall | None = None) -> Opinion:
        """Return the opinion on a signal; without a recall the memory has no say."""
        try:
            efficiency = _feature(signal.features, "efficiency_ratio")
        except UnusableFeature as why:
            return failed(self.name, self.role, failure=str(why))
        if recall is not None and recall.failure is not None:
            return failed(self.name, self.role, failure=f"memory: {recall.failure}")
        told = objections(recall)
        opinion = self._on_efficiency(efficiency)
        return _joined(opinion, told) if told else opinion

    def _on_efficiency(self, efficiency: float) -> Opinion:
        room = _room(efficiency, CHOP_EFFICIENCY_BELOW, good=1.0, bad=0.0)
        chop = room < 0
        is_what = "chop, below" if chop else "directed, not below"
        return Opinion(
            advisor=self.name,
            role=self.role,
            decision=Advice.WAIT if chop else Advice.GO,
            rationale=plain(
                f"efficiency ratio {efficiency:.2f} is {is_what} the "
                f"{CHOP_EFFICIENCY_BELOW:.2f} of a random walk over {EFFICIENCY_BARS} bars"
            ),
            confidence=_confidence(room),
            advisory_only=chop,
        )


class LocalRiskAdvisor:
    """Says WAIT, binding, in thin volume, extreme volatility, or too young a session.

    Confidence in GO is full when volume and volatility are as expected or kinder; in WAIT at no
    volume, at twice the volatility threshold, or at no minutes to judge by.
    """

    name = "local-risk"
    role = AdvisorRole.RISK

    async def opine(self, question: Question, now: datetime) -> Opinion:
        """Return the opinion; never waits for anything."""
        del now
        return self.judge(question.signal)

    def judge(self, signal: Signal) -> Opinion:
        """Return the opinion on a signal."""
        try:
            concerns = _concerns(signal.features)
        except UnusableFeature as why:
            return failed(self.name, self.role, failure=str(why))
        worst = min(concern.room for concern in concerns)
        told = [concern for concern in concerns if concern.room < 0] or concerns
        return Opinion(
            advisor=self.name,
            role=self.role,
            decision=Advice.WAIT if worst < 0 else Advice.GO,
            rationale=plain("; ".join(concern.text for concern in told)),
            confidence=_confidence(worst),
        )


def _joined(opinion: Opinion, told: list[Objection]) -> Opinion:
    """Return a WAIT with what the memory objects, and what else spoke for waiting."""
    reasons = [objection.text for objection in told]
    sure = [objection.confidence for objection in told]
    if opinion.decision is Advice.WAIT:
        reasons.append(opinion.rationale)
        sure.append(opinion.confidence or 0.0)
    return Opinion(
        advisor=opinion.advisor,
        role=opinion.role,
        decision=Advice.WAIT,
        rationale=plain("; ".join(reasons)),
        confidence=max(sure),
        advisory_only=True,
        cited=tuple(dict.fromkeys(each for objection in told for each in objection.cited)),
    )


def _concerns(features: Mapping[str, float]) -> list[_Concern]:
    minutes = _feature(features, "volume_minutes")
    volume = _feature(features, "volume_ratio")
    volatility = _feature(features, "volatility_ratio")
    return [
        _Concern(
            room=_room(minutes, VOLUME_MINUTES_MIN, good=2 * VOLUME_MINUTES_MIN, bad=0.0),
            text=f"{minutes:.0f} minutes of the session seen, {VOLUME_MINUTES_MIN} needed",
        ),
        _Concern(
            room=_room(volume, THIN_VOLUME_BELOW, good=1.0, bad=0.0),
            text=(
                f"five-minute volume is {volume:.2f} of what this minute of the day usually "
                f"has, thin below {THIN_VOLUME_BELOW:.2f}"
            ),
        ),
        _Concern(
            room=_room(
                volatility, EXTREME_VOLATILITY_ABOVE, good=1.0, bad=2 * EXTREME_VOLATILITY_ABOVE
            ),
            text=(
                f"volatility is {volatility:.2f} of what this session lets one expect, "
                f"extreme above {EXTREME_VOLATILITY_ABOVE:.2f}"
            ),
        ),
    ]


def _feature(features: Mapping[str, float], name: str) -> float:
    value: object = features.get(name)
    if value is None:
        raise UnusableFeature(f"the signal has no feature '{name}'")
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise UnusableFeature(f"the signal's feature '{name}' is not a finite number")
    return float(value)


def _room(value: float, threshold: float, *, good: float, bad: float) -> float:
    """Return 1 at `good` and beyond, 0 at the threshold, -1 at `bad` and beyond."""
    end = good if (value - threshold) * (good - threshold) >= 0 else bad
    part = min(abs(value - threshold) / abs(end - threshold), 1.0)
    return part if end == good else -part


def _confidence(room: float) -> float:
    return round(0.5 + abs(room) / 2, 4)

"""Bounded suggestions with their evidence: one step of one parameter, for some days.

For each parameter one step is asked about in each direction. Towards less risk the evidence is
the trades that the step would have kept away: their mean must surely be a loss. Towards more it is
the proposals that this parameter alone refused and the step would have let pass: as they would
have ended, their mean must surely be a gain. The intervals hold together for all questions of one
look. A step towards less risk may take effect without a person, any other waits for one; which of
the two it is follows from the numbers and is never stored.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct

from mytrader.learning.intervals import CONFIDENCE, Interval, corrected
from mytrader.learning.outcomes import Ended, Outcome
from mytrader.learning.parameters import (
    BOUNDS,
    Parameter,
    allowed,
    is_safer,
    shown,
    stepped,
)
from mytrader.learning.tables import Row, made_row, refused_row

TRADES_MIN: Final = 20
"""No setting lets a proposal rest on fewer trades."""

RAISE_TRADES_MIN: Final = 100
"""More contracts for each entry need a longer record than any other step."""

LIFETIME: Final = timedelta(days=14)
LIFETIME_MAX: Final = timedelta(days=60)
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ID_LENGTH: Final = 8
CODE_LENGTH: Final = 4


class Evidence(Struct, frozen=True):
    """The trades that a proposal rests on: how many, their mean R with its interval, dollars."""

    trades: int
    mean_r: float
    low_r: float
    high_r: float
    net_usd: Decimal
    cycle_ids: tuple[str, ...]


class Proposal(Struct, frozen=True):
    """One parameter from `current` to `value`, until `expires_at`. A duration is in minutes."""

    parameter: Parameter
    current: Decimal
    value: Decimal
    reason: str
    evidence: Evidence
    made_at: datetime
    expires_at: datetime

    @property
    def _digits(self) -> str:
        content = msgspec.json.encode(self, order="sorted")
        number = int.from_bytes(hashlib.sha256(content).digest(), "big")
        length = ID_LENGTH + CODE_LENGTH
        return "".join(_ALPHABET[number >> 5 * place & 31] for place in range(length))

    @property
    def proposal_id(self) -> str:
        """A name made of the content."""
        return self._digits[:ID_LENGTH]

    @property
    def code(self) -> str:
        """What a person types to show that this very content was read."""
        return self._digits[ID_LENGTH:]

    @property
    def tightens(self) -> bool:
        """Whether it means less risk; then it needs no person."""
        return is_safer(self.parameter, self.value, than=self.current)


class Terms(Struct, frozen=True):
    """What proposals are made with: the least evidence, and for how long they stand."""

    trades_min: int = TRADES_MIN
    lifetime: timedelta = LIFETIME


def problem(proposal: Proposal) -> str:
    """Return why a proposal may not stand, "" if it may.

    The check of what is read from a file: a step that is too wide, a value out of bounds.
    """
    if not allowed(proposal.parameter, proposal.value, current=proposal.current):
        return f"{proposal.parameter} may not go from {proposal.current} to {proposal.value}"
    if not timedelta(0) < proposal.expires_at - proposal.made_at <= LIFETIME_MAX:
        return "it stands for longer than any proposal may"
    return ""


def proposals(
    outcomes: Sequence[Outcome],
    values: Mapping[Parameter, Decimal],
    *,
    now: datetime,
    terms: Terms = Terms(),  # noqa: B008 - frozen
) -> tuple[Proposal, ...]:
    """Return every step for which there is enough evidence; at most one for each parameter.

    Where both directions seem right the safer one is proposed.
    """
    asked = [
        question
        for parameter, current in values.items()
        for safer in (True, False)
        if (question := _question(parameter, current, safer=safer)) is not None
    ]
    groups = [(question, question.affected(outcomes)) for question in asked]
    enough = [
        (question, group)
        for question, group in groups
        if question.row(group).trades >= question.trades_min(terms)
    ]
    confidence = corrected(CONFIDENCE, len(enough))
    found: dict[Parameter, Proposal] = {}
    for question, group in enough:
        row = question.row(group, confidence=confidence)
        if question.answered_by(row.mean) and row.trades >= question.trades_min(terms):
            made = _proposal(question, row, now=now, lifetime=terms.lifetime)
            found.setdefault(question.parameter, made)
    return tuple(found.values())


class _Question(Struct, frozen=True):
    """Whether one step of one parameter would have been right."""

    parameter: Parameter
    current: Decimal
    value: Decimal
    safer: bool

    def affected(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The trades that the step would keep away, or the refusals that it would let pass."""
        passes = PASSES.get(self.parameter)
        if passes is None:
            return [one for one in outcomes if one.ended is Ended.TRADED]
        if self.safer:
            return [
                one
                for one in outcomes
                if one.ended is Ended.TRADED
                and passes(one, self.current)
                and not passes(one, self.value)
            ]
        return [
            one
            for one in outcomes
            if one.ended is Ended.REFUSED
            and _refused_by(one) == {BOUNDS[self.parameter].code}
            and passes(one, self.value)
        ]

    def row(self, group: Sequence[Outcome], *, confidence: float = CONFIDENCE) -> Row:
        """The group as one row."""
        hypothetical = not self.safer and self.parameter in PASSES
        make = refused_row if hypothetical else made_row
        return make(str(self.parameter), group, confidence=confidence)

    def trades_min(self, terms: Terms) -> int:
        """How many trades an answer needs."""
        least = max(terms.trades_min, TRADES_MIN)
        raises = self.parameter is Parameter.QUANTITY and not self.safer
        return max(least, RAISE_TRADES_MIN) if raises else least

    def answered_by(self, mean: Interval | None) -> bool:
        """Whether the interval says yes."""
        if mean is None:
            return False
        return mean.below_zero if self.safer else mean.above_zero


def _question(parameter: Parameter, current: Decimal, *, safer: bool) -> _Question | None:
    value = stepped(parameter, current, safer=safer)
    return None if value is None else _Question(parameter, current, value, safer)


def _proposal(question: _Question, row: Row, *, now: datetime, lifetime: timedelta) -> Proposal:
    mean = row.mean or Interval(0.0, 0.0)
    mean_r = row.mean_r or 0.0
    hypothetical = not question.safer and question.parameter in PASSES
    what = _what(question.parameter, safer=question.safer)
    old, new = (shown(question.parameter, one) for one in (question.current, question.value))
    figures = f"mean {mean_r:+.2f} R ({mean.low:+.2f} to {mean.high:+.2f})"
    would = "would have earned" if hypothetical else "earned"
    return Proposal(
        parameter=question.parameter,
        current=question.current,
        value=question.value,
        reason=(
            f"{question.parameter} from {old} to {new}: {row.trades} {what}"
            f" {would} {row.net_usd:+.2f} USD, {figures}"
        ),
        evidence=Evidence(row.trades, mean_r, mean.low, mean.high, row.net_usd, row.cycle_ids),
        made_at=now,
        expires_at=now + min(lifetime, LIFETIME_MAX),
    )


def _what(parameter: Parameter, *, safer: bool) -> str:
    if parameter not in PASSES:
        return "trades"
    return "trades that it would keep away" if safer else "refusals that it would let pass"


def _refused_by(one: Outcome) -> set[str]:
    """What refused a proposal; a day that is over for its count or its losses is refused twice."""
    codes = set(one.codes)
    return codes - {"MODE"} if codes & _THROTTLES else codes


_THROTTLES: Final = {"TRADE_COUNT", "LOSS_STREAK"}

# Whether a proposal would have passed a parameter's guard at a value


def _confident(one: Outcome, value: Decimal) -> bool:
    # As numbers of the machine: what is not a number is not enough, and no error.
    return one.confidence is not None and one.confidence >= float(value)


def _day_has_entries(one: Outcome, value: Decimal) -> bool:
    return one.before.entries < value


def _cooled(one: Outcome, value: Decimal) -> bool:
    gap = one.before.entry_gap
    return gap is None or gap >= timedelta(minutes=float(value))


def _small(one: Outcome, value: Decimal) -> bool:
    risk = _risk(one)
    return risk is not None and risk + one.commission_usd <= value


def _few_losses(one: Outcome, value: Decimal) -> bool:
    return one.before.losses_in_a_row < value


def _day_has_room(one: Outcome, value: Decimal) -> bool:
    risk = _risk(one)
    return risk is not None and risk + one.commission_usd - one.before.realised_usd <= value


def _early(one: Outcome, value: Decimal) -> bool:
    left = one.before.to_close
    return left is not None and left > timedelta(minutes=float(value))


def _risk(one: Outcome) -> Decimal | None:
    if one.ended is Ended.TRADED or one.would_be is None:
        return one.risk_usd
    return one.would_be.risk_usd


PASSES: Final[dict[Parameter, Callable[[Outcome, Decimal], bool]]] = {
    Parameter.CONFIDENCE: _confident,
    Parameter.DAILY_TRADES: _day_has_entries,
    Parameter.COOLDOWN: _cooled,
    Parameter.LOSS_PER_TRADE: _small,
    Parameter.LOSS_STREAK: _few_losses,
    Parameter.DAILY_LOSS: _day_has_room,
    Parameter.BEFORE_CLOSE: _early,
}
"""The guards in a line each, over what is known of an outcome. The quantity has no guard: it is
judged by all trades."""

"""Bounded suggestions with their evidence: one step of one parameter, for some days.

For each parameter one step is asked about in each direction. Towards less risk the evidence is
the trades that the step would have kept away: their mean must surely be a loss. Towards more it is
the proposals that this parameter alone refused and the step would have let pass: as they would
have ended, their mean must surely be a gain. The intervals hold together for all questions of one
look. A step towards less risk may take effect without a person, any other waits for one; which of
the two it is follows from the content and is never stored.

A list of what is closed is asked about for each member: closing one that was traded, opening one
that the setting closes. What is in force already counts: trades that it would have kept away are
no evidence for closing more. The last that was traded is never closed.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

import msgspec
from msgspec import Struct

from mytrader.domain.regime import REGIMES
from mytrader.learning.intervals import CONFIDENCE, Interval, corrected
from mytrader.learning.outcomes import Ended, Outcome
from mytrader.learning.parameters import (
    ALWAYS_ASKS,
    BOUNDS,
    CLOSED_CODE,
    CLOSINGS,
    HOUR_NAMES,
    Members,
    Parameter,
    Value,
    allowed,
    is_safer,
    shown,
    stepped,
    with_member,
    without_member,
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


Subject = tuple[Parameter, str]
"""What a proposal is about: a parameter, and of a list the one member; "" where it is a number."""


class Proposal(Struct, frozen=True):
    """One parameter from `current` to `value`, until `expires_at`. A duration is in minutes."""

    parameter: Parameter
    current: Value
    value: Value
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
        """Whether it means less risk."""
        return is_safer(self.parameter, self.value, than=self.current)

    @property
    def needs_nobody(self) -> bool:
        """Whether it may take effect without a person."""
        return self.tightens and self.parameter not in ALWAYS_ASKS

    @property
    def member(self) -> str:
        """The member that a list gains or loses, "" of a number."""
        if isinstance(self.current, tuple) and isinstance(self.value, tuple):
            return "".join(set(self.current) ^ set(self.value))
        return ""

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return self.parameter, self.member

    def applied_to(self, held: Value) -> Value:
        """Return what it makes of a value that is held; of a list it moves its own member only."""
        if not isinstance(held, tuple):
            return self.value
        move = with_member if self.tightens else without_member
        return move(held, self.member)


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
    values: Mapping[Parameter, Value],
    *,
    now: datetime,
    terms: Terms = Terms(),  # noqa: B008 - frozen
    held: Mapping[Parameter, Value] | None = None,
    barred: Collection[Subject] = (),
) -> tuple[Proposal, ...]:
    """Return every step for which there is enough evidence; at most one for each parameter.

    `values` are the settings' own, from which a step is made; `held` is what is in force over
    them, the same unless given. Nothing is proposed about a subject that is `barred`. Where both
    directions seem right the safer one is proposed, and of several members the surest.
    """
    lists = _lists(held or values)
    asked = [
        question
        for parameter, current in values.items()
        for question in _questions(parameter, current, lists=lists, outcomes=outcomes)
        if (parameter, question.member) not in barred
    ]
    groups = [(question, question.affected(outcomes)) for question in asked]
    enough = [
        (question, group)
        for question, group in groups
        if question.row(group).trades >= question.trades_min(terms)
    ]
    confidence = corrected(CONFIDENCE, len(enough))
    rows = [(question, question.row(group, confidence=confidence)) for question, group in enough]
    found: dict[Parameter, Proposal] = {}
    for question, row in sorted(rows, key=lambda pair: pair[0].doubt(pair[1])):
        if question.answered_by(row.mean) and row.trades >= question.trades_min(terms):
            made = _proposal(question, row, now=now, lifetime=terms.lifetime)
            found.setdefault(question.parameter, made)
    return tuple(found[parameter] for parameter in values if parameter in found)


Passes = Callable[[Outcome], bool]


class _Question(Struct, frozen=True):
    """Whether one step of one parameter would have been right.

    `passes_now` and `passes_then` are the parameter's guard before and after the step, `None`
    where there is none; `code` is that of its refusals, `member` that of a list.
    """

    parameter: Parameter
    current: Value
    value: Value
    safer: bool
    code: str
    passes_now: Passes | None
    passes_then: Passes | None
    member: str = ""

    def affected(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The trades that the step would keep away, or the refusals that it would let pass."""
        now, then = self.passes_now, self.passes_then
        if now is None or then is None:
            return _traded(outcomes)
        if self.safer:
            return [one for one in _traded(outcomes) if now(one) and not then(one)]
        return [
            one
            for one in outcomes
            if one.ended is Ended.REFUSED and _refused_by(one) == {self.code} and then(one)
            # One code stands for all members: a refusal by another one says nothing of this.
            if not (self.member and now(one))
        ]

    @property
    def hypothetical(self) -> bool:
        """Whether it is about trades that were never made."""
        return not self.safer and self.passes_then is not None

    def row(self, group: Sequence[Outcome], *, confidence: float = CONFIDENCE) -> Row:
        """The group as one row."""
        make = refused_row if self.hypothetical else made_row
        return make(str(self.parameter), group, confidence=confidence)

    def doubt(self, row: Row) -> tuple[bool, float]:
        """What sorts the safer first, then the surest."""
        mean = row.mean or Interval(0.0, 0.0)
        return not self.safer, mean.high if self.safer else -mean.low

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


def _questions(
    parameter: Parameter,
    current: Value,
    *,
    lists: Mapping[Parameter, Members],
    outcomes: Sequence[Outcome],
) -> Iterator[_Question]:
    """Every step that could be proposed; `lists` are what is closed at present."""
    if isinstance(current, tuple):
        yield from _closings(parameter, current, lists=lists, outcomes=outcomes)
        return
    passes = PASSES.get(parameter)
    for safer in (True, False):
        value = stepped(parameter, current, safer=safer)
        if value is None:
            continue
        now, then = (_at(passes, each) for each in (current, value))
        yield _Question(parameter, current, value, safer, BOUNDS[parameter].code, now, then)


def _at(passes: Callable[[Outcome, Decimal], bool] | None, value: Decimal) -> Passes | None:
    return None if passes is None else lambda one: passes(one, value)


def _closings(
    parameter: Parameter,
    current: Members,
    *,
    lists: Mapping[Parameter, Members],
    outcomes: Sequence[Outcome],
) -> Iterator[_Question]:
    """Each member that was traded and could be closed, and each that the setting closes."""
    held, now = lists[parameter], partial(_is_open, lists=lists)
    for member in sorted({_member(one, parameter) for one in outcomes}.union(current)):
        safer = member not in current
        move = with_member if safer else without_member
        value, after = move(current, member), move(held, member)
        then = partial(_is_open, lists={**lists, parameter: after})
        if not allowed(parameter, value, current=current):
            continue
        if not safer or _may_close(parameter, after, traded=_traded(outcomes), then=then):
            yield _Question(parameter, current, value, safer, CLOSED_CODE, now, then, member)


def _may_close(
    parameter: Parameter, closed: Members, *, traded: Sequence[Outcome], then: Passes
) -> bool:
    """Whether a list may become that long, and something of what was traded stays open.

    A closed regime refuses signals that name none. Where such were traded, none is closed: their
    strategy would trade no more, and not for anything that was seen in them.
    """
    blind = parameter is Parameter.REGIMES and any(one.regime not in REGIMES for one in traded)
    return len(closed) <= CLOSINGS[parameter].most and not blind and any(map(then, traded))


def _traded(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [one for one in outcomes if one.ended is Ended.TRADED]


def _proposal(question: _Question, row: Row, *, now: datetime, lifetime: timedelta) -> Proposal:
    mean = row.mean or Interval(0.0, 0.0)
    mean_r = row.mean_r or 0.0
    what = "trades"
    if question.passes_then is not None:
        kept_away = "trades that it would keep away"
        what = kept_away if question.safer else "refusals that it would let pass"
    old, new = (shown(question.parameter, one) for one in (question.current, question.value))
    figures = f"mean {mean_r:+.2f} R ({mean.low:+.2f} to {mean.high:+.2f})"
    would = "would have earned" if question.hypothetical else "earned"
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


def _lists(values: Mapping[Parameter, Value]) -> dict[Parameter, Members]:
    return {parameter: value for parameter, value in values.items() if isinstance(value, tuple)}


def _member(one: Outcome, parameter: Parameter) -> str:
    """What a list would have to hold to close an outcome."""
    if parameter is Parameter.HOURS:
        return HOUR_NAMES[one.hour]
    return one.strategy if parameter is Parameter.STRATEGIES else one.regime


def _is_open(one: Outcome, *, lists: Mapping[Parameter, Members]) -> bool:
    """Whether nothing of a proposal is closed; a regime that nobody named is while any is."""
    if lists.get(Parameter.REGIMES) and one.regime not in REGIMES:
        return False
    return all(_member(one, parameter) not in members for parameter, members in lists.items())


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

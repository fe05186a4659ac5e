"""Which limits hold at a start: the settings, with what the ledger has in force over them.

Pure. What means less risk holds without a person and can only tighten; what means more needs a
person's approval, and holds only while the setting is still the one that it was made from: a
person who has changed the setting since has decided anew. A ledger that is damaged changes no
limit and allows no entry. Nothing goes past the ends of `parameters`, nor past the settings' own,
which are checked once more where the values are put into the settings.

Of a list of what is closed each proposal moves its own member: what learning closes is joined to
what the settings close, and nothing that the settings close is opened but by a person's approval.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from mytrader.errors import invariant
from mytrader.learning.ledger import Damaged
from mytrader.learning.parameters import (
    CLOSINGS,
    Parameter,
    Value,
    current_values,
    is_safer,
    number,
    setting_value,
    shown,
)
from mytrader.learning.proposals import Proposal
from mytrader.learning.standing import Standing, Standings, Status
from mytrader.settings import SECTIONS, Settings, conflicts

NOTED: Final = timedelta(days=14)
"""For how long a start says that something has ended."""


class Effective(Struct, frozen=True):
    """A value and where it comes from; `source` is "" for the settings' own."""

    value: Value
    source: str = ""


class Overlay(Struct, frozen=True):
    """What holds at a start. `notes` are lines for people: what is in force, what ended, and why.

    `no_entries` is why nothing may be opened, "" where it may.
    """

    values: dict[Parameter, Effective]
    notes: tuple[str, ...] = ()
    no_entries: str = ""


def overlay(
    values: Mapping[Parameter, Value],
    standings: Standings | Damaged,
    *,
    now: datetime,
    without_person: bool = True,
) -> Overlay:
    """Return what holds over the settings' `values` at `now`.

    Unless `without_person`, what means less risk waits for approval too.
    """
    effective = {parameter: Effective(value) for parameter, value in values.items()}
    if isinstance(standings, Damaged):
        return Overlay(effective, (standings.why,), no_entries=standings.why)
    notes, in_force = dict[str, str](), []
    for standing in standings.by_id.values():
        ended = _ended(standing, now)
        if ended:
            notes[standing.proposal_id] = ended
        elif _decided(standing, without_person=without_person) and standing.open_at(now):
            why_not = _out_of_place(standing, values, now=now)
            notes[standing.proposal_id] = why_not or f"until {_day(standing)}"
            in_force += [] if why_not else [standing]
    # What loosens comes first, so that whatever tightens the same parameter has the last word.
    for standing in sorted(in_force, key=lambda one: one.proposal.tightens):
        parameter, held = standing.proposal.parameter, effective[standing.proposal.parameter]
        value = standing.proposal.applied_to(held.value)
        if standing.proposal.tightens and not is_safer(parameter, value, than=held.value):
            continue
        if _too_many(standing.proposal, value):
            most = CLOSINGS[parameter].most
            notes[standing.proposal_id] = f"not in force: no more than {most} are closed"
            continue
        effective[parameter] = Effective(value, _joined(held, standing))
    lines = [f"{_named(standings.by_id[name])}: {note}" for name, note in notes.items()]
    return Overlay(effective, tuple(lines))


def _too_many(proposal: Proposal, value: Value) -> bool:
    """Whether a list would close more than any proposal may, together with the settings'."""
    if not isinstance(value, tuple) or not proposal.tightens:
        return False
    return len(value) > CLOSINGS[proposal.parameter].most


def _joined(held: Effective, standing: Standing) -> str:
    """Where a value comes from; several proposals may have moved one list."""
    several = isinstance(held.value, tuple) and held.source
    return f"{held.source}; {_source(standing)}" if several else _source(standing)


def _decided(standing: Standing, *, without_person: bool) -> bool:
    """Whether nobody has to be asked any more."""
    if standing.status is Status.APPROVED:
        return True
    alone = standing.proposal.needs_nobody and without_person
    return standing.status is Status.PROPOSED and alone


def _ended(standing: Standing, now: datetime) -> str:
    """How something that may have been in force has ended lately, "" if it has not."""
    expires_at = standing.proposal.expires_at
    if standing.status is Status.REVOKED:
        return f"revoked by {standing.who}" if now - standing.at < NOTED else ""
    undecided = standing.status is Status.PROPOSED and not standing.proposal.needs_nobody
    if standing.status is Status.REJECTED or undecided or now < expires_at:
        return ""
    return f"expired on {_day(standing)}" if now - expires_at < NOTED else ""


def _out_of_place(standing: Standing, values: Mapping[Parameter, Value], *, now: datetime) -> str:
    """Why something that was decided changes nothing, "" if it does."""
    proposal, setting = standing.proposal, values[standing.proposal.parameter]
    if proposal.tightens:
        # A clock that is behind must not loosen a limit: what tightens holds at once.
        safer = is_safer(proposal.parameter, proposal.applied_to(setting), than=setting)
        return "" if safer else "changes nothing: the setting is as strict by itself"
    if now < proposal.made_at:
        return "not in force: it was made later than now; look at the clock"
    if setting != proposal.current:
        old = shown(proposal.parameter, proposal.current)
        return f"not in force: the setting is not {old} any more"
    return ""


def _named(standing: Standing) -> str:
    proposal = standing.proposal
    value = shown(proposal.parameter, proposal.value)
    if proposal.member:
        value = f"{'closes' if proposal.tightens else 'opens'} {proposal.member}"
    return f"proposal {standing.proposal_id}, {proposal.parameter} {value}"


def _day(standing: Standing) -> str:
    return f"{standing.proposal.expires_at:%Y-%m-%d %H:%M} UTC"


def _source(standing: Standing) -> str:
    return f"learning: proposal {standing.proposal_id}, until {_day(standing)}"


def adjusted(settings: Settings, found: Overlay) -> Settings:
    """Return the settings with the overlay's values in them, each with its source.

    Values that are impossible together give way to the stricter one. Raises `InvariantBroken` if
    a value would be beyond what the settings allow.
    """
    changed = {
        parameter: effective
        for parameter, effective in _together(settings, found.values)
        if effective.source
    }
    if not changed:
        return settings
    sections = {}
    for name in {parameter.partition(".")[0] for parameter in changed}:
        section = getattr(settings, name)
        given = {key: getattr(section, key) for key in section.model_fields_set}
        for parameter, effective in changed.items():
            owner, _, key = parameter.partition(".")
            if owner == name:
                given[key] = setting_value(parameter, effective.value)
        sections[name] = SECTIONS[name].model_validate(given)
    new = settings.model_copy(update=sections)
    invariant(not list(conflicts(new)), "learned values are possible together")
    sources = {name: source for name in _names() if (source := settings.source(name))}
    for parameter, effective in changed.items():
        # A list may be closed in part by the settings: then both are its sources.
        own = isinstance(effective.value, tuple) and current_values(settings)[parameter]
        parts = (*([sources[parameter]] if own else []), effective.source)
        sources[parameter] = "; ".join(parts)
    return new.told(sources, settings.ignored_flags)


def _together(
    settings: Settings, values: Mapping[Parameter, Effective]
) -> Iterator[tuple[Parameter, Effective]]:
    """The values as they hold beside each other and beside the settings that nobody proposes."""
    ceilings = {
        Parameter.LOSS_PER_TRADE: values[Parameter.DAILY_LOSS],
        Parameter.QUANTITY: Effective(Decimal(settings.trading.max_position_size)),
    }
    flatten = settings.session.flatten_before_close.total_seconds() / 60
    for parameter, effective in values.items():
        if isinstance(effective.value, tuple):
            yield parameter, effective
            continue
        ceiling = ceilings.get(parameter)
        if ceiling is not None and effective.value > number(ceiling.value):
            source = ceiling.source or effective.source
            yield parameter, Effective(ceiling.value, source)
        elif parameter is Parameter.BEFORE_CLOSE and effective.value <= Decimal(str(flatten)):
            yield parameter, Effective(current_values(settings)[parameter])
        else:
            yield parameter, effective


def _names() -> Iterator[str]:
    for section, model in SECTIONS.items():
        for key in model.model_fields:
            yield f"{section}.{key}"

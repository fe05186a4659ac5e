"""Faults by the name of a profile, or from a YAML file.

    calm       none
    flaky      what an ordinary week brings: late and repeated messages, a lost link, partial fills
    hostile    everything of the catalogue, often, but what needs a person (`BEYOND_HOSTILE`)

A file holds the switches of `faults.Faults`, and beside them may build on a profile
(`profile: flaky`), switch faults of the catalogue on by name (`named: [close mid-frame]`) and add
`rules` of its own (`fault_rules`).
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import yaml
from msgspec import structs

from mytrader.errors import BadInput
from mytrader.simulator.fault_catalogue import (
    ACKNOWLEDGEMENT,
    BEYOND_HOSTILE,
    CATALOGUE,
    thinned,
)
from mytrader.simulator.fault_edits import check_field, field_value
from mytrader.simulator.fault_rules import (
    CONNECT,
    SESSION_EFFECTS,
    Alter,
    AnyEffect,
    Precede,
    Rule,
)
from mytrader.simulator.faults import Faults
from mytrader.tws.codec import ANSWER_NAMES, REQUEST_NAMES
from mytrader.tws.fields import Message

_BYTES_MAX: Final = 1_000_000
_NUMBER: Final = re.compile(r"[-+]?\d{1,9}(\.\d{1,9})?", re.ASCII)
_MESSAGES: Final = {**REQUEST_NAMES, **ANSWER_NAMES}
_UNKNOWN: Final = re.compile(r"`([^`$]*)`|'([^']*)'")
_EFFECTS: Final = [each.__struct_config__.tag for each in get_args(AnyEffect)]
_FLAKY: Final = frozenset(
    {
        "close mid-frame",
        "link lost",
        "data farm down",
        "farm idle",
        "nightly reset",
        "nightly restart",
        "fills in parts",
        "order message",
        "position late",
        "bar twice",
        "quote lost",
    }
)
_LOSSES: Final = frozenset({"acknowledgement lost", "status lost", "commission lost"})


def _flaky() -> tuple[Rule, ...]:
    return tuple(
        thinned(rule, 0.25)
        for name, rule in CATALOGUE.items()
        if name in _FLAKY or (rule.family == ACKNOWLEDGEMENT and name not in _LOSSES)
    )


PROFILES: Final[Mapping[str, Faults]] = {
    "calm": Faults(),
    "flaky": Faults(acknowledgement_delay_ms=20, rules=_flaky()),
    "hostile": Faults(
        acknowledgement_delay_ms=20,
        answers_by_seed=True,
        rules=tuple(rule for name, rule in CATALOGUE.items() if name not in BEYOND_HOSTILE),
    ),
}


class FaultFile(Faults, frozen=True, forbid_unknown_fields=True):
    """What a file may hold: the switches, and beside them a profile and names to build on."""

    profile: str = "calm"
    named: tuple[str, ...] = ()


def load_faults(source: Path) -> Faults:
    """Return a profile's faults, or those that a YAML file switches on. Raises `BadInput`."""
    profile = PROFILES.get(str(source))
    if profile is not None and not source.is_file():
        return profile
    loaded = _read(source)
    try:
        file = msgspec.convert({} if loaded is None else loaded, FaultFile)
        return _faults(file, set(loaded or ()))
    except msgspec.ValidationError as error:
        raise BadInput(f"faults file {source}: {_explained(error)}") from None
    except BadInput as error:
        raise BadInput(f"faults file {source}: {error}") from None


def _read(path: Path) -> Any:  # noqa: ANN401 - whatever YAML holds
    try:
        text = path.read_bytes()[: _BYTES_MAX + 1]
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        names = ", ".join(PROFILES)
        raise BadInput(
            f"faults file {path}: {reason}; give a readable YAML file or one of {names}"
        ) from None
    if len(text) > _BYTES_MAX:
        raise BadInput(f"faults file {path}: over {_BYTES_MAX} bytes; it holds a few switches")
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        where = " ".join(str(error).split())
        raise BadInput(f"faults file {path}: not YAML: {where}") from None


def _faults(file: FaultFile, given: set[str]) -> Faults:
    base = PROFILES.get(file.profile)
    if base is None:
        raise BadInput(f"profile {file.profile!r} is none of {', '.join(PROFILES)}")
    named = tuple(_named(name) for name in file.named)
    for place, rule in enumerate(file.rules, start=1):
        _check(rule, rule.name or f"rule {place}")
    switches = {name: getattr(file, name) for name in given - {"profile", "named", "rules"}}
    return structs.replace(base, **switches, rules=(*base.rules, *named, *file.rules))


def _named(name: str) -> Rule:
    rule = CATALOGUE.get(name)
    if rule is None:
        raise BadInput(f"no fault is named {name!r}; {_choices(name, CATALOGUE)}")
    return rule


def _explained(error: msgspec.ValidationError) -> str:
    """Return what is wrong and what could stand there instead."""
    unknown = _UNKNOWN.search(str(error))
    word = unknown[1] or unknown[2] if unknown else ""
    if "effect.do" in str(error):
        return f"{error}; {_choices(word, _EFFECTS)}"
    if "unknown field" in str(error) and "$." not in str(error):
        switches = [field.name for field in structs.fields(FaultFile)]
        return f"{error}; {_choices(word, switches)}"
    return str(error)


def _choices(word: str, known: Iterable[str]) -> str:
    """Return the known words that are most like one, all of them if none is."""
    near = get_close_matches(word, known := list(known), cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(known)}"


def _check(rule: Rule, name: str) -> None:
    """Raise `BadInput` for a rule that could never act, or not as it is written."""
    if rule.match is None:
        if not isinstance(rule.effect, SESSION_EFFECTS):
            raise BadInput(f"{name}: this effect needs a match, a message to act on")
        return
    if rule.when.every_s is not None or rule.when.daily_at is not None:
        raise BadInput(f"{name}: every_s and daily_at are for rules without a match")
    message = _MESSAGES.get(rule.match.message)
    if message is None:
        if rule.match.message == CONNECT:
            return
        choices = _choices(rule.match.message, [CONNECT, *_MESSAGES])
        raise BadInput(f"{name}: no message is called {rule.match.message!r}; {choices}")
    for field in rule.match.where:
        check_field(message, field)
    _check_values(rule, message, name)


def _check_values(rule: Rule, message: type[Message], name: str) -> None:
    if isinstance(rule.effect, Alter | Precede):
        for field, text in rule.effect.set.items():
            field_value(message, field, text)
    if isinstance(rule.effect, Alter):
        for field, text in rule.effect.add.items():
            check_field(message, field)
            if not _NUMBER.fullmatch(text):
                raise BadInput(f"{name}: {text!r} is no number to add to {field}")

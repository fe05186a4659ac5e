"""The Strategy protocol, and the register in which strategies are found by name.

A strategy is a small class: bars and features in, now and then a proposal out. It reads no
clock, draws no random number and knows no account, so live and backtest see the same numbers.
Strategies of other packages come by the entry point group `mytrader.strategies`.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from importlib.metadata import EntryPoint, entry_points
from math import isfinite
from typing import Final, Protocol, Self, TypeVar

import msgspec

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.domain.regime import Regime
from mytrader.errors import BadInput, StrategyFault
from mytrader.signals.features import Features

P = TypeVar("P", bound=msgspec.Struct)

GROUP: Final = "mytrader.strategies"
# By name, not by import: a strategy imports this module, never the other way round.
BUILT_IN: Final = (
    EntryPoint("ema-cross", "mytrader.signals.strategies.ema_cross:EmaCross", GROUP),
    EntryPoint("opening-range", "mytrader.signals.strategies.opening_range:OpeningRange", GROUP),
    EntryPoint(
        "trend-pullback", "mytrader.signals.strategies.trend_pullback:TrendPullback", GROUP
    ),
)


class Strategy(Protocol):
    """Proposes trades on one contract."""

    @property
    def name(self) -> str:
        """The name that signals carry."""
        ...

    @classmethod
    def create(cls, instrument: Instrument, params: Mapping[str, object]) -> Self:
        """Return a fresh strategy; raises `BadInput` naming every parameter it cannot use."""
        ...

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """Take the next closed bar with its features in; return a proposal or nothing.

        Called once per bar, in order, warm or not; a repeat of the last bar proposes nothing.
        """
        ...


def strategy_names() -> list[str]:
    """Return the names of all strategies that exist, sorted."""
    return sorted(_register())


def create_strategy(
    name: str, instrument: Instrument, *, params: Mapping[str, object] | None = None
) -> Strategy:
    """Return a fresh strategy by name.

    Raises `BadInput` if there is none of that name, if it cannot be loaded, or if it refuses
    its parameters.
    """
    found = _register().get(name)
    if found is None:
        known = ", ".join(strategy_names())
        raise BadInput(f"strategy {name!r} does not exist; choose one of: {known}")
    return _load(found).create(instrument, params or {})


def parse_params(strategy: str, params: Mapping[str, object], *, kind: type[P]) -> P:
    """Return `params` as a `kind`; text as typed on a command line is understood.

    Raises `BadInput` for an unknown name, a wrong type or a value out of bounds.
    """
    names = ", ".join(kind.__struct_fields__)
    try:
        parsed = msgspec.convert(dict(params), kind, strict=False)
    except msgspec.ValidationError as error:
        said = _value_and_want(str(error), params)
        raise BadInput(f"strategy {strategy}: {said}; its parameters are: {names}") from None
    for field in kind.__struct_fields__:
        value = getattr(parsed, field)
        if isinstance(value, float) and not isfinite(value):
            raise BadInput(f"strategy {strategy}: `{field}` is {value}; give a finite number")
    return parsed


def _value_and_want(error: str, params: Mapping[str, object]) -> str:
    """Return what msgspec says of a parameter with the value that was given, as it was typed."""
    wanted, at, name = error.removesuffix("`").partition(" - at `$.")
    if not at or name not in params:
        return error
    wanted = wanted.partition(", got")[0].removeprefix("Expected ")
    return f"`{name}` is {params[name]!r}; give {wanted}"


def check_signal(signal: object) -> None:
    """Raise `StrategyFault` for what is no signal, or has something of another kind inside.

    Whether its numbers are any good is for the guards to judge; they could not even compare these.
    """
    if not isinstance(signal, Signal):
        raise StrategyFault(f"it gave {signal!r}, which is no signal")
    for name, kind in _KINDS.items():
        value = getattr(signal, name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            wanted = kind[0] if isinstance(kind, tuple) else kind
            raise StrategyFault(f"{name} of its signal is {value!r}: give a {wanted.__name__}")
    for name, number in signal.features.items():
        if not isinstance(number, int | float):
            raise StrategyFault(f"feature {name!r} of its signal is {number!r}: give a number")


_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "strategy": str,
    "side": Side,
    "confidence": (float, int),
    "entry": Decimal,
    "stop": (Decimal, type(None)),
    "target": (Decimal, type(None)),
    "features": dict,
    "reason": str,
    "warm": bool,
    "regime": (Regime, type(None)),
}


def params_from_text(options: Iterable[str]) -> dict[str, str]:
    """Return parameters as typed, `name=value` each, for `create_strategy`.

    What the names mean and whether the values are any good is for the strategy to say. Raises
    `BadInput` for an option of another shape and for a name that is given twice.
    """
    params: dict[str, str] = {}
    for option in options:
        name, equals, value = (part.strip() for part in option.partition("="))
        if not (name and equals and value):
            raise BadInput(f"--param {option!r}: give name=value, for example --param fast=10")
        if name in params:
            raise BadInput(f"--param {option!r}: {name} is given twice, before as {params[name]}")
        params[name] = value
    return params


def _register() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {point.name: point for point in BUILT_IN}
    for point in entry_points(group=GROUP):
        twin = found.setdefault(point.name, point)
        if twin.value != point.value:
            raise BadInput(
                f"two packages offer a strategy {point.name!r} ({twin.value} and {point.value}); "
                "uninstall one of them"
            )
    return found


def _load(point: EntryPoint) -> type[Strategy]:
    try:
        loaded = point.load()
    except (ImportError, AttributeError) as error:
        raise BadInput(
            f"strategy {point.name!r} cannot be loaded from {point.value}: {error}; "
            "reinstall the package that offers it"
        ) from None
    if not (isinstance(loaded, type) and hasattr(loaded, "create") and hasattr(loaded, "on_bar")):
        raise BadInput(
            f"strategy {point.name!r}: {point.value} is no strategy class; "
            "it needs `create` and `on_bar`"
        )
    return loaded

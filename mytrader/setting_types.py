"""What settings are made of: sections, and values with their units, floors and ceilings."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from mytrader.domain.regime import REGIMES, Trend, Volatility
from mytrader.plain_text import on_record

CONTRACTS_CEILING: Final = 10
"""No configuration lets an order or a position be larger (DESIGN.md section 3)."""

_UNITS: Final = {"ms": 0.001, "s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3600}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?) *(ms|s|sec|seconds?|min|minutes?|h)", re.ASCII)


def duration(text: object) -> timedelta:
    """Return "15 min", "2 s", "500 ms" or "1 h" as a `timedelta`; raises `ValueError`."""
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError('must be a number with its unit, such as "15 min", "2 s" or "500 ms"')
    unit = match[2] if match[2] in _UNITS else match[2].removesuffix("s")
    return timedelta(seconds=float(match[1]) * _UNITS[unit])


def duration_text(value: timedelta) -> str:
    """Return a duration in the largest unit that divides it."""
    for unit in ("h", "min", "s"):
        size = timedelta(seconds=_UNITS[unit])
        if value % size == timedelta(0):
            return f"{value // size} {unit}"
    return f"{value / timedelta(milliseconds=1):g} ms"


def _not_bool(value: object) -> object:
    # YAML reads "off" and "no" as false, and false would pass for the number 0.
    if isinstance(value, bool):
        raise ValueError("must be a number, not on or off")  # noqa: TRY004 - pydantic reports only ValueError
    return value


def _on(value: bool) -> bool:
    if not value:
        raise ValueError("has no off switch: guards are always enforced")
    return value


def _symbols(value: object) -> object:
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _listed(value: object) -> object:
    """Take "a, b" as a list, as environment and command line give one; names may hold spaces."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",")] if value.strip() else []


def _in_order(values: tuple[Any, ...]) -> tuple[Any, ...]:
    # One spelling for one set: equal settings have equal hashes.
    return tuple(sorted(set(values)))


def is_strategy_name(name: str) -> bool:
    """Whether a signal's own name could be this one, as it is taken on record."""
    return name != "" and on_record(name) == name


def _strategy(name: str) -> str:
    if not is_strategy_name(name):
        raise ValueError("must hold names of strategies, each a plain line of text")
    return name


def _regime(name: str) -> str:
    if name not in REGIMES:
        raise ValueError(
            f"must hold a trend ({', '.join(Trend)}), a space, and a volatility"
            f" ({', '.join(Volatility)}), such as UPTREND HIGH"
        )
    return name


Duration = Annotated[timedelta, BeforeValidator(duration)]
Count = Annotated[int, BeforeValidator(_not_bool)]
Number = Annotated[float, BeforeValidator(_not_bool)]
Dollars = Annotated[Decimal, BeforeValidator(_not_bool)]
Guard = Annotated[bool, AfterValidator(_on)]
Contracts = Annotated[Count, Field(ge=1, le=CONTRACTS_CEILING)]
Ticks = Annotated[Count, Field(ge=1, le=400)]
Symbols = Annotated[tuple[str, ...], BeforeValidator(_symbols), Field(min_length=1)]
Hour = Annotated[Count, Field(ge=0, le=23)]
Hours = Annotated[tuple[Hour, ...], BeforeValidator(_listed), AfterValidator(_in_order)]
Strategies = Annotated[
    tuple[Annotated[str, AfterValidator(_strategy)], ...],
    BeforeValidator(_listed),
    AfterValidator(_in_order),
]
Regimes = Annotated[
    tuple[Annotated[str, AfterValidator(_regime)], ...],
    BeforeValidator(_listed),
    AfterValidator(_in_order),
]


class Section(BaseModel):
    """A group of settings. Frozen; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def span(low: str, high: str) -> AfterValidator:
    """Return the bounds of a duration, both included."""
    least, most = duration(low), duration(high)

    def within(value: timedelta) -> timedelta:
        if not least <= value <= most:
            raise ValueError(f"must be from {low} to {high}")
        return value

    return AfterValidator(within)

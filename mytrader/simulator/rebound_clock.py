"""Gives modules that are not ours the virtual clock, for as long as a run lasts.

A module asks for the time through names that it imported: `datetime`, `date`, `time`, the modules
of the same names, or the functions of `time`. Each such name is found by what it is bound to and
bound to a stand-in. A stand-in makes ordinary datetimes, passes `isinstance` and hands everything
but the question for the present to the original.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NoReturn

from mytrader.errors import OurFault

_UNIX_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SECOND = dt.timedelta(seconds=1)


class _StandIn:
    """Behaves as `original` does, except for the attributes that a subclass or `own` gives it."""

    def __init__(self, original: Any, own: dict[str, Any]) -> None:  # noqa: ANN401  # any object
        self._original = original
        vars(self).update(own)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the original has
        return getattr(self._original, name)


class _StandInClass(_StandIn):
    def __call__(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401  # a constructor
        return self._original(*args, **options)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._original)


def _stand_ins(
    now: Callable[[], dt.datetime], elapsed_s: Callable[[], float]
) -> list[tuple[Any, Any]]:
    def now_in(tz: dt.tzinfo | None = None) -> dt.datetime:
        return now().astimezone(tz) if tz is not None else now().astimezone().replace(tzinfo=None)

    def utc_now() -> dt.datetime:
        return now().replace(tzinfo=None)

    def unix_s() -> float:
        return (now() - _UNIX_EPOCH) / _SECOND

    def unix_ns() -> int:
        return (now() - _UNIX_EPOCH) // dt.timedelta(microseconds=1) * 1000

    def sleep(_seconds: float) -> NoReturn:
        raise OurFault("time.sleep blocks; nothing would wake it in virtual time")

    instant = _StandInClass(dt.datetime, {"now": now_in, "utcnow": utc_now, "today": now_in})
    day = _StandInClass(dt.date, {"today": lambda: now_in().date()})
    functions = {
        "time": unix_s,
        "time_ns": unix_ns,
        "monotonic": elapsed_s,
        "perf_counter": elapsed_s,
        "sleep": sleep,
    }
    return [
        (dt.datetime, instant),
        (dt.date, day),
        (dt, _StandIn(dt, {"datetime": instant, "date": day})),
        (time, _StandIn(time, functions)),
        *((getattr(time, name), function) for name, function in functions.items()),
    ]


@contextmanager
def rebind_clock(
    now: Callable[[], dt.datetime],
    elapsed_s: Callable[[], float],
    *,
    modules: Sequence[ModuleType],
) -> Iterator[None]:
    """Let `modules` see `now` (aware UTC) as the wall clock and `elapsed_s` as the monotonic one.

    On leaving every name is what it was before, also after an error.
    """
    stand_ins = _stand_ins(now, elapsed_s)
    bound = [
        (module, name, original, stand_in)
        for module in modules
        for name, original in vars(module).items()
        for known, stand_in in stand_ins
        if original is known
    ]
    for module, name, _, stand_in in bound:
        setattr(module, name, stand_in)
    try:
        yield
    finally:
        for module, name, original, _ in bound:
            setattr(module, name, original)

"""Modules that are not ours see the virtual clock, and get their own back."""

import time
from datetime import UTC, date, datetime, timedelta
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mytrader.errors import OurFault
from mytrader.simulator.rebound_clock import rebind_clock

NOW = datetime(2025, 12, 12, 14, 30, 0, 123456, tzinfo=UTC)

SOURCE = """
import datetime, time
import datetime as dt
from datetime import datetime as stamp, date
from time import time as unix, monotonic, sleep

def seen():
    return {
        "stamp": stamp.now(dt.timezone.utc),
        "module": datetime.datetime.now(dt.timezone.utc),
        "alias": dt.datetime.now(dt.timezone.utc),
        "time": dt.datetime.fromtimestamp(time.time(), dt.timezone.utc),
        "unix": dt.datetime.fromtimestamp(unix(), dt.timezone.utc),
        "ns": dt.datetime.fromtimestamp(time.time_ns() / 1e9, dt.timezone.utc),
    }
"""


def foreign() -> Any:  # noqa: ANN401  # a module made of text has no type
    """Return a module that is not ours."""
    module = ModuleType("foreign")
    exec(SOURCE, vars(module))  # noqa: S102  # the text stands above
    return module


def test_every_way_of_asking_for_the_time_is_answered_by_the_clock() -> None:
    module = foreign()
    with rebind_clock(lambda: NOW, lambda: 12.5, modules=[module]):
        for value in module.seen().values():
            assert type(value) is datetime
            assert abs(value - NOW) <= timedelta(microseconds=1)
        assert module.monotonic() == module.time.perf_counter() == 12.5
        assert module.stamp.utcnow() == NOW.replace(tzinfo=None)
        chicago = module.stamp.now(ZoneInfo("America/Chicago"))
        assert chicago == NOW
        assert chicago.hour == 8
        local = NOW.astimezone().replace(tzinfo=None)
        assert module.stamp.now() == module.stamp.today() == local
        assert module.date.today() == module.dt.date.today() == local.date()


def test_everything_else_is_the_original() -> None:
    module = foreign()
    with rebind_clock(lambda: NOW, lambda: 0.0, modules=[module]):
        assert type(module.stamp(2025, 1, 2)) is datetime
        assert isinstance(datetime(2025, 1, 2, tzinfo=UTC), module.dt.datetime)
        assert not isinstance("2025", module.stamp)
        assert isinstance(date(2025, 1, 2), module.date)
        assert module.dt.timedelta is timedelta
        assert module.stamp.resolution is datetime.resolution
        assert module.time.gmtime(0) == time.gmtime(0)


def test_a_blocking_sleep_is_refused() -> None:
    module = foreign()
    with (
        rebind_clock(lambda: NOW, lambda: 0.0, modules=[module]),
        pytest.raises(OurFault, match="blocks"),
    ):
        module.sleep(1)


def test_names_are_restored_also_after_an_error() -> None:
    module = foreign()
    before = dict(vars(module))

    def fail() -> None:
        with rebind_clock(lambda: NOW, lambda: 0.0, modules=[module]):
            assert vars(module) != before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert vars(module) == before

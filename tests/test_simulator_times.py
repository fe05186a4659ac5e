"""Times in every form that clients write; nothing else passes for one."""

from datetime import UTC, datetime

import pytest

from mytrader.simulator.times import read_time
from mytrader.tws.errors import WireError

HALF_PAST_NINE = datetime(2025, 12, 12, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "20251212 09:30:00 US/Central",
        "20251212  09:30:00 America/Chicago",
        "20251212 09:30:00",
        "20251212 10:30:00 US/Eastern",
        "20251212 15:30:00 UTC",
        "20251212-15:30:00",
    ],
)
def test_time_is_read(text: str) -> None:
    assert read_time(text) == HALF_PAST_NINE


@pytest.mark.parametrize("text", ["", "20251212", "20251212 09:30:00 Mars/Olympus", "x y z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(WireError, match="not a time"):
        read_time(text)

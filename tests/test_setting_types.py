"""A duration carries its unit, whoever wrote it."""

from datetime import timedelta

import pytest

from mytrader.setting_types import duration, duration_text


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("15 min", 900_000),
        ("2 s", 2_000),
        ("500 ms", 500),
        ("1.5 h", 5_400_000),
        ("1 second", 1_000),
        ("90seconds", 90_000),
        (" 2 minutes ", 120_000),
        ("0 s", 0),
    ],
)
def test_durations_carry_their_unit(text: str, milliseconds: int) -> None:
    assert duration(text) == timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize(
    "bad", ["15", 15, "-1 s", "min", "1 fortnight", "", None, "1e3 s", "nan s"]
)
def test_what_is_no_duration_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="with its unit"):
        duration(bad)


@pytest.mark.parametrize("text", ["1 h", "15 min", "90 s", "500 ms", "1500 ms"])
def test_a_duration_reads_as_it_was_written(text: str) -> None:
    assert duration_text(duration(text)) == text

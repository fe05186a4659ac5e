"""Executions and their corrections share the broker's base id."""

import pytest

from mytrader.domain.orders import Side
from tests.domain_samples import a_fill


@pytest.mark.parametrize(
    ("exec_id", "base"),
    [("0000e0d5.6576fd38.01.01", "0000e0d5.6576fd38.01"), ("0000e0d5", "0000e0d5")],
)
def test_a_correction_differs_in_the_last_part_only(exec_id: str, base: str) -> None:
    """The last part counts corrections; an id without parts is its own base."""
    assert a_fill(Side.BUY, 27_200, exec_id=exec_id).base_id == base

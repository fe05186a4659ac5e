"""The position is an interval that holds everything still possible."""

import pytest

from mytrader.domain.positions import UNBOUNDED, PositionView


@pytest.mark.parametrize(
    ("view", "interval"),
    [
        (PositionView(1, booked=2), (-UNBOUNDED, UNBOUNDED)),
        (PositionView(1, booked=2, confirmed=True), (2, 2)),
        (PositionView(1, booked=2, confirmed=True, reported=2), (2, 2)),
        (PositionView(1, booked=2, confirmed=True, reported=-1), (-1, 2)),
        (PositionView(1, booked=-1, confirmed=True, reported=2), (-1, 2)),
        (PositionView(1, confirmed=True, doubt="orphan fill"), (-UNBOUNDED, UNBOUNDED)),
    ],
)
def test_the_interval_holds_what_was_booked_and_what_was_reported(
    view: PositionView, interval: tuple[int, int]
) -> None:
    """A report only widens; no answer, or a doubt, leaves everything possible."""
    assert view.interval == interval
    assert view.known == (interval[0] == interval[1])

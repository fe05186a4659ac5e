"""The picture is a document of its own and shows every class."""

from xml.etree import ElementTree as ET

from mytrader.proof.campaign_picture import picture
from mytrader.proof.tally import BOUNDS_S, Tally
from tests.test_proof_tally import played


def test_a_picture_has_a_bar_for_each_class_and_its_title() -> None:
    tally = Tally()
    tally.add(played(2))
    document = ET.fromstring(picture(tally, "50 days <hostile>"))  # noqa: S314 - our own
    bars = [each for each in document if each.get("fill") == "#3b6ea5"]
    assert len(bars) == len(BOUNDS_S) + 1
    assert sum(float(bar.get("height") or 0) > 0 for bar in bars) == 3
    assert "50 days <hostile>" in [each.text for each in document]


def test_a_picture_of_nothing_is_drawn_too() -> None:
    assert "longest 0.000 s" in picture(Tally(), "none")

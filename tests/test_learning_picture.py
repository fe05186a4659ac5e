"""The picture is a document of its own and marks what may be said of each group."""

from xml.etree import ElementTree as ET

from msgspec.structs import replace

from mytrader.learning.outcomes import Outcome
from mytrader.learning.picture import _GAINED, _LOST, _TOO_FEW, _UNSURE, picture
from mytrader.learning.tables import tables
from tests.learning_samples import a_refusal, a_trade, around


def drawn(*outcomes: Outcome, title: str = "a title") -> ET.Element:
    return ET.fromstring(picture(tables(outcomes), title))  # noqa: S314 - our own


def some(mean: float, count: int, *, hour: int) -> list[Outcome]:
    results = around(mean, count)
    return [replace(a_trade(100 * hour + n, r), hour=hour) for n, r in enumerate(results)]


def colours(document: ET.Element) -> list[str | None]:
    return [each.get("fill") for each in document if each.tag.endswith("circle")]


def texts(document: ET.Element) -> list[str]:
    return [each.text or "" for each in document if each.tag.endswith("text")]


def test_each_group_is_a_point_in_the_colour_of_what_is_known() -> None:
    unsure = [replace(a_trade(900 + n, (-1.0, 1.0)[n % 2]), hour=12) for n in range(12)]
    document = drawn(
        *some(-0.8, 20, hour=9), *some(0.8, 20, hour=10), *some(2.0, 3, hour=11), *unsure
    )
    strategy, regime, *hours = colours(document)
    assert {strategy, regime} <= {_GAINED, _UNSURE}
    assert hours == [_LOST, _GAINED, _TOO_FEW, _UNSURE]
    assert {"09", "10", "11", "12", "n=20", "n=3", "n=12"} <= set(texts(document))


def test_nothing_is_drawn_outside_of_the_page() -> None:
    document = drawn(*some(-9.0, 20, hour=9), *[a_refusal(n, "COOLDOWN", r=4.0) for n in range(9)])
    _, _, width, height = (float(each) for each in (document.get("viewBox") or "").split())
    for each in document:
        x, y = (float(each.get(name) or 0) for name in ("x", "y"))
        assert 0 <= x <= width
        assert 0 <= y <= height
    points = [float(each.get("cy") or 0) for each in document if each.tag.endswith("circle")]
    assert max(points) < height


def test_a_title_is_text_and_no_markup() -> None:
    assert "a <b> & c" in texts(drawn(a_trade(1), title="a <b> & c"))


def test_a_picture_of_nothing_is_drawn_too() -> None:
    assert texts(drawn()).count("no trades") == 4


def test_what_the_next_start_closes_is_marked() -> None:
    outcomes = [*some(-0.8, 20, hour=9), *some(0.8, 20, hour=10)]
    closed = {"hour (US Central)": ("09", "11"), "regime": (), "strategy": ("ema-cross",)}
    document = ET.fromstring(picture(tables(outcomes), "t", closed=closed))  # noqa: S314 - our own
    said = texts(document)
    assert [said[place - 2] for place, word in enumerate(said) if word == "closed"] == [
        "ema-cross",
        "09",
    ]
    assert "closed" not in texts(drawn(*outcomes))


def test_of_many_reasons_the_most_frequent_are_drawn() -> None:
    many = [a_refusal(n, f"CODE{n % 14:02d}") for n in range(40)]
    names = [text for text in texts(drawn(*many)) if text.startswith("CODE")]
    assert len(names) == 10
    assert "CODE00" in names

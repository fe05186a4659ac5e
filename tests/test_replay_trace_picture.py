"""A trace as a picture that any browser shows and that holds nothing but itself."""

from xml.etree import ElementTree as ET

from msgspec.structs import replace

from mytrader.journal.trace import Trace, trace_hex
from mytrader.replay.trace_picture import trace_svg
from mytrader.replay.traces import read_traces
from mytrader.replay.waterfall import label_of
from tests.playbook import CYCLE
from tests.trace_samples import closed, refused

TRADE = read_traces(closed().records)[CYCLE]
SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    """Return every text of a picture."""
    return [each.text or "" for each in ET.fromstring(picture).iter(f"{SVG}text")]  # noqa: S314 - our own


def test_every_span_is_drawn_with_what_matters() -> None:
    picture = trace_svg(TRADE)
    said = texts(picture)
    for span in TRADE.spans:
        assert label_of(span) in said
    assert f"cycle {CYCLE}" in said
    assert f"trace {trace_hex(CYCLE)}" in said
    assert "CLOSED by stop, net -$254.80" in said
    assert {"decision", "holding", "exit"} <= set(said)
    assert picture.count("<circle") == 2, "two fills"


def test_equal_traces_give_equal_pictures() -> None:
    assert trace_svg(TRADE) == trace_svg(read_traces(closed().records)[CYCLE])


def test_a_picture_asks_nothing_of_the_world_and_runs_nothing() -> None:
    odd = replace(TRADE.root, name="<script>alert(1)</script>", error='"><a href="x">')
    picture = trace_svg(Trace(CYCLE, (odd, *TRADE.spans[1:])))
    assert "<script" not in picture
    assert "<a " not in picture
    assert "href" not in picture.replace("href=&quot;", "").replace('a href="x"', "")
    tags = {each.tag.removeprefix(SVG) for each in ET.fromstring(picture).iter()}  # noqa: S314 - our own
    assert tags <= {"svg", "title", "rect", "text", "line", "path", "circle"}


def test_a_refusal_is_drawn_too() -> None:
    said = texts(trace_svg(read_traces(refused().records)[CYCLE]))
    assert "refused: AWS_WAIT" in said
    assert "holding" not in said

"""The earlier trader's text log."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mytrader.domain.decision import Advice, AdvisorRole
from mytrader.domain.orders import Side
from mytrader.errors import BadInput
from mytrader.replay.history import Advised, History, Leg, LinkLost, Placed, Signalled
from mytrader.replay.text_log import read_text_log, recognise
from tests.replay_samples import (
    ADVISORY,
    REAL_LOG,
    advice,
    alert,
    filled,
    good_entry,
    leg,
    line,
    needs_data,
    placed,
    reported,
    signal,
    status,
    write_log,
)

GARBAGE = st.lists(st.text(st.characters(codec="utf-8")), max_size=8)


def read(folder: Path, *lines: str) -> History:
    return read_text_log(write_log(folder, *lines))


def test_an_entry_is_read_whole(tmp_path: Path) -> None:
    record = read(tmp_path, *good_entry())
    (order,) = record.orders
    (fill,) = record.fills
    assert order == Placed(
        at=datetime(2025, 3, 3, 15, 0, 3, tzinfo=UTC),
        order_id=7,
        symbol="ES",
        side=Side.BUY,
        quantity=1,
        order_type="LIMIT",
        limit=Decimal("6000.00"),
        stop_loss=Decimal("5995.0"),
        take_profit=Decimal("6010.0"),
    )
    assert (fill.order_id, fill.side, fill.quantity, fill.price) == (7, Side.BUY, 1, 24_000)
    assert not record.doubts


def test_summer_time_is_an_hour_nearer_to_utc(tmp_path: Path) -> None:
    text = placed(0, 1, action="BUY", limit="6000.00").replace("2025-03-03", "2025-07-01")
    (order,) = read(tmp_path, reported(0, 0), text.replace("CST", "CDT")).orders
    assert order.at == datetime(2025, 7, 1, 14, 0, tzinfo=UTC)


def test_a_time_without_zone_is_chicago_time(tmp_path: Path) -> None:
    text = placed(0, 1, action="BUY", limit="6000.00").replace(" CST", ".123")
    (order,) = read(tmp_path, reported(0, 0), text).orders
    assert order.at == datetime(2025, 3, 3, 15, 0, tzinfo=UTC)


def test_a_leg_has_its_parents_opposite_side(tmp_path: Path) -> None:
    record = read(
        tmp_path,
        reported(0, 0),
        placed(1, 5, action="SELL", limit="6000.00"),
        leg(2, 6, parent_id=5),
        filled(3, 6, price="6001.00"),
    )
    child = record.order(6)
    assert (child.side, child.leg, child.parent_id) == (Side.BUY, Leg.STOP, 5)
    assert record.fills[0].side is Side.BUY


def test_a_leg_of_an_unknown_parent_is_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, reported(0, 0), leg(2, 6, parent_id=5)).orders == ()


def test_advice_is_read_with_its_weight(tmp_path: Path) -> None:
    """An unreadable answer is a WAIT that binds; the risk advisor's always binds."""
    record = read(
        tmp_path,
        reported(0, 0),
        line(1, ADVISORY),
        advice(2, "GO"),
        advice(3, "WAIT"),
        line(4, ADVISORY),
        advice(5, "PERHAPS"),
        advice(6, "WAIT", who="Risk"),
    )
    opinions = [fact.opinion for fact in record.facts if isinstance(fact, Advised)]
    decisions = [(one.decision, one.binding) for one in opinions]
    assert decisions[0][0] is Advice.GO
    assert decisions[1:] == [(Advice.WAIT, False), (Advice.WAIT, True), (Advice.WAIT, True)]
    assert opinions[2].failure == "unreadable answer PERHAPS"
    assert opinions[3].role is AdvisorRole.RISK


def test_a_confidence_beyond_one_is_not_believed(tmp_path: Path) -> None:
    """It would override a WAIT."""
    record = read(
        tmp_path,
        reported(0, 0),
        signal(1, "BUY", confidence="1.62"),
        signal(2, "BUY", confidence="0.9"),
    )
    assert [fact.confidence for fact in record.facts if isinstance(fact, Signalled)] == [0.9]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (filled(3, 5, price="6000.10"), "off the 0.25 grid"),
        (filled(3, 5, price="6000.00", quantity="0.5"), "line 5 speaks of an execution"),
        (filled(3, 5, price="six thousand"), "cannot be read"),
        (filled(3, 8, price="6000.00"), "order 8 filled, but the log never placed it"),
        ("Execution: Order 5, torn", "cannot be read"),
        (placed(3, 5, action="SELL", limit="6000.00"), "order id 5 was issued again"),
    ],
)
def test_an_execution_that_cannot_be_read_is_a_doubt(tmp_path: Path, text: str, why: str) -> None:
    record = read(tmp_path, reported(0, 0), placed(1, 5, action="BUY", limit="6000.00"), text)
    assert [why in doubt.why for doubt in record.doubts] == [True]
    assert record.fills == ()


def test_an_alert_protects_the_order_whose_fill_it_describes(tmp_path: Path) -> None:
    """A later leg's fill stands between; only the first alert of an order counts."""
    record = read(
        tmp_path,
        reported(0, 0),
        placed(1, 5, action="BUY", limit="6000.00"),
        filled(2, 5, price="6000.00"),
        leg(3, 6, parent_id=5),
        filled(4, 6, price="5995.00"),
        alert(5, "BUY", price="6000.0", stop="5995.0", target="None"),
        alert(6, "BUY", price="6000.0", stop="1.0", target="2.0"),
        alert(7, "BUY", price="7000.0", stop="1.0", target="2.0"),
    )
    assert record.order(5).stop_loss == Decimal("5995.0")
    assert record.order(5).take_profit is None
    assert record.order(6).stop_loss is None


def test_a_lost_link_is_a_fact_once_there_is_a_time(tmp_path: Path) -> None:
    lost = "Error 1100, reqId -1: Connectivity between IBKR and TWS has been lost."
    record = read(tmp_path, lost, reported(0, 0), lost, status(1, 5, word="Submitted"))
    assert len([fact for fact in record.facts if isinstance(fact, LinkLost)]) == 1


def test_an_impossible_time_is_no_line_of_the_log() -> None:
    assert list(recognise([reported(0, 0).replace("2025-03-03", "2025-13-03")])) == []


def test_a_log_that_reports_no_position_needs_the_contract(tmp_path: Path) -> None:
    path = write_log(tmp_path, placed(1, 5, action="BUY", limit="6000.00"))
    with pytest.raises(BadInput, match="--symbol"):
        read_text_log(path)
    assert read_text_log(path, "MES").order(5).symbol == "MES"


def test_two_contracts_cannot_be_told_apart(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="ES, MES, but its order lines name no contract"):
        read(tmp_path, reported(0, 0), reported(1, 0, symbol="MES"))


@pytest.mark.parametrize(("content", "why"), [("", "is empty"), ("hello\n", "holds no line")])
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "some.log"
    path.write_text(content)
    with pytest.raises(BadInput, match=why):
        read_text_log(path)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_text_log(tmp_path)


def test_a_torn_end_does_not_lose_the_rest(tmp_path: Path) -> None:
    """After a crash a log may end in zero bytes."""
    path = write_log(tmp_path, *good_entry())
    with path.open("ab") as file:
        file.write(b"\0" * 100 + b"\xff\xfe")
    assert len(read_text_log(path).fills) == 1


@pytest.mark.slow
@given(GARBAGE, GARBAGE)
@example(["2025-03-03 09:00:00 CST | INFO | x:y:1 - ", "Error 1", "\x00", "| | - -"], [])
def test_garbage_between_the_lines_changes_nothing(before: list[str], after: list[str]) -> None:
    """Whatever other libraries wrote into the log, the trade is read the same."""
    clean = list(recognise(good_entry()))
    noisy = list(recognise([*before, *good_entry(), *after]))
    assert [(seen.shape, seen.captured) for seen in noisy] == [
        (seen.shape, seen.captured) for seen in clean
    ]


@pytest.mark.slow
@given(st.text(), st.integers(0, 5))
def test_a_line_torn_anywhere_never_raises(tail: str, number: int) -> None:
    text = good_entry()[number]
    for cut in range(0, len(text), 7):
        for seen in recognise([text[:cut] + tail]):
            assert seen.shape


@needs_data
def test_the_real_log_is_read_without_a_doubt() -> None:
    record = read_text_log(REAL_LOG)
    assert (len(record.orders), len(record.fills), record.doubts) == (18, 16, ())
    order = record.order(10944)
    assert (order.stop_loss, order.take_profit) == (Decimal("6895.25"), Decimal("6894.75"))

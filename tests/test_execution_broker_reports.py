"""What a connection says: each statement one event, what cannot be read never a guess."""

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from mytrader.domain import events
from mytrader.domain.orders import Side
from mytrader.execution.book_questions import BookQuestions
from mytrader.execution.broker_reports import BrokerReports
from mytrader.execution.market_data import MarketData
from mytrader.execution.order_numbers import OrderNumbers
from tests.manual_runtime import ManualRuntime
from tests.virtual_desk import CONTRACT, PRICE

AT = datetime(2025, 12, 12, 15, tzinfo=UTC)
REF = "mt/01KC58STQGKMXKXQSAF3TTM922/S1"
HERE = SimpleNamespace(conId=CONTRACT.con_id)
ELSEWHERE = SimpleNamespace(conId=1)


class Kept(BookQuestions):
    """Questions that keep what they are told of completed orders."""

    def __init__(self, completed: list[tuple[events.OrderReported, int]]) -> None:
        super().__init__(OrderNumbers())
        self._kept = completed

    def add_completed(self, report: events.OrderReported, filled: int) -> None:
        """Keep it."""
        self._kept.append((report, filled))


class Hall:
    """Reports with an ear."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.numbers = OrderNumbers()
        self.completed: list[tuple[events.OrderReported, int]] = []
        self.questions = Kept(self.completed)
        market = MarketData(self.told.append, ManualRuntime())
        market.contracts[CONTRACT.con_id] = CONTRACT
        self.reports = BrokerReports(
            self.told.append,
            self.questions,
            market=market,
            numbers=self.numbers,
            client_id=7,
        )


@pytest.fixture
def hall() -> Hall:
    return Hall()


def order(**changes: Any) -> Any:  # noqa: ANN401 - the client's object
    fields: dict[str, Any] = {
        "orderRef": REF,
        "orderId": 12,
        "permId": 900,
        "clientId": 7,
        "action": "SELL",
        "totalQuantity": 1.0,
        "orderType": "STP LMT",
        "lmtPrice": (PRICE - 20) / 4,
        "auxPrice": PRICE / 4,
        "tif": "GTC",
        "outsideRth": True,
        "triggerMethod": 2,
        "parentId": 11,
        "ocaGroup": "",
        "ocaType": 3,
    }
    return SimpleNamespace(**{**fields, **changes})


def execution(**changes: Any) -> Any:  # noqa: ANN401 - the client's object
    fields: dict[str, Any] = {
        "execId": "0001.01",
        "orderRef": REF,
        "orderId": 12,
        "permId": 900,
        "side": "SLD",
        "shares": 1.0,
        "price": PRICE / 4,
        "time": AT,
    }
    return SimpleNamespace(**{**fields, **changes})


def test_an_echo_is_told_with_the_parents_number_and_gives_the_order_its_own(hall: Hall) -> None:
    hall.reports.order(HERE, order(), "Submitted")
    (told,) = hall.told
    assert isinstance(told, events.OrderReported)
    assert (told.ref, told.parent_id, told.side) == (REF, 11, Side.SELL)
    assert hall.numbers.of(REF) == 12


def test_another_clients_number_is_not_ours(hall: Hall) -> None:
    hall.reports.order(HERE, order(clientId=8), "Submitted")
    assert hall.numbers.of(REF) == 0


def test_a_status_carries_the_reference_of_its_number(hall: Hall) -> None:
    hall.numbers.note(REF, 12)
    hall.reports.order_status(12, 900, "Submitted", filled=0.0, remaining=1.0, why_held="trigger")
    assert hall.told == [
        events.StatusReported(REF, 12, 900, "Submitted", 0, 1, "trigger"),
    ]


def test_a_live_fill_is_told(hall: Hall) -> None:
    hall.reports.execution(HERE, execution(), -1)
    (told,) = hall.told
    assert (told.execution.side, told.execution.price) == (Side.SELL, PRICE)


@pytest.mark.parametrize(
    "changes", [{"price": 6850.1}, {"side": "BUY?"}, {"shares": 0.5}, {"shares": float("nan")}]
)
def test_a_fill_that_cannot_be_read_is_never_guessed(hall: Hall, changes: dict[str, Any]) -> None:
    """Hazard: an unknown side was taken for a sale."""
    with pytest.raises((ValueError, KeyError)):
        hall.reports.execution(HERE, execution(**changes), -1)
    assert hall.told == []


@pytest.mark.parametrize("changes", [{"action": "SSHORT"}, {"totalQuantity": 1.5}])
def test_an_order_that_cannot_be_read_is_never_guessed(
    hall: Hall, changes: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"SSHORT|1\.5"):
        hall.reports.order(HERE, order(**changes), "Submitted")
    assert hall.told == []


def test_half_a_contract_is_not_flat(hall: Hall) -> None:
    """Hazard: a position of 0.5 was cut down to 0."""
    with pytest.raises(ValueError, match="not a whole number"):
        hall.reports.position(CONTRACT.con_id, 0.5)
    hall.reports.position(1, 0.5)
    assert hall.told == []


def test_a_group_is_told_with_its_type_and_no_group_has_none(hall: Hall) -> None:
    hall.reports.order(HERE, order(ocaGroup="mt/x", ocaType=1), "Submitted")
    hall.reports.order(HERE, order(), "Submitted")
    assert [(each.oca_group, each.oca_type) for each in hall.told] == [("mt/x", 1), ("", 0)]


def test_completed_orders_are_no_news_and_get_the_number_they_had(hall: Hall) -> None:
    hall.numbers.note(REF, 12)
    over = order(orderId=0, clientId=0, parentId=0, filledQuantity=1.0)
    hall.reports.completed_order(HERE, over, "Filled")
    hall.reports.completed_order(HERE, order(orderRef="", filledQuantity=1.0), "Filled")
    hall.reports.completed_order(ELSEWHERE, over, "Filled")
    for status in ("Inactive", "", "PendingCancel"):
        hall.reports.completed_order(HERE, over, status)
    assert hall.told == []
    ((report, filled),) = hall.completed
    assert (report.order_id, report.perm_id, report.status, filled) == (12, 900, "Filled", 1)


def test_commissions_are_exact(hall: Hall) -> None:
    hall.reports.commission(SimpleNamespace(execId="0001.01", commission=2.4))
    assert hall.told == [events.CommissionReported("0001.01", Decimal("2.4"))]


def test_other_contracts_are_not_ours_to_tell(hall: Hall) -> None:
    hall.reports.order(ELSEWHERE, order(), "Submitted")
    hall.reports.execution(ELSEWHERE, execution(), -1)
    hall.reports.position(1, 100.0)
    assert hall.told == []
    hall.reports.position(CONTRACT.con_id, -1.0)
    assert hall.told == [events.PositionReported(CONTRACT.con_id, -1)]


def test_a_commission_that_is_only_told_again_is_not_news(hall: Hall) -> None:
    """Every answer about executions repeats them all, and each event is a durable record."""
    for amount in (2.4, 2.4, 2.5, 2.5, 2.4):
        hall.reports.commission(SimpleNamespace(execId="0001.01", commission=amount))
    assert [str(event.commission_usd) for event in hall.told] == ["2.4", "2.5", "2.4"]

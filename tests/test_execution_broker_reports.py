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


class Hall:
    """Reports with an ear."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.numbers = OrderNumbers()
        market = MarketData(self.told.append, ManualRuntime())
        market.contracts[CONTRACT.con_id] = CONTRACT
        self.reports = BrokerReports(
            self.told.append,
            BookQuestions(),
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


def test_a_fill_off_the_grid_halts(hall: Hall) -> None:
    hall.reports.execution(HERE, execution(price=6850.1), -1)
    assert [type(each) for each in hall.told] == [events.Halted]


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

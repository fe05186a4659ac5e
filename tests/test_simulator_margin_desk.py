"""Answers about margin: from the ledger and the table, or what a fault makes of them."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from mytrader.domain.instrument import ES
from mytrader.simulator.agenda import Agenda
from mytrader.simulator.broker import Broker
from mytrader.simulator.faults import Faults, WhatIfFault
from mytrader.simulator.ledger import Ledger
from mytrader.simulator.listing import Listing, front_month
from mytrader.simulator.margin_desk import MarginDesk
from mytrader.simulator.market import MarketTick
from mytrader.tws.answers import Problem
from mytrader.tws.contracts import WireContract
from mytrader.tws.fields import UNSET_DOUBLE_TEXT
from mytrader.tws.order_answers import OpenOrder
from mytrader.tws.place_order import PlaceOrder
from tests.manual_runtime import START, ManualRuntime
from tests.test_simulator_broker import Floor

CONTRACT = front_month(ES, date(2025, 12, 12))
QUESTION = PlaceOrder(
    5,
    WireContract(con_id=CONTRACT.con_id),
    action="SELL",
    quantity=Decimal(3),
    order_type="LMT",
    limit_price=Decimal(7000),
    tif="GTC",
    what_if=True,
)


def desk(faults: Faults = Faults()) -> MarginDesk:  # noqa: B008 - frozen
    broker = Broker(
        Listing([CONTRACT]),
        Ledger("DU1", Decimal(100_000)),
        agenda=Agenda(ManualRuntime(), lambda: None),
        faults=faults,
        latency=timedelta(milliseconds=1),
        seed=1,
    )
    broker.advance(CONTRACT, MarketTick(START, 27400, 27401, 27400, 10))
    return MarginDesk(broker, faults)


def answered(made: MarginDesk, question: PlaceOrder = QUESTION) -> OpenOrder:
    answer = made.answer(7, question)
    assert isinstance(answer, OpenOrder)
    assert answer.what_if
    return answer


def test_the_answer_says_before_change_and_after() -> None:
    answer = answered(desk())
    assert (answer.init_margin_before, answer.init_margin_change) == ("0.00", "45000.00")
    assert (answer.init_margin_after, answer.maint_margin_after) == ("45000.00", "45000.00")
    assert answer.equity_with_loan_after == "100000.00"
    assert (answer.order_id, answer.perm_id) == (5, 0)


def test_an_order_that_closes_lowers_the_margin_and_equity_follows_the_market() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=1, quantity=Decimal(4))
    floor.arrive()
    floor.tick(27401 + 40)
    made = MarginDesk(floor.broker, Faults())
    answer = answered(made, structs.replace(QUESTION, order_id=9))
    assert (answer.init_margin_before, answer.init_margin_after) == ("60000.00", "15000.00")
    paid = 4 * Decimal("2.40")
    assert Decimal(answer.equity_with_loan_after) == 100_000 + 4 * 40 * Decimal("12.5") - paid


@pytest.mark.parametrize(
    ("fault", "text"), [(WhatIfFault.SENTINEL, UNSET_DOUBLE_TEXT), (WhatIfFault.EMPTY, "")]
)
def test_faults_leave_no_number_in_the_answer(fault: WhatIfFault, text: str) -> None:
    answer = answered(desk(Faults(what_if=fault)))
    assert {answer.init_margin_after, answer.equity_with_loan_after} == {text}


def test_silence_is_a_fault() -> None:
    assert desk(Faults(what_if=WhatIfFault.SILENT)).answer(7, QUESTION) is None


def test_a_question_that_could_not_be_an_order_is_refused() -> None:
    answer = desk().answer(7, structs.replace(QUESTION, quantity=Decimal(0)))
    assert isinstance(answer, Problem)
    assert answer.code == 434


def test_a_number_serves_once() -> None:
    made = desk()
    made.answer(7, QUESTION)
    again = made.answer(7, QUESTION)
    assert isinstance(again, Problem)
    assert again.code == 103

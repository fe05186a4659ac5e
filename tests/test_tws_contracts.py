"""An empty contract names nothing; each field stands where the real client puts it."""

from ib_async import Contract

from mytrader.tws.codec import decode_request
from mytrader.tws.contracts import OrderContract, WireContract
from mytrader.tws.requests import RequestContractDetails
from tests.real_client import what_the_client_sends


def test_every_contract_field_is_in_its_place() -> None:
    contract = Contract(
        conId=1,
        symbol="a",
        secType="b",
        lastTradeDateOrContractMonth="c",
        strike=2.5,
        right="d",
        multiplier="e",
        exchange="f",
        primaryExchange="g",
        currency="h",
        localSymbol="i",
        tradingClass="j",
    )
    (body,) = what_the_client_sends(lambda client: client.reqContractDetails(9, contract))
    wanted = WireContract(1, "a", "b", "c", "2.5", "d", "e", "f", "g", "h", "i", "j")
    assert decode_request(body) == RequestContractDetails(9, wanted)


def test_defaults_leave_every_field_open() -> None:
    assert (WireContract().con_id, WireContract().symbol, WireContract().exchange) == (0, "", "")
    assert (OrderContract().con_id, OrderContract().symbol) == (0, "")

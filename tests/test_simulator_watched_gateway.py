"""The witness hears what arrives before the faults, and what leaves after them."""

import asyncio

from mytrader.simulator.fault_rules import Answer, Deafen, Drop, Match, Rule
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import GatewaySettings, SimulatedMarket
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from mytrader.simulator.watched_gateway import WatchedGateway
from mytrader.tws.fields import Message
from tests.virtual_desk import CLIENT_MODULES, CONTRACT, EPOCH, PRICE, Desk, flat, history


class Heard:
    """A witness that notes everything."""

    def __init__(self) -> None:
        self.asked_for: list[str] = []
        self.told_of: list[str] = []
        self.settlings = 0
        self.audible = False

    def settled(self) -> None:
        """See `Witness`."""
        self.settlings += 1

    def asked(self, client_id: int, message: Message) -> None:
        """See `Witness`."""
        assert client_id == 7
        self.asked_for.append(type(message).__name__)

    def told(self, message: Message) -> None:
        """See `Witness`."""
        self.told_of.append(type(message).__name__)


def watch(*rules: Rule) -> Heard:
    """Buy one contract before a witness, with faults."""
    heard = Heard()

    async def main(loop: VirtualLoop) -> None:
        runtime = VirtualRuntime(loop, lambda *_: None, seed=1)
        gateway = WatchedGateway(
            [SimulatedMarket(CONTRACT, flat(60), history())],
            runtime,
            settings=GatewaySettings(faults=Faults(rules=rules)),
            witness=heard,
        )
        loop.serve("127.0.0.1", 4002, protocol_factory=gateway.protocol_factory)
        desk = Desk(loop, gateway)
        await desk.connect()
        await desk.subscribe()
        desk.place(desk.order("BUY", PRICE / 4 + 1))
        await asyncio.sleep(5)
        heard.audible = gateway.audible(7)
        assert not gateway.audible(8)
        desk.ib.disconnect()
        await asyncio.sleep(1)

    run_virtual(main, epoch=EPOCH, modules=CLIENT_MODULES)
    return heard


def test_both_directions_are_heard() -> None:
    heard = watch()
    assert "PlaceOrder" in heard.asked_for
    assert {"ManagedAccounts", "TickPrice", "OpenOrder", "ExecutionDetails"} <= set(heard.told_of)
    assert heard.settlings > 12
    assert heard.audible


def test_a_request_that_a_fault_takes_is_heard_all_the_same() -> None:
    heard = watch(Rule(Answer(201), match=Match("PlaceOrder")))
    assert "PlaceOrder" in heard.asked_for
    assert "ExecutionDetails" not in heard.told_of


def test_a_message_that_a_fault_takes_is_not_heard() -> None:
    heard = watch(Rule(Drop(), match=Match("ExecutionDetails")))
    assert "ExecutionDetails" not in heard.told_of
    assert "OrderStatus" in heard.told_of


def test_a_deaf_connection_is_told_nothing() -> None:
    heard = watch(Rule(Deafen(), match=Match("PlaceOrder")))
    assert "OpenOrder" not in heard.told_of
    assert not heard.audible

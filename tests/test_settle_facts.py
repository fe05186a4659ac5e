"""`examples/settle_facts.py` measures what a gateway does, whichever way, and ends flat.

Our own gateway stands in for the broker, with a switch or a twist for each answer that could be
the other one: a kit that always says the same would settle nothing.
"""

import asyncio
import importlib
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from mytrader.domain.instrument import MES
from mytrader.simulator.connection import ClientConnection
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import GatewaySettings, SimulatedGateway, SimulatedMarket
from mytrader.simulator.listing import front_month, order_contract
from mytrader.simulator.market import MarketTick
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from mytrader.tws import answers, order_answers
from mytrader.tws.fields import Message
from mytrader.tws.place_order import PlaceOrder
from tests.virtual_desk import CLIENT_MODULES, EPOCH, OPENED, PRICE, flat, history, ticks

ROOT: Final = Path(__file__).resolve().parents[1]
CONTRACT: Final = front_month(MES, OPENED.date())

Twist = Callable[[list[Message]], Iterable[Message]]
"""What becomes of the messages of one write."""


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a script
    """The script, as `python examples/settle_facts.py` finds its parts."""
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    return importlib.import_module("settle_facts")


class Twisted(ClientConnection):
    """A connection whose messages are changed on their way."""

    twist: Twist

    def send(self, *messages: Message) -> None:
        """Send what the twist makes of them."""
        super().send(*self.twist(list(messages)))


class Broker(SimulatedGateway):
    """A gateway that twists what it says, and what it is told."""

    def __init__(
        self,
        runtime: VirtualRuntime,
        *,
        market: Iterable[MarketTick],
        twist: Twist,
        joins: bool,
        deaf: bool,
        settings: GatewaySettings,
    ) -> None:
        markets = [SimulatedMarket(CONTRACT, market, history())]
        super().__init__(markets, runtime, settings=settings)
        self._twist = twist
        self._joins = joins
        self._deaf = deaf

    def protocol_factory(self) -> ClientConnection:
        """Return a connection with the twist in it."""
        connection = Twisted(self)
        connection.twist = self._twist
        return connection

    def handle(self, connection: ClientConnection, message: Message) -> None:
        """Forget about groups, if orders are to join them at any time; be deaf to exits."""
        exit_ = isinstance(message, PlaceOrder) and message.order_ref.endswith("/exit")
        if self._deaf and exit_:
            return
        if self._joins and isinstance(message, PlaceOrder):
            message = replace(message, oca_group="")
        super().handle(connection, message)


def settled(
    kit: Any,  # noqa: ANN401 - a script
    *typed: str,
    twist: Twist = iter,
    joins: bool = False,
    deaf: bool = False,
    market: Iterable[MarketTick] = (),
    settings: GatewaySettings = GatewaySettings(),  # noqa: B008 - frozen
) -> tuple[dict[str, str], Broker]:
    """Return what the kit measured, by question, and the gateway as it left it."""
    failures: list[object] = []

    async def main(loop: VirtualLoop) -> tuple[dict[str, str], Broker]:
        runtime = VirtualRuntime(loop, lambda name, error: failures.append((name, error)), seed=1)
        gateway = Broker(
            runtime,
            market=market or flat(900),
            twist=twist,
            joins=joins,
            deaf=deaf,
            settings=settings,
        )
        loop.serve("127.0.0.1", 4002, protocol_factory=gateway.protocol_factory)
        found, flat_again = await kit.run(kit.arguments(typed))
        await asyncio.sleep(1)
        assert flat_again is not deaf
        return {answer.question: answer.measured for answer in found}, gateway

    found, gateway = run_virtual(main, epoch=EPOCH, modules=CLIENT_MODULES)
    assert failures == []
    assert (gateway.ledger.position(CONTRACT.con_id) == 0) is not deaf
    assert [each.sent.order_ref for each in gateway.ledger.orders if each.transmitted] == []
    return found, gateway


# What the broker may do, one way and the other.


def commission_first(messages: list[Message]) -> list[Message]:
    """Tell of the commission before the execution."""
    return sorted(messages, key=lambda each: not isinstance(each, order_answers.CommissionReport))


def twice(messages: list[Message]) -> list[Message]:
    """Repeat every status."""
    return [
        again
        for each in messages
        for again in [each] * (1 + isinstance(each, order_answers.OrderStatus))
    ]


def held_by_the_broker(messages: list[Message]) -> Iterable[Message]:
    """Simulate stop-limits: their status follows their picture, which says what they are."""
    stop = False
    for each in messages:
        if isinstance(each, order_answers.OpenOrder):
            stop = each.order_type == "STP LMT"
        status = each if isinstance(each, order_answers.OrderStatus) and stop else None
        works = status is not None and status.status == "Submitted"
        yield replace(each, status="PreSubmitted", why_held="trigger") if works else each


def children_in_a_group(messages: list[Message]) -> Iterable[Message]:
    """Name a family's group after its parent."""
    for each in messages:
        child = isinstance(each, order_answers.OpenOrder) and each.parent_id
        yield replace(each, oca_group=f"OCA{child}", oca_type=3) if child else each


def cost_with_commission(messages: list[Message]) -> Iterable[Message]:
    """Put the commission of a side into the average cost."""
    paid = MES.commission_usd_per_side
    for each in messages:
        cost = each.average_cost if isinstance(each, answers.Position) else Decimal(0)
        yield replace(each, average_cost=cost + paid) if cost else each


def children_work_at_once(messages: list[Message]) -> Iterable[Message]:
    """Let children work from the first contract of their parent on."""
    for each in messages:
        waiting = isinstance(each, order_answers.OrderStatus) and each.why_held == "child"
        yield replace(each, status="Submitted", why_held="") if waiting else each


def open_until_a_quarter_past(messages: list[Message]) -> Iterable[Message]:
    """Let regular hours end later."""
    for each in messages:
        hours = each.liquid_hours if isinstance(each, answers.ContractDetails) else ""
        yield replace(each, liquid_hours=hours.replace(":1500", ":1515")) if hours else each


FALLING: Final = [
    replace(tick, size=1) for tick in ticks(range(PRICE, PRICE - 70, -1), every_s=12)
]
"""One contract at every price, so that an order for two is filled in part for a while."""

REFUSING: Final = GatewaySettings(faults=Faults(refuse_marketable_stop_changes=True))

BOTH_WAYS: Final[list[tuple[str, dict[str, Any], str, str]]] = [
    (
        "a resting stop-limit repriced through the market",
        {"settings": REFUSING},
        "does not trade, codes 201",
        "trades at once",
    ),
    (
        "a commission report and its execution",
        {"twist": commission_first},
        "PRECEDES it",
        "follows it by 0 ms",
    ),
    ("messages repeated unchanged", {"twist": twice}, "3", "0"),
    (
        "a resting stop-limit",
        {"twist": held_by_the_broker},
        "is held by the broker: PreSubmitted trigger",
        "rests at the exchange: Submitted",
    ),
    (
        "group and type told of a bracket's children",
        {"twist": children_in_a_group},
        "OCA",
        "no group, type 3",
    ),
    (
        "average cost of a future",
        {"twist": cost_with_commission},
        "with the commission",
        "+0.00 $: without the commission",
    ),
    ("an order that joins a group after its fill", {"joins": True}, "WORKS: Sub", "is refused"),
    (
        "liquid hours of the contract",
        {"twist": open_until_a_quarter_past},
        "20251212:0830-20251212:1515",
        "20251212:0830-20251212:1500",
    ),
]


@pytest.fixture(scope="module")
def plain() -> dict[str, str]:
    """What our own gateway does, no switch on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "examples"))
        found, _ = settled(importlib.import_module("settle_facts"), "--trade")
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("question", "how", "other", "ours"), BOTH_WAYS)
def test_a_fact_is_measured_either_way(
    kit: Any,  # noqa: ANN401 - a script
    plain: dict[str, str],
    *,
    question: str,
    how: dict[str, Any],
    other: str,
    ours: str,
) -> None:
    found, _ = settled(kit, "--trade", **how)
    assert other in found[question]
    assert ours in plain[question]
    assert other not in plain[question]


@pytest.mark.slow
def test_the_children_of_a_partly_filled_parent(kit: Any) -> None:  # noqa: ANN401 - a script
    """Ours wait for the rest; a broker whose children work at once is told apart."""
    question = "the children of a partly filled parent"
    found, _ = settled(kit, "--trade", "--quantity", "2", market=FALLING)
    assert found[question].startswith("wait: ")
    assert "Submitted" in found["the same once the rest of the parent is cancelled"]
    twisted, _ = settled(
        kit, "--trade", "--quantity", "2", market=FALLING, twist=children_work_at_once
    )
    assert twisted[question].startswith("work: ")


def test_every_question_has_an_answer(plain: dict[str, str]) -> None:
    assert len(plain) == 20
    assert all(plain.values())
    unmeasured = [question for question, told in plain.items() if "not measured" in told]
    assert len(unmeasured) == 4, "what one contract in one minute of an open market cannot show"


def test_without_leave_to_trade_it_only_asks(kit: Any) -> None:  # noqa: ANN401 - a script
    found, gateway = settled(kit)
    assert found["everything about orders"] == "not measured: places orders; give --trade"
    assert gateway.ledger.orders_over == ()
    assert gateway.ledger.executions == ()


def test_an_untransmitted_order_is_looked_for_after_a_restart(kit: Any) -> None:  # noqa: ANN401 - a script
    question = "an untransmitted order after the gateway's restart"
    found, _ = settled(kit, "--restarted")
    assert found[question] == "gone"

    def remembered(messages: list[Message]) -> Iterable[Message]:
        contract = order_contract(CONTRACT)
        for each in messages:
            if isinstance(each, order_answers.OpenOrderEnd):
                yield order_answers.OpenOrder(
                    order_id=5,
                    contract=contract,
                    action="BUY",
                    quantity=Decimal(1),
                    order_type="LMT",
                    limit_price=Decimal(6000),
                    aux_price=None,
                    tif="GTC",
                    oca_group="",
                    account="DU0000001",
                    open_close="O",
                    origin=0,
                    outside_rth=True,
                    order_ref="settle-facts/untransmitted",
                    client_id=91,
                    perm_id=77,
                    status="PreSubmitted",
                )
            yield each

    found, _ = settled(kit, "--restarted", twist=remembered)
    assert found[question] == "still there"


def test_an_untransmitted_order_can_be_left_for_a_restart(kit: Any) -> None:  # noqa: ANN401 - a script
    found, gateway = settled(kit, "--trade", "--keep-untransmitted")
    assert "run this with --restarted" in found["an untransmitted order after a restart"]
    (left,) = gateway.ledger.orders
    assert not left.transmitted


# Refusals.


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("--port 7496", "--port 7496 is a live login's"),
        ("--port 4001", "--port 4001 is a live login's"),
        ("--host 10.0.0.7", "--host 10.0.0.7 is another machine; give --remote"),
        ("--quantity 4", "--quantity 4: give 1 to 3"),
        ("--port 1", "gateway 127.0.0.1:1: "),
    ],
)
def test_where_no_paper_account_can_be_is_refused_before_a_byte(
    kit: Any,  # noqa: ANN401 - a script
    capsys: pytest.CaptureFixture[str],
    typed: str,
    words: str,
) -> None:
    assert kit.main(["--trade", *typed.split()]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert words in said.err


@pytest.mark.parametrize("account", ["U1234567", "F7654321", "I1"])
def test_a_live_account_is_refused_before_an_order(kit: Any, account: str) -> None:  # noqa: ANN401 - a script
    with pytest.raises(kit.Refused, match="live account") as refused:
        settled(kit, "--trade", settings=GatewaySettings(account=account))
    assert account not in str(refused.value)


def test_an_account_that_is_not_flat_is_refused(kit: Any) -> None:  # noqa: ANN401 - a script
    def already_long(messages: list[Message]) -> Iterable[Message]:
        for each in messages:
            if isinstance(each, answers.PositionEnd):
                yield answers.Position(
                    "DU0000001", order_contract(CONTRACT), Decimal(1), Decimal(34_000)
                )
            yield each

    with pytest.raises(kit.Refused, match="the account holds MES or has orders there"):
        settled(kit, "--trade", twist=already_long)


@pytest.mark.slow
def test_a_market_that_stands_still_is_a_fault(kit: Any) -> None:  # noqa: ANN401 - a script
    with pytest.raises(kit.Refused, match="no quotes for MESZ5; check that the market is open"):
        settled(kit, "--trade", market=[replace(flat(1)[0], bid=0, ask=0, size=0)])


@pytest.mark.slow
def test_what_is_left_open_is_said_aloud(
    kit: Any,  # noqa: ANN401 - a script
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The exit is lost with the position open: the answers so far, a warning, status 3."""
    found, gateway = settled(kit, "--trade", settings=REFUSING, deaf=True)
    assert gateway.ledger.position(CONTRACT.con_id) == 1
    assert "group and type told of a bracket's children" in found

    async def not_flat(options: object) -> tuple[list[Any], bool]:
        del options
        return [kit.Answer("7", "a question", "an answer")], False

    monkeypatch.setitem(vars(kit), "run", not_flat)
    assert kit.main([]) == 3
    said = capsys.readouterr()
    assert said.out == "7     a question  an answer\n"
    assert said.err == "the account is NOT flat in MES, or orders work: look at it now\n"

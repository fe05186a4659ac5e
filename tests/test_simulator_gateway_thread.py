"""A gateway in a thread: it listens, plays what was asked, can be looked into, and ends."""

import socket
from datetime import date, time
from pathlib import Path

import pytest

from mytrader.errors import BadInput, OurFault
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway_thread import GatewayThread, PlayedDay
from mytrader.tws.codec import decode_answer, encode
from mytrader.tws.frames import API_PREFIX, ClientHello, FrameReader, encode_client_hello
from mytrader.tws.requests import StartApi
from tests.command_line import rows, write_bars

pytestmark = pytest.mark.slow
"""Each test has a gateway of its own, with a day made for it."""


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """A short session, so that nothing has to be made."""
    return write_bars(tmp_path / "bars.csv", rows())


def _connected(gateway: GatewayThread) -> socket.socket:
    client = socket.create_connection((gateway.host, gateway.port), timeout=10)
    client.sendall(encode_client_hello(ClientHello(157, 178)) + encode(StartApi(3)))
    return client


def _told(client: socket.socket, count: int) -> list[bytes]:
    reader, bodies = FrameReader(), list[bytes]()
    while len(bodies) < count:
        data = client.recv(65536)
        if not data:
            break
        bodies += reader.feed(data)
    return bodies


def test_clients_connect_and_the_ledger_can_be_read(bars: Path) -> None:
    with GatewayThread(PlayedDay(bars=bars, account="DU77")) as gateway:
        client = _connected(gateway)
        hello, accounts, *_ = _told(client, 6)
        assert hello.startswith(b"178\0")
        assert "DU77" in str(decode_answer(accounts))
        assert gateway.read(lambda ledger: ledger.executions) == ()
        assert gateway.contract.local_symbol == "ESZ5"
        gateway.start_market()
        gateway.drop_connections()
        assert client.recv(1) == b"", "the gateway has closed the connection"
        client.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((gateway.host, gateway.port), timeout=10)


def test_garbage_ends_its_own_connection_only(bars: Path) -> None:
    with GatewayThread(PlayedDay(bars=bars)) as gateway:
        with socket.create_connection((gateway.host, gateway.port), timeout=10) as noise:
            noise.sendall(API_PREFIX + b"\xff\xff\xff\xffnoise")
            assert noise.recv(100) == b""
        with _connected(gateway) as client:
            assert len(_told(client, 6)) == 6


def test_a_failure_inside_the_gateway_is_not_lost(bars: Path) -> None:
    def fail() -> None:
        raise ZeroDivisionError("inside")

    def use() -> None:
        with GatewayThread(PlayedDay(bars=bars)) as gateway:
            gateway._loop.call_soon_threadsafe(fail)
            assert gateway.read(lambda ledger: ledger.orders) == ()

    with pytest.raises(OurFault, match="ZeroDivisionError: inside"):
        use()


def test_a_synthetic_day_begins_where_it_was_asked_to() -> None:
    morning, at = PlayedDay(begin=time(9)).market()
    assert at.isoformat() == "2025-12-11T15:00:00+00:00"
    assert morning.history[-1].opened_at < at
    _, at = PlayedDay(begin=time(18)).market()
    assert at.isoformat() == "2025-12-11T00:00:00+00:00"


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (PlayedDay(symbol="GC"), "symbol GC: choose one of"),
        (PlayedDay(begin=time(16, 30)), "no bar of 2025-12-11 is that late"),
        (PlayedDay(speed=0), "speed 0"),
        (PlayedDay(bars=Path("none.csv"), day=date(2025, 12, 12)), "none.csv"),
    ],
    ids=["symbol", "begin", "speed", "file"],
)
def test_an_impossible_day_is_one_line(day: PlayedDay, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        GatewayThread(day)


def test_faults_come_as_switches_or_from_a_file(tmp_path: Path) -> None:
    written = tmp_path / "faults.yaml"
    written.write_text("reject_child_stops: 2\n", encoding="utf-8")
    assert PlayedDay(faults=written).settings().faults == Faults(reject_child_stops=2)
    assert PlayedDay(faults=Faults(fill_delay_ms=5)).settings().faults.fill_delay_ms == 5

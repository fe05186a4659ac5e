"""Whatever a client sends ends at most its own connection."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.simulator import connection as module
from mytrader.simulator.connection import MESSAGES_PER_SECOND_MAX, ClientConnection
from mytrader.tws import answers, requests
from mytrader.tws.codec import decode_answer, encode
from mytrader.tws.contracts import WireContract
from mytrader.tws.fields import Message
from mytrader.tws.frames import API_PREFIX, ClientHello, FrameReader, encode_client_hello, frame
from mytrader.tws.place_order import PlaceOrder
from tests.manual_runtime import START

HELLO = encode_client_hello(ClientHello(157, 178))
STARTED = HELLO + encode(requests.StartApi(7))


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the data."""
        self.writes.append(bytes(data))

    def close(self) -> None:
        """Remember."""
        self.closed = True

    def abort(self) -> None:
        """Remember."""
        self.closed = True


class Desk:
    """A front desk that keeps what it is asked."""

    def __init__(self, *, taken: bool = False) -> None:
        self.time = START
        self.taken = taken
        self.handled: list[Message] = []
        self.gone_count = 0
        self.alarms: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """Return the time."""
        return self.time

    def later(self, delay_s: float, action: Callable[[], None]) -> Callable[[], None]:
        """Keep the alarm; nobody rings it here, `test_gateway_garbage` does."""
        assert delay_s == module.PATIENCE_S
        self.alarms.append(action)
        return lambda: self.alarms.remove(action)

    def arrived(self) -> None:
        """Do nothing: nothing is ever due."""

    def admit(self, connection: ClientConnection, client_id: int) -> bool:
        """Say whether the id is free."""
        del connection, client_id
        return not self.taken

    def handle(self, connection: ClientConnection, message: Message) -> None:
        """Keep the message."""
        del connection
        self.handled.append(message)

    def settle(self) -> None:
        """Do nothing: there are no other connections."""

    def gone(self, connection: ClientConnection) -> None:
        """Count."""
        del connection
        self.gone_count += 1


def _connection(*, taken: bool = False) -> tuple[ClientConnection, Wire, Desk]:
    desk, wire = Desk(taken=taken), Wire()
    connection = ClientConnection(desk)
    connection.connection_made(wire)
    return connection, wire, desk


def _answers(wire: Wire) -> list[Message]:
    """Return what was written after the server's hello."""
    bodies = FrameReader().feed(b"".join(wire.writes))
    return [decode_answer(body) for body in bodies[1:]]


def test_handshake_answers_with_version_178() -> None:
    connection, wire, _ = _connection()
    connection.data_received(HELLO)
    (body,) = FrameReader().feed(wire.writes[0])
    assert body == b"178\x0020251212 09:00:00 US/Central\0"
    assert connection.client_id is None
    connection.data_received(encode(requests.StartApi(7)))
    assert connection.ready
    assert connection.client_id == 7


def test_a_client_that_offers_157_is_answered_in_its_layout() -> None:
    connection, wire, desk = _connection()
    hello = encode_client_hello(ClientHello(100, 157))
    connection.data_received(hello + encode(requests.StartApi(7)))
    connection.data_received(encode(requests.CancelOrder(31), 157))
    assert desk.handled == [requests.CancelOrder(31)]
    connection.send(answers.Problem(31, 201, "no"))
    connection.flush()
    bodies = FrameReader().feed(b"".join(wire.writes))
    assert bodies[0].startswith(b"157\0")
    assert bodies[-1] == b"4\x002\x0031\x00201\x00no\0"


def test_handshake_and_requests_may_come_byte_by_byte() -> None:
    connection, _, desk = _connection()
    stream = STARTED + encode(requests.RequestPositions())
    for index in range(len(stream)):
        connection.data_received(stream[index : index + 1])
    assert desk.handled == [requests.RequestPositions()]


def test_client_id_in_use_is_told_so_and_closed() -> None:
    connection, wire, _ = _connection(taken=True)
    connection.data_received(STARTED)
    (problem,) = _answers(wire)
    assert isinstance(problem, answers.Problem)
    assert (problem.subject, problem.code) == (-1, 326)
    assert wire.closed
    assert not connection.ready


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        API_PREFIX + b"\xff\xff\xff\xff",
        API_PREFIX + frame(b"v100..150"),
        API_PREFIX + frame(b"hello"),
        HELLO + encode(requests.RequestPositions()),
        HELLO + frame(b"71\x002\0seven\0\0"),
        HELLO + frame(b"71\x002\x00-2\0\0"),
        STARTED + b"\xff\xff\xff\xff",
    ],
)
def test_nonsense_closes_the_connection_with_a_line(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    connection, wire, desk = _connection()
    with caplog.at_level(logging.WARNING):
        connection.data_received(data)
    assert wire.closed
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    written = len(wire.writes)
    connection.data_received(STARTED)
    connection.send(answers.PositionEnd())
    connection.flush()
    assert len(wire.writes) == written
    assert desk.handled == []


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        (b"777\x001\0", -1),
        (b"4\x001\x0031\x00\x00surplus\0", 31),
        (b"no integer\0", -1),
        (b"\xff\0", -1),
        (b"", -1),
        (encode(PlaceOrder(31, WireContract()))[4:].replace(b"O", b"O\0", 1), 31),
    ],
    ids=["unknown", "surplus", "text", "not UTF-8", "empty", "order with a field too many"],
)
def test_malformed_message_is_answered_and_the_connection_lives(body: bytes, subject: int) -> None:
    connection, wire, desk = _connection()
    connection.data_received(STARTED + frame(body) + encode(requests.RequestPositions()))
    (problem,) = _answers(wire)
    assert isinstance(problem, answers.Problem)
    assert (problem.subject, problem.code) == (subject, 321)
    assert desk.handled == [requests.RequestPositions()]
    assert not wire.closed


def test_more_than_fifty_messages_a_second_get_100() -> None:
    connection, wire, desk = _connection()
    connection.data_received(STARTED)
    for number in range(MESSAGES_PER_SECOND_MAX + 2):
        connection.data_received(encode(requests.CancelOrder(number)))
    assert len(desk.handled) == MESSAGES_PER_SECOND_MAX
    assert [each.code for each in _answers(wire) if isinstance(each, answers.Problem)] == [
        100,
        100,
    ]
    assert [each.subject for each in _answers(wire) if isinstance(each, answers.Problem)] == [
        50,
        51,
    ]
    desk.time += timedelta(seconds=1)
    connection.data_received(encode(requests.CancelOrder(99)))
    assert desk.handled[-1] == requests.CancelOrder(99)


def test_answers_to_one_segment_leave_in_one_write() -> None:
    connection, wire, _ = _connection()
    connection.data_received(STARTED + frame(b"777\0") + frame(b"778\0"))
    assert len(wire.writes) == 1


def test_writes_wait_while_the_client_does_not_read() -> None:
    connection, wire, _ = _connection()
    connection.data_received(STARTED)
    connection.pause_writing()
    assert connection.congested
    written = len(wire.writes)
    connection.send(answers.PositionEnd())
    connection.flush()
    assert len(wire.writes) == written
    connection.resume_writing()
    assert len(wire.writes) == written + 1
    assert not connection.congested


def test_client_that_never_reads_is_closed() -> None:
    connection, wire, _ = _connection()
    connection.data_received(STARTED)
    connection.pause_writing()
    connection.send_frames([bytes(module.UNSENT_BYTES_MAX)])
    assert not wire.closed
    connection.send_frames([b"x"])
    assert wire.closed


def test_lost_connection_is_forgotten() -> None:
    connection, _, desk = _connection()
    connection.data_received(STARTED)
    connection.data_received(encode(requests.RequestPositions())[:5])
    assert len(desk.alarms) == 1
    connection.connection_lost(None)
    assert desk.gone_count == 1
    assert desk.alarms == []
    assert not connection.ready
    connection.close()


@pytest.mark.slow
@settings(deadline=None, print_blob=True)
@given(prefix=st.sampled_from([b"", API_PREFIX, HELLO, STARTED]), data=st.binary(max_size=80))
def test_no_bytes_raise(prefix: bytes, data: bytes) -> None:
    connection, _, _ = _connection()
    connection.data_received(prefix + data)
    connection.data_received(data)

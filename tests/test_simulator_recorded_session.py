"""Recorded bytes become conversations, and these the stage for a simulation."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from mytrader.domain.market import Bar
from mytrader.errors import BadInput
from mytrader.simulator.market import MarketTick
from mytrader.simulator.recorded_session import conversations, stage
from mytrader.simulator.recording import Chunk, Side
from mytrader.tws import answers, requests
from mytrader.tws.codec import encode
from mytrader.tws.contracts import WireContract
from mytrader.tws.fields import Message
from mytrader.tws.frames import (
    ClientHello,
    ServerHello,
    encode_client_hello,
    encode_server_hello,
    frame,
)
from tests.test_tws_answers import DETAILS

D = Decimal
AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
CLOCK = "20251211 09:00:00 US/Central"


def _chunk(seconds: float, side: Side, data: bytes, *, connection: int = 1) -> Chunk:
    return Chunk(AT + timedelta(seconds=seconds), connection, side, data)


def _greeting(*, version: int = 178, clock: str = CLOCK, connection: int = 1) -> list[Chunk]:
    hello = encode_client_hello(ClientHello(157, 178)) + encode(requests.StartApi(1))
    return [
        _chunk(0, Side.OPENED, b"", connection=connection),
        _chunk(0, Side.CLIENT, hello, connection=connection),
        _chunk(
            0,
            Side.GATEWAY,
            encode_server_hello(ServerHello(version, clock)),
            connection=connection,
        ),
    ]


def _told(*messages: Message, at: float = 1, connection: int = 1) -> Chunk:
    return _chunk(at, Side.GATEWAY, b"".join(map(encode, messages)), connection=connection)


def _asked(*messages: Message, at: float = 1, connection: int = 1) -> Chunk:
    return _chunk(at, Side.CLIENT, b"".join(map(encode, messages)), connection=connection)


def test_both_sides_of_a_conversation_are_read_however_the_bytes_were_cut() -> None:
    whole = encode(requests.RequestPositions()) + encode(requests.RequestIds())
    chunks = [
        *_greeting(),
        _chunk(1, Side.CLIENT, whole[:3]),
        _chunk(2, Side.CLIENT, whole[3:]),
        _told(answers.NextValidId(5), answers.PositionEnd()),
    ]
    (talk,) = conversations(chunks)
    assert (talk.number, talk.version) == (1, 178)
    assert [said.message for said in talk.asked] == [
        requests.StartApi(1),
        requests.RequestPositions(),
        requests.RequestIds(),
    ]
    assert [said.message for said in talk.answered] == [
        answers.NextValidId(5),
        answers.PositionEnd(),
    ]


def test_a_message_that_cannot_be_read_says_why() -> None:
    strange = frame(b"9\x001\x005\x00new\0") + frame(b"200\x001\0") + frame(b"x\0")
    (talk,) = conversations([*_greeting(), _chunk(1, Side.GATEWAY, strange)])
    assert [(said.message_id, said.fields, said.message) for said in talk.answered] == [
        (9, 4, None),
        (200, 2, None),
        (-1, 1, None),
    ]
    assert "2 fields where 1 belong" in talk.answered[0].unread
    assert "200 is not known" in talk.answered[1].unread


def test_a_connection_that_was_never_greeted_is_none() -> None:
    assert conversations([_chunk(0, Side.OPENED, b""), _chunk(1, Side.CLOSED, b"")]) == []
    with pytest.raises(BadInput, match="no connection that a gateway answered"):
        stage([])


@pytest.mark.parametrize(
    ("chunks", "said"),
    [
        (_greeting(version=176), "version 176 is not spoken"),
        ([_chunk(0, Side.CLIENT, b"GET / HTTP/1.1")], "the stream begins with"),
    ],
    ids=["version", "protocol"],
)
def test_another_protocol_or_version_is_one_line(chunks: Sequence[Chunk], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        conversations(chunks)


def _day(clock: str = CLOCK) -> list[Chunk]:
    contract = WireContract(con_id=600, symbol="ES")
    return [
        *_greeting(clock=clock),
        _asked(requests.RequestHistoricalData(3, contract)),
        _asked(requests.RequestMarketData(4, contract)),
        _told(answers.ManagedAccounts("DU7,DU8"), DETAILS),
        _told(
            answers.HistoricalData(
                3,
                "",
                "",
                (
                    _bar("20251211 08:58:00 US/Central", 6899),
                    _bar(str(int(datetime(2025, 12, 11, 14, 59, tzinfo=UTC).timestamp())), 6900),
                ),
            )
        ),
        _told(answers.TickPrice(4, 1, D("6900.25"), D(3)), at=2),
        _told(answers.TickPrice(4, 2, D("6900.50"), D(3)), at=3),
        _told(
            answers.TickPrice(4, 9, D("6800"), D(0)), answers.TickPrice(4, 4, D(-1), D(0)), at=3
        ),
        _told(answers.TickPrice(4, 4, D("6900.50"), D(7)), at=4),
        _told(answers.TickPrice(5, 4, D("1"), D(7)), at=4),
    ]


def _bar(date_text: str, price: int) -> answers.HistoricalBar:
    return answers.HistoricalBar(
        date_text, D(price), D(price + 1), D(price - 1), D(price), D(9), D(price), 3
    )


def test_contract_account_clock_quotes_and_past_make_the_stage() -> None:
    where = stage(conversations(_day()))
    assert (where.contract.con_id, where.contract.local_symbol) == (600, "ESZ5")
    assert (where.contract.instrument.symbol, where.contract.expiry) == ("ES", date(2025, 12, 19))
    assert where.account == "DU7"
    now = datetime(2025, 12, 11, 15, 0, tzinfo=UTC)
    assert AT + where.shift == now, "the gateway's clock, not the recorder's"
    assert where.ticks == (
        MarketTick(now + timedelta(seconds=3), 27601, 27602, 27601, 0),
        MarketTick(now + timedelta(seconds=4), 27601, 27602, 27602, 7),
    )
    first = datetime(2025, 12, 11, 14, 58, tzinfo=UTC)
    assert where.history == (
        Bar(first, 27596, 27600, 27592, 27596, 9),
        Bar(first + timedelta(minutes=1), 27600, 27604, 27596, 27600, 9),
    )


def test_quotes_of_a_second_connection_follow_the_first_ones() -> None:
    later = [
        *_greeting(connection=2),
        _asked(requests.RequestMarketData(9, WireContract(con_id=600)), connection=2),
        _told(
            answers.TickPrice(9, 1, D(6901), D(1)),
            answers.TickPrice(9, 2, D("6901.25"), D(1)),
            at=3.5,
            connection=2,
        ),
        _told(answers.TickPrice(9, 4, D(6901), D(2)), at=9, connection=2),
    ]
    quotes = stage(conversations([*_day(), *later])).ticks
    assert [tick.at for tick in quotes] == sorted(tick.at for tick in quotes)
    assert [tick.last for tick in quotes] == [27601, 27602, 27604]


def test_a_clock_whose_zone_nobody_knows_is_taken_as_the_recorders() -> None:
    where = stage(conversations(_day("20251211 16:00:00 Central European Standard Time")))
    assert where.shift == timedelta()


def test_a_recording_without_a_contract_of_ours_says_what_to_record() -> None:
    with pytest.raises(BadInput, match="ask for the contract details of ES or MES"):
        stage(conversations([*_greeting(), _told(answers.ManagedAccounts("DU7"))]))

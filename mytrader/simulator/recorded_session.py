"""What a recording says: who connected, what was asked and answered, and how the market moved."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from msgspec import Struct

from mytrader.domain.instrument import INSTRUMENTS, FuturesContract, Instrument
from mytrader.domain.market import Bar
from mytrader.errors import BadInput
from mytrader.simulator.market import MarketTick
from mytrader.simulator.recording import Chunk, Side
from mytrader.simulator.times import read_time
from mytrader.tws import codec, frames
from mytrader.tws.answers import (
    ContractDetails,
    HistoricalBar,
    HistoricalData,
    ManagedAccounts,
    TickPrice,
)
from mytrader.tws.errors import WireError
from mytrader.tws.fields import Message
from mytrader.tws.requests import RequestHistoricalData, RequestMarketData

_BIDS: Final = (1, 66)
_ASKS: Final = (2, 67)
_LASTS: Final = (4, 68)


class Said(Struct, frozen=True):
    """One message of a recording, or why it cannot be read: exactly one of the two is given.

    `message_id` is its first field, -1 if even that is none. `fields` is how many it has.
    """

    at: datetime
    message: Message | None
    message_id: int
    fields: int
    unread: str = ""


class Conversation(Struct, frozen=True):
    """One connection: its version, the client's bytes as they came, and both sides' messages."""

    number: int
    version: int
    told_at: datetime
    clock: datetime | None
    sent: tuple[Chunk, ...]
    asked: tuple[Said, ...]
    answered: tuple[Said, ...]


def conversations(chunks: Sequence[Chunk]) -> list[Conversation]:
    """Return every connection that was greeted by its gateway, oldest first.

    Raises `BadInput` for bytes that are not this protocol, or of a version that is not spoken.
    """
    numbers = sorted({chunk.connection for chunk in chunks})
    found = [_conversation(number, chunks) for number in numbers]
    return [each for each in found if each is not None]


def _conversation(number: int, chunks: Sequence[Chunk]) -> Conversation | None:
    mine = [chunk for chunk in chunks if chunk.connection == number]
    sent = tuple(chunk for chunk in mine if chunk.side is Side.CLIENT)
    try:
        asked = _bodies(sent, prefix=frames.API_PREFIX)
        answered = _bodies([chunk for chunk in mine if chunk.side is Side.GATEWAY])
        if not asked or not answered:
            return None
        told_at, hello = answered[0]
        greeting = frames.decode_server_hello(hello)
        if greeting.version not in (frames.SERVER_VERSION, frames.OLDER_VERSION):
            raise WireError(f"version {greeting.version} is not spoken here")  # noqa: TRY301 - one remedy for all
    except WireError as error:
        raise BadInput(
            f"connection {number} of the recording: {error}; record a client of version "
            f"{frames.SERVER_VERSION} or {frames.OLDER_VERSION}"
        ) from None
    return Conversation(
        number,
        greeting.version,
        told_at,
        _clock(greeting.time),
        sent,
        tuple(_said(at, body, version=greeting.version, ours=False) for at, body in asked[1:]),
        tuple(_said(at, body, version=greeting.version, ours=True) for at, body in answered[1:]),
    )


def _bodies(chunks: Sequence[Chunk], prefix: bytes = b"") -> list[tuple[datetime, bytes]]:
    reader = frames.FrameReader(prefix=prefix)
    return [(chunk.at, body) for chunk in chunks for body in reader.feed(chunk.data)]


def _said(at: datetime, body: bytes, *, version: int, ours: bool) -> Said:
    head, _, _ = body.partition(b"\0")
    message_id = int(head) if head.isdigit() and len(head) < 10 else -1
    count = body.count(b"\0")
    try:
        read = codec.decode_answer if ours else codec.decode_request
        return Said(at, read(body, version), message_id, count)
    except WireError as error:
        return Said(at, None, message_id, count, str(error))


def _clock(text: str) -> datetime | None:
    try:
        return read_time(text)
    except WireError:
        return None


class Stage(Struct, frozen=True):
    """What a simulation needs to stand where the recorded gateway stood.

    `shift` added to a recorded time is the gateway's own time.
    """

    contract: FuturesContract
    account: str
    shift: timedelta
    ticks: tuple[MarketTick, ...]
    history: tuple[Bar, ...] = ()


def stage(talks: Sequence[Conversation]) -> Stage:
    """Return contract, account, clock and quotes of a recording. Raises `BadInput`."""
    if not talks:
        raise BadInput("the recording holds no connection that a gateway answered")
    contract = _contract(talks)
    accounts = [m.accounts for m in _answers(talks) if isinstance(m, ManagedAccounts)]
    clocks = [talk.clock - talk.told_at for talk in talks if talk.clock is not None]
    # A gateway's zone may have a name that we do not know; then both clocks are taken as equal.
    shift = clocks[0] if clocks else timedelta()
    ticks = tuple(_ticks(talks, contract, shift=shift))
    account = accounts[0].split(",")[0] if accounts else ""
    try:
        history = tuple(_history(talks, contract))
    except WireError as error:
        raise BadInput(f"the recording's bars: {error}; record minutes of a future") from None
    return Stage(contract, account, shift, ticks, history)


def _answers(talks: Sequence[Conversation]) -> Iterator[Message]:
    for talk in talks:
        yield from (said.message for said in talk.answered if said.message is not None)


def _contract(talks: Sequence[Conversation]) -> FuturesContract:
    for message in _answers(talks):
        if isinstance(message, ContractDetails) and message.symbol in INSTRUMENTS:
            return FuturesContract(
                message.con_id,
                INSTRUMENTS[message.symbol],
                message.local_symbol,
                _expiry(message.last_trade_date),
            )
    raise BadInput(
        "the recording describes no contract that is simulated: let the client ask for the "
        f"contract details of {' or '.join(INSTRUMENTS)}"
    )


def _expiry(text: str) -> date:
    try:
        return datetime.strptime(text[:8], "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise BadInput(f"the recording's contract expires on {text!r}, which is no date") from None


def _ticks(
    talks: Sequence[Conversation], contract: FuturesContract, *, shift: timedelta
) -> Iterator[MarketTick]:
    """Yield the quotes of `contract`: each connection's first subscription, one after another."""
    newest: datetime | None = None
    for talk in talks:
        req_id = _first_subscription(talk, contract)
        if req_id is None:
            continue
        for tick in _Tape(contract.instrument, req_id).ticks(talk.answered, shift):
            if newest is None or tick.at >= newest:
                newest = tick.at
                yield tick


def _first_subscription(talk: Conversation, contract: FuturesContract) -> int | None:
    for said in talk.asked:
        request = said.message
        if isinstance(request, RequestMarketData) and request.contract.con_id in (
            0,
            contract.con_id,
        ):
            return request.req_id
    return None


def _history(talks: Sequence[Conversation], contract: FuturesContract) -> list[Bar]:
    """Return the one-minute bars of the longest answer about the past."""
    minutes = {
        (talk.number, said.message.req_id)
        for talk in talks
        for said in talk.asked
        if isinstance(said.message, RequestHistoricalData) and said.message.bar_size == "1 min"
    }
    found: list[Bar] = []
    for talk in talks:
        for said in talk.answered:
            told = said.message
            if isinstance(told, HistoricalData) and (talk.number, told.req_id) in minutes:
                bars = [_bar(each, contract.instrument) for each in told.bars]
                found = max(found, bars, key=len)
    return found


def _bar(told: HistoricalBar, instrument: Instrument) -> Bar:
    if told.date.isdigit() and len(told.date) > 8:
        at = datetime.fromtimestamp(int(told.date), UTC)
    else:
        at = read_time(told.date)
    low, high = instrument.ticks_down(told.low), instrument.ticks_up(told.high)
    opened, closed = instrument.ticks_down(told.open), instrument.ticks_down(told.close)
    return Bar(at, opened, high, low, closed, max(int(told.volume), 0))


class _Tape:
    """Quote messages of one subscription become a market."""

    def __init__(self, instrument: Instrument, req_id: int) -> None:
        self._instrument = instrument
        self._req_id = req_id
        self._bid = self._ask = self._last = 0

    def ticks(self, answered: Sequence[Said], shift: timedelta) -> Iterator[MarketTick]:
        for said in answered:
            message = said.message
            if isinstance(message, TickPrice) and message.req_id == self._req_id:
                size = self._take(message)
                if size is not None and self._bid and self._ask:
                    last = self._last or self._bid
                    yield MarketTick(said.at + shift, self._bid, self._ask, last, size)

    def _take(self, message: TickPrice) -> int | None:
        """Note a price; return what was traded at it, `None` if it is not of the touch."""
        if message.price <= 0:
            return None
        ticks = self._instrument.ticks_down(message.price)
        if message.tick_type in _LASTS:
            self._last = ticks
            return int(message.size)
        if message.tick_type in _BIDS:
            self._bid = ticks
        elif message.tick_type in _ASKS:
            self._ask = ticks
        else:
            return None
        return 0

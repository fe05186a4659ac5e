"""Events to records and back, and the chain that makes a changed record visible.

A record is one event with the commands it led to. Its payload is JSON,
`{"v": 1, "event": {...}, "commands": [...]}`, written in one canonical form, so that equal
events have equal bytes. Every record carries the SHA-256 of the record before it and of its own
content. Each opening of a journal (a start of the trader) is a link of the same chain and names
the logic, the package and the configuration that the following records were made by.

No time at which anything was written enters the chain: two runs that see the same events at the
same event times end in the same hash.

JSON has no word for a float that is not finite, and msgspec writes null. A signal with such a
number must still be recorded as it was, because a guard refuses it; its payload spells the number
as text and says so (`"text_floats": true`).
"""

import hashlib
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from mytrader.domain.commands import (
    AnyCommand,
    AskAdvice,
    CancelOrder,
    PlaceBracket,
    QueryBook,
    RaiseAlert,
)
from mytrader.domain.events import (
    AdviceGiven,
    AnyEvent,
    BookAnswered,
    ErrorReported,
    ExecutionReported,
    OrderNotWritten,
    OrderReported,
    OrderWritten,
    SignalRaised,
    StatusReported,
)
from mytrader.domain.known import Known
from mytrader.domain.orders import parse_ref
from mytrader.errors import JournalFault, invariant

PAYLOAD_VERSION: Final = 1
GENESIS: Final = "0" * 64
"""What the first opening follows."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Opening(Struct, frozen=True):
    """Who writes: the logic, the package and the configuration of one start of the trader.

    `run` holds the parameters that repeat the run (seed, date, strategy); nothing in it may
    differ between two runs that are meant to be equal.
    """

    logic_version: int
    package_version: str
    config_hash: str
    run: dict[str, str | int | float | bool | None] = {}


class OpeningRow(NamedTuple):
    """An opening as it lies in the file. `opened_at_ns` is for people and outside the chain."""

    number: int
    after_sequence: int
    opened_at_ns: int
    content: str
    prev_hash: str
    hash: str


class Row(NamedTuple):
    """A record as it lies in the file. `at_ns` is nanoseconds since 1970, UTC."""

    sequence: int
    at_ns: int
    cycle_id: str | None
    kind: str
    payload: str
    prev_hash: str
    hash: str


class Record(Struct, frozen=True):
    """One event as it was recorded, with the commands it led to; see `ports.JournalRecord`."""

    sequence: int
    at: datetime
    cycle_id: str | None
    kind: str
    event: AnyEvent
    commands: tuple[AnyCommand, ...]
    hash: str


class _Payload(Struct, frozen=True):
    v: int
    event: AnyEvent
    commands: tuple[AnyCommand, ...]


class _Version(Struct, frozen=True):
    v: int
    text_floats: bool = False


_encoder: Final = msgspec.json.Encoder(decimal_format="string", order="deterministic")
_payload_strict: Final = msgspec.json.Decoder(_Payload)
_payload_text_floats: Final = msgspec.json.Decoder(_Payload, strict=False)
_version: Final = msgspec.json.Decoder(_Version)
_opening: Final = msgspec.json.Decoder(Opening)


def nanoseconds(at: datetime) -> int:
    """Return an aware time as nanoseconds since 1970; the clock's own grain is a microsecond."""
    invariant(at.tzinfo is not None, f"a journal time must be aware UTC, not {at!r}")
    return (at - _EPOCH) // _MICROSECOND * 1000


def moment(at_ns: int) -> datetime:
    """Return nanoseconds since 1970 as aware UTC."""
    return _EPOCH + timedelta(microseconds=at_ns // 1000)


def payload_of(event: AnyEvent, commands: Sequence[AnyCommand]) -> str:
    """Return the canonical JSON of an event and its commands.

    Raises `JournalFault` for text that is not Unicode: such a record could not be read again.
    """
    try:
        if any(_holds_odd_float(item) for item in (event, *commands)):
            return _with_text_floats(event, commands)
        return _encoder.encode(_Payload(PAYLOAD_VERSION, event, tuple(commands))).decode()
    except (UnicodeEncodeError, OverflowError) as error:
        raise JournalFault(f"an event of kind {kind_of(event)} has no JSON: {error}") from None


def kind_of(item: AnyEvent | AnyCommand) -> str:
    """Return the stable tag of an event or a command."""
    return str(item.__struct_config__.tag)


def linked(prev_hash: str, *fields: str | int | None) -> str:
    """Return the hash of a link: SHA-256 of the link before it and of this one's fields."""
    return hashlib.sha256(_encoder.encode((prev_hash, *fields))).hexdigest()


def record_row(
    sequence: int, at: datetime, event: AnyEvent, commands: Sequence[AnyCommand], *, prev: str
) -> Row:
    """Return the row of an event that follows the link with hash `prev`."""
    at_ns = nanoseconds(at)
    cycle_id = next(iter(cycle_ids(event, commands)), None)
    kind, payload = kind_of(event), payload_of(event, commands)
    digest = linked(prev, sequence, at_ns, cycle_id, kind, payload)
    return Row(sequence, at_ns, cycle_id, kind, payload, prev, digest)


def opening_row(
    number: int, after_sequence: int, at: datetime, opening: Opening, *, prev: str
) -> OpeningRow:
    """Return the row of a start of the trader that follows the link with hash `prev`."""
    content = _encoder.encode(opening).decode()
    digest = linked(prev, "opening", number, after_sequence, content)
    return OpeningRow(number, after_sequence, nanoseconds(at), content, prev, digest)


def opening_of(row: OpeningRow) -> Opening:
    """Return what an opening row says. Raises `JournalFault` when it cannot be read."""
    try:
        return _opening.decode(row.content)
    except msgspec.MsgspecError as error:
        raise JournalFault(f"opening {row.number} cannot be read: {error}") from None


def record_of(row: Row) -> Record:
    """Return what a row says.

    Raises `JournalFault`, with the sequence number, for a payload of a newer version or one that
    is no event of ours.
    """
    try:
        version = _version.decode(row.payload)
        if version.v > PAYLOAD_VERSION:
            raise JournalFault(
                f"record {row.sequence} has payload version {version.v} and this program reads"
                f" up to {PAYLOAD_VERSION}: use a newer mytrader"
            )
        decoder = _payload_text_floats if version.text_floats else _payload_strict
        payload = decoder.decode(row.payload)
    except msgspec.MsgspecError as error:
        raise JournalFault(
            f"record {row.sequence} ({row.kind}) cannot be read: {error}: it was written by"
            " another version of mytrader, or damaged"
        ) from None
    at = moment(row.at_ns)
    event, commands = payload.event, payload.commands
    return Record(row.sequence, at, row.cycle_id, row.kind, event, commands, row.hash)


def cycle_ids(event: AnyEvent, commands: Sequence[AnyCommand]) -> list[str]:
    """Return every trade cycle that a record concerns, the event's own first, without repeats."""
    found = _event_cycles(event)
    for command in commands:
        found.extend(_command_cycles(command))
    return list(dict.fromkeys(found))


def _event_cycles(event: AnyEvent) -> list[str]:
    match event:
        case SignalRaised() | AdviceGiven():
            return [event.cycle_id]
        case OrderWritten() | OrderNotWritten() | OrderReported():
            return _cycles_of_refs(event.ref)
        case StatusReported() | ErrorReported():
            return _cycles_of_refs(event.ref)
        case ExecutionReported():
            return _cycles_of_refs(event.execution.ref)
        case BookAnswered(book=Known(value=book)):
            refs = [order.ref for order in book.orders]
            return _cycles_of_refs(*refs, *(execution.ref for execution in book.executions))
        case _:
            return []


def _command_cycles(command: AnyCommand) -> list[str]:
    match command:
        case AskAdvice():
            return [command.cycle_id]
        case PlaceBracket():
            return [command.approved.order.cycle_id]
        case CancelOrder():
            return _cycles_of_refs(command.ref)
        case RaiseAlert():
            named = [command.cycle_id] if command.cycle_id else []
            return [*named, *_cycles_of_refs(command.ref or "")]
        case QueryBook():
            return []
        case _:
            return _cycles_of_refs(command.approved.order.ref)


def _cycles_of_refs(*refs: str) -> list[str]:
    parsed = (parse_ref(ref) for ref in refs)
    return [ref.cycle_id for ref in parsed if ref is not None]


def _holds_odd_float(item: AnyEvent | AnyCommand) -> bool:
    """Whether a float inside is NaN or infinite. Only these three kinds hold floats at all."""
    match item:
        case SignalRaised() | AskAdvice():
            numbers = [item.signal.confidence, *item.signal.features.values()]
        case AdviceGiven():
            numbers = [
                number
                for opinion in item.opinions
                for number in (opinion.confidence, opinion.size_multiplier, opinion.latency_ms)
                if number is not None
            ]
        case _:
            return False
    return not all(map(math.isfinite, numbers))


def _with_text_floats(event: AnyEvent, commands: Sequence[AnyCommand]) -> str:
    plain = msgspec.to_builtins(_Payload(PAYLOAD_VERSION, event, tuple(commands)))
    return _encoder.encode(_spelled({**plain, "text_floats": True})).decode()


def _spelled(value: Any) -> Any:  # noqa: ANN401 - plain JSON data has no narrower type
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {key: _spelled(item) for key, item in value.items()}
        case list() | tuple():
            return [_spelled(item) for item in value]
        case _:
            return value

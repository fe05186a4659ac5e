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
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from mytrader.domain.commands import (
    AnyCommand,
    AskAdvice,
    AskMargin,
    CancelOrder,
    ChangeOrder,
    PlaceBracket,
    PlaceEmergencyStop,
    PlaceExit,
    RaiseAlert,
)
from mytrader.domain.events import (
    AdviceGiven,
    AdvisorCalled,
    AnyEvent,
    BookAnswered,
    ErrorReported,
    ExecutionReported,
    MarginStated,
    OrderNotWritten,
    OrderReported,
    OrdersNumbered,
    OrderWritten,
    SignalRaised,
    StatusReported,
)
from mytrader.domain.known import Unknown
from mytrader.domain.memory import Recall
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
        suspects = [item for item in (event, *commands) if type(item) in _HOLDERS_OF_FLOATS]
        if any(map(_holds_odd_float, suspects)):
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
    sequence: int,
    at: datetime,
    event: AnyEvent,
    *,
    commands: Sequence[AnyCommand],
    prev: str,
) -> Row:
    """Return the row of an event that follows the link with hash `prev`."""
    at_ns = nanoseconds(at)
    cycle_id = next(iter(cycle_ids(event, commands)), None)
    kind, payload = kind_of(event), payload_of(event, commands)
    digest = linked(prev, sequence, at_ns, cycle_id, kind, payload)
    return Row(sequence, at_ns, cycle_id, kind, payload, prev, digest)


def opening_row(
    number: int, after_sequence: int, at: datetime, *, opening: Opening, prev: str
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
    found = _cycles_of(event)
    for command in commands:
        found.extend(_cycles_of(command))
    return found if len(found) < 2 else list(dict.fromkeys(found))


def _cycles_of(item: AnyEvent | AnyCommand) -> list[str]:
    by_id, by_refs = _CYCLE_ID.get(type(item)), _REFS.get(type(item))
    found = [by_id(item)] if by_id else []
    for ref in by_refs(item) if by_refs else ():
        parsed = parse_ref(ref)
        if parsed is not None:
            found.append(parsed.cycle_id)
    return [cycle_id for cycle_id in found if cycle_id]


def _refs_of_answer(answer: BookAnswered) -> list[str]:
    if isinstance(answer.book, Unknown):
        return []
    book = answer.book.value
    return [*(order.ref for order in book.orders), *(fill.ref for fill in book.executions)]


def _own_ref(item: Any) -> tuple[str]:  # noqa: ANN401 - whatever the table below says has one
    return (item.ref or "",)


def _approved_ref(command: Any) -> tuple[str]:  # noqa: ANN401 - see above
    return (command.approved.order.ref,)


# Tables, because a quote would otherwise be compared with every class before it is passed over.
_CYCLE_ID: Final[dict[type[Any], Callable[[Any], str | None]]] = {
    SignalRaised: attrgetter("cycle_id"),
    AdviceGiven: attrgetter("cycle_id"),
    AdvisorCalled: attrgetter("cycle_id"),
    MarginStated: attrgetter("cycle_id"),
    AskMargin: attrgetter("cycle_id"),
    AskAdvice: attrgetter("cycle_id"),
    RaiseAlert: attrgetter("cycle_id"),
    PlaceBracket: attrgetter("approved.order.cycle_id"),
}
_REFS: Final[dict[type[Any], Callable[[Any], Iterable[str]]]] = {
    OrdersNumbered: lambda event: (ref for ref, _ in event.numbers),
    OrderWritten: _own_ref,
    OrderNotWritten: _own_ref,
    OrderReported: _own_ref,
    StatusReported: _own_ref,
    ErrorReported: _own_ref,
    ExecutionReported: lambda event: (event.execution.ref,),
    BookAnswered: _refs_of_answer,
    CancelOrder: _own_ref,
    RaiseAlert: _own_ref,
    PlaceExit: _approved_ref,
    PlaceEmergencyStop: _approved_ref,
    ChangeOrder: _approved_ref,
}
_HOLDERS_OF_FLOATS: Final = frozenset((SignalRaised, AskAdvice, AdviceGiven, AdvisorCalled))


def _holds_odd_float(item: AnyEvent | AnyCommand) -> bool:
    """Whether a float inside is NaN or infinite."""
    numbers: list[float | None] = []
    if isinstance(item, AdviceGiven):
        for opinion in item.opinions:
            numbers += (opinion.confidence, opinion.size_multiplier, opinion.latency_ms)
        numbers += _numbers_of(item.recall)
    elif isinstance(item, AdvisorCalled):
        numbers.append(item.call.latency_ms)
    elif isinstance(item, SignalRaised | AskAdvice):
        numbers += (item.signal.confidence, *item.signal.features.values())
    return not all(number is None or math.isfinite(number) for number in numbers)


def _numbers_of(recall: Recall | None) -> list[float | None]:
    if recall is None:
        return []
    numbers = [recall.support, recall.mean_r, recall.latency_ms]
    for trade in recall.similar:
        numbers += (trade.distance, trade.result_r)
    return numbers


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
